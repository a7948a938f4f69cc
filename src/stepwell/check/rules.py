"""What a rule is, and what it finds.

A rule is a row: a code, what it means, how grave it is, what to do, and the function that finds it. The
families are modules beside this one; `stepwell.check` puts their rows together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from stepwell.check.program import Program
from stepwell.check.sources import Edit, Place

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a rule found at one place."""

    place: Place
    #: one line: what is wrong here
    message: str
    #: what to do here; empty: what the rule says
    mend: str = ""
    #: the mend as edits, where it is certain
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row."""

    #: `SW101`: the family and the number in it
    code: str
    title: str
    #: `error`: the program fails, or can't do its job; `warning`: it may, or it shouldn't be so
    severity: Severity
    #: why it matters, one sentence
    why: str
    #: what to do about it
    mend: str
    find: Callable[[Program], Iterator[Fault]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fault, with the rule that found it."""

    code: str
    title: str
    severity: Severity
    place: Place
    message: str
    mend: str
    #: the line of the file; empty where there is none
    line: str
    #: the mend as edits, where it is certain
    edits: tuple[Edit, ...]


def apply(rule: Rule, program: Program) -> Iterator[Finding]:
    """What the rule finds in the program, each place once."""
    seen = set()
    for fault in rule.find(program):
        if (fault.place, fault.message) in seen:
            continue
        seen.add((fault.place, fault.message))
        yield Finding(
            code=rule.code,
            title=rule.title,
            severity=rule.severity,
            place=fault.place,
            message=fault.message,
            mend=fault.mend or rule.mend,
            line=_line(program, fault.place),
            edits=fault.edits,
        )


def _line(program: Program, place: Place) -> str:
    source = program.source(place.file)
    if source is not None:
        lines = source.lines
    else:
        try:
            lines = (program.folder / place.file).read_text(encoding="utf-8-sig").split("\n")
        except (OSError, ValueError):
            return ""
    return lines[place.line - 1].rstrip("\r\n") if 0 < place.line <= len(lines) else ""
