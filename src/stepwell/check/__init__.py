"""Checks of Pulumi programs: what stops them here, and what AWS would refuse.

    check(Path("program/"))               all findings
    look(Path("program/"))                these, and why components weren't looked into
    portability(Path("program/"))         what keeps the program from AWS
    read(Path("program/"))                the program's resources and what is known of them
    whole(Path("program/"))               these, with what its components declare
    least(program, account=, region=)     the least policies of its roles

A program is read, and not run; only where it has components, whose resources are declared elsewhere, it is
run as well, against a recorder that makes nothing.

Each rule is a row in the module of its family; `rules()` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from stepwell.check import (
    definitions,
    functions,
    jobs,
    machine_rights,
    names,
    outputs,
    permissions,
    placeholders,
    policies,
    portable,
    running,
    types,
    windows,
)
from stepwell.check.components import Component
from stepwell.check.least import Least, least
from stepwell.check.mending import diff, mended
from stepwell.check.program import Declared, Program, read
from stepwell.check.rules import Finding, Rule, apply

__all__ = [
    "Component",
    "Declared",
    "Finding",
    "Least",
    "Look",
    "Program",
    "Rule",
    "check",
    "diff",
    "least",
    "look",
    "mended",
    "portability",
    "read",
    "rules",
    "whole",
]

#: the rule of a program that raises
RAISED = "SW1101"
_FAMILIES = (
    names,
    outputs,
    policies,
    permissions,
    machine_rights,
    jobs,
    functions,
    placeholders,
    windows,
    definitions,
    types,
    running,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found, and what wasn't looked into."""

    #: in the order of the program's text
    findings: list[Finding]
    #: components that weren't looked into; empty: there are none, or they were
    unseen: tuple[Component, ...]
    #: why they weren't
    why: str


def rules(*, aws: bool = False) -> tuple[Rule, ...]:
    """The rules of every check; with `aws`, those of `--target aws` instead."""
    if aws:
        return portable.RULES
    return tuple(rule for family in _FAMILIES for rule in family.RULES)


def check(folder: Path, *, target: str = "", run: bool = True) -> list[Finding]:
    """What is wrong with the program in `folder`, in the order of its text.

    With `target="aws"` also what AWS would refuse or not do; with `run` a program with components is run
    against a recorder.

    Raises UsageError where there is no program.
    """
    return look(folder, target=target, run=run).findings


def look(folder: Path, *, target: str = "", run: bool = True) -> Look:
    """As `check`, with the components that weren't looked into."""
    return _look(folder, (*rules(), *(rules(aws=True) if target == "aws" else ())), run=run)


def portability(folder: Path) -> Look:
    """What AWS would refuse of the program, or not do. Raises UsageError where there is no program."""
    return _look(folder, rules(aws=True), run=True)


def _look(folder: Path, chosen: tuple[Rule, ...], *, run: bool) -> Look:
    with _whole(folder, run=run) as (program, why):
        unseen = tuple(program.components) if why else ()
        return Look(findings=_apply(program, chosen), unseen=unseen, why=why)


def whole(folder: Path) -> Program:
    """The program, with what its components declare, as far as a run of it tells.

    Raises UsageError where there is no program.
    """
    with _whole(folder, run=True) as (program, _):
        return program


@contextmanager
def _whole(folder: Path, *, run: bool) -> Iterator[tuple[Program, str]]:
    """The program, and why its components weren't looked into; within it there are the files that it made."""
    program = read(folder)
    if not program.components:
        yield program, ""
    elif not run:
        yield program, "the program wasn't run"
    else:
        # programs without components need neither the SDK nor gRPC
        from stepwell.check import recording

        with TemporaryDirectory(prefix="stepwell-check-") as keep:
            yield program, recording.record(program, Path(keep))


def _apply(program: Program, chosen: tuple[Rule, ...]) -> list[Finding]:
    order = {source.file: index for index, source in enumerate(program.sources)}
    found = [finding for rule in chosen for finding in apply(rule, program)]
    found = [each for each in found if each.code != RAISED or not _told_already(each, found)]
    # a component's own text isn't at hand, and its call is not what is to be mended
    found = [replace(each, edits=()) if each.place in program.recorded else each for each in found]
    return sorted(
        found,
        key=lambda each: (
            order.get(each.place.file, len(order)),
            each.place.file,
            each.place.line,
            each.place.column,
            each.code,
        ),
    )


def _told_already(raised: Finding, found: list[Finding]) -> bool:
    """Whether another rule says why the program raises at that line."""
    return any(
        other.code != RAISED
        and other.severity == "error"
        and (other.place.file, other.place.line) == (raised.place.file, raised.place.line)
        for other in found
    )
