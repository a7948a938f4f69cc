"""What is wrong with a definition, as values: every fault has a code, a place and a message.

Codes and messages are AWS's where a recording or its documentation shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepwell.errors import StepwellError

#: the text is not JSON, or not an object
INVALID_JSON = "INVALID_JSON_DESCRIPTION"
#: a field is missing, unknown here, or of the wrong type or range
SCHEMA = "SCHEMA_VALIDATION_FAILED"
#: StartAt, Next or Default name a state that is not there
MISSING_TARGET = "MISSING_TRANSITION_TARGET"
#: nothing leads to a state
UNREACHABLE = "UNREACHABLE_STATE"
#: part of the language that this server does not run
UNSUPPORTED = "UNSUPPORTED"

ERROR = "ERROR"
WARNING = "WARNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One fault of a definition."""

    code: str
    #: `ERROR` or `WARNING`; only an error makes a definition invalid
    severity: str
    message: str
    #: JSON pointer as AWS prints it: `/States/Train/Next`, and `/` for the whole definition
    pointer: str
    #: where in the text, counted from 1
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.code}: {self.message} at {self.pointer}"

    def caret(self, text: str) -> str:
        """The faulty line of `text`, with a caret under the place."""
        lines = text.splitlines()
        line = lines[self.line - 1] if 0 < self.line <= len(lines) else ""
        margin = f"{self.line} | "
        indent = "".join("\t" if c == "\t" else " " for c in line[: self.column - 1])
        return f"{margin}{line}\n{' ' * len(margin)}{indent}^"


class DefinitionInvalid(StepwellError):
    """A definition has faults; `diagnostics` holds all of them, warnings included."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(create_message(self.diagnostics))


def create_message(diagnostics: Sequence[Diagnostic]) -> str:
    """The message of AWS's `InvalidDefinition` error: the errors in order, joined by commas."""
    parts = [f"{d.code}: {d.message} at {d.pointer}" for d in diagnostics if d.severity == ERROR]
    return f"Invalid State Machine Definition: '{', '.join(parts)}'"
