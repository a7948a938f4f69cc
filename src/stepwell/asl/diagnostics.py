"""What is wrong with a definition, as values: every fault has a code, a place and a message.

Codes are those of AWS's ValidateStateMachineDefinition, and one of our own. Messages are AWS's where
its answers are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepwell.asl.source import Path, Source, pointer
from stepwell.errors import StepwellError

#: the text is not JSON, or not an object
INVALID_JSON = "INVALID_JSON_DESCRIPTION"
#: a field is missing, unknown here, or of the wrong type or range
SCHEMA = "SCHEMA_VALIDATION_FAILED"
#: StartAt, Next or Default name a state that is not there, or nothing leads to a state
MISSING_TARGET = "MISSING_TRANSITION_TARGET"
#: no state of the machine ends it
MISSING_END = "MISSING_END_STATE"
DUPLICATE_STATE_NAME = "DUPLICATE_STATE_NAME"
INVALID_STATE_NAME = "INVALID_STATE_NAME"
#: warning: a value looks like a path, its field's name does not end with `.$`
NO_DOLLAR = "NO_DOLLAR"
#: warning: a Pass state's Result holds keys that end with `.$`
PASS_RESULT_IS_STATIC = "PASS_RESULT_IS_STATIC"
TOO_DEEPLY_NESTED = "TOO_DEEPLY_NESTED"
#: our own: part of the language that this server does not run
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
    #: as AWS prints it: `/States/Train/Catch[0]/Next`, `/` for the whole definition; None where AWS
    #: gives no location
    pointer: str | None
    #: where in the text, counted from 1
    line: int
    column: int

    def __str__(self) -> str:
        place = f" at {self.pointer}" if self.pointer is not None else ""
        return f"{self.line}:{self.column}: {self.code}: {self.message}{place}"

    def caret(self, text: str) -> str:
        """The faulty line of `text`, with a caret under the place."""
        lines = text.split("\n")
        line = lines[self.line - 1].rstrip("\r") if 0 < self.line <= len(lines) else ""
        margin = f"{self.line} | "
        indent = "".join("\t" if char == "\t" else " " for char in line[: self.column - 1])
        return f"{margin}{line}\n{' ' * len(margin)}{indent}^"


class DefinitionInvalid(StepwellError):
    """A definition has faults; `diagnostics` holds all of them, warnings included."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(create_message(self.diagnostics))


class Report:
    """Collects the diagnostics of one definition."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found = [
            _diagnostic(INVALID_JSON, ERROR, f"Duplicate field '{path[-1]}'", path, line, column)
            for path, line, column in source.duplicates()
        ]

    def error(self, path: Path, message: str, code: str = SCHEMA, *, inside: int | None = None) -> None:
        """`inside`: the character of the text at `path` that is meant; None for the whole part."""
        position = self._source.position(path) if inside is None else self._source.inside(path, inside)
        self._found.append(_diagnostic(code, ERROR, message, path, *position))

    def warning(self, path: Path, message: str, code: str) -> None:
        self._found.append(_diagnostic(code, WARNING, message, path, *self._source.position(path)))

    def error_without_location(self, message: str, code: str) -> None:
        """AWS gives some faults of the whole definition no location."""
        self._found.append(_diagnostic(code, ERROR, message, None, 1, 1))

    @property
    def failed(self) -> bool:
        return any(diagnostic.severity == ERROR for diagnostic in self._found)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(self._found)


def _diagnostic(
    code: str, severity: str, message: str, path: Path | None, line: int, column: int
) -> Diagnostic:
    where = None if path is None else pointer(path)
    return Diagnostic(code=code, severity=severity, message=message, pointer=where, line=line, column=column)


def create_message(diagnostics: Sequence[Diagnostic]) -> str:
    """The message of AWS's `InvalidDefinition` error: the errors in order, joined by commas."""
    parts = [
        f"{found.code}: {found.message} at {'null' if found.pointer is None else found.pointer}"
        for found in diagnostics
        if found.severity == ERROR
    ]
    return f"Invalid State Machine Definition: '{', '.join(parts)}'"
