"""What ends the job, and how it is told: one message of at most a kilobyte, whatever stood in the files.

SageMaker keeps that much of a job's last words (its ExitMessage), so they name the first faults exactly and
count the rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import List

#: bytes that a message may have (UTF-8): SageMaker keeps one kilobyte
LONGEST_MESSAGE = 1000
#: faults that a message names
SHOWN = 5


class PrepareFault(Exception):
    """The job ends without a batch. `code` begins its message, for those who read it by machine."""

    code = "JOB_FAILED"

    def message(self) -> str:
        """What the job leaves behind: the code and what to mend, in at most LONGEST_MESSAGE bytes."""
        return clipped(f"{self.code}: {self}")


class SettingsInvalid(PrepareFault):
    """What is declared of the batch cannot be so; the message names it."""

    code = "SETTINGS_INVALID"


class FunctionFailed(PrepareFault):
    """The user's function is not there, raised, or made nothing."""

    code = "FUNCTION_FAILED"


class BatchInvalid(PrepareFault):
    """The batch's files have other columns than declared, or values that cannot be."""

    code = "BATCH_INVALID"


class TooFewRows(PrepareFault):
    """The batch is sound and smaller than `least_rows`."""

    code = "TOO_FEW_ROWS"


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a batch's files, and what would be right."""

    #: the file's path below the job's folder
    file: str
    #: the physical line where the row begins, from 1; 0: the file as a whole
    line: int
    #: the column's name; empty: the row as a whole
    column: str
    #: what is wrong, with the value
    problem: str
    #: what may stand there; empty where the problem says it
    allowed: str = ""

    def sentence(self) -> str:
        """The fault in one line, its parts shortened so that five fit a message."""
        where = [_tail(self.file, 70)]
        if self.line:
            where.append(f"line {self.line}")
        if self.column:
            where.append(f"column {quoted(self.column, 30)}")
        allowed = f" (allowed: {_head(self.allowed, 80)})" if self.allowed else ""
        return f"{', '.join(where)}: {_head(self.problem, 160)}{allowed}"


class Faults:
    """The first faults of a batch, and how many there were."""

    def __init__(self) -> None:
        self.shown: List[Fault] = []
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def add(self, fault: Fault) -> None:
        """Count it, and keep it if it is one of the first."""
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(fault)

    def error(self) -> BatchInvalid:
        """All of it as one exception, whose message fits."""
        kept: List[str] = []
        for fault in self.shown:
            if kept and len(self._told([*kept, fault.sentence()]).encode("utf-8")) > LONGEST_MESSAGE - 20:
                break
            kept.append(fault.sentence())
        return BatchInvalid(self._told(kept))

    def _told(self, sentences: List[str]) -> str:
        rest = self.count - len(sentences)
        return "; ".join(sentences) + (f"; and {rest:,} more" if rest else "")


def quoted(value: str, longest: int = 40) -> str:
    """A value in quotes, its control characters escaped, cut to so many characters."""
    cut = value if len(value) <= longest else value[: longest - 1] + "…"
    return json.dumps(cut, ensure_ascii=False)


def clipped(text: str) -> str:
    """The text in at most LONGEST_MESSAGE bytes of UTF-8; what isn't text in it is replaced."""
    found = text.encode("utf-8", "replace")
    if len(found) > LONGEST_MESSAGE:
        found = found[: LONGEST_MESSAGE - 3].decode("utf-8", "ignore").encode("utf-8") + "…".encode()
    return found.decode("utf-8")


def _head(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _tail(text: str, longest: int) -> str:
    return text if len(text) <= longest else "…" + text[1 - longest :]
