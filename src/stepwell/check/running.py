"""What a run of the program told, where its components made one necessary."""

from __future__ import annotations

from collections.abc import Iterator

from stepwell.check.program import Program
from stepwell.check.rules import Fault, Rule


def _raised(program: Program) -> Iterator[Fault]:
    for raised in program.raised:
        yield Fault(
            place=raised.place,
            message=" ".join(raised.message.split()),
            mend=f"{raised.advice}." if raised.advice else "",
        )


RULES = (
    Rule(
        code="SW1101",
        title="program that raises",
        severity="error",
        why="The program ends there; what was declared before may be there already.",
        mend="Correct the line.",
        find=_raised,
    ),
)
