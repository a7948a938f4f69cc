"""Checks of Pulumi programs, without running them: what stops them here, and what AWS would refuse.

    check(Path("program/"))               all findings
    portability(Path("program/"))         what keeps the program from AWS
    read(Path("program/"))                the program's resources and what is known of them
    least(program, account=, region=)     the least policies of its roles

Each rule is a row in the module of its family; `rules()` lists them.
"""

from __future__ import annotations

from pathlib import Path

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
    types,
    windows,
)
from stepwell.check.least import Least, least
from stepwell.check.mending import diff, mended
from stepwell.check.program import Declared, Program, read
from stepwell.check.rules import Finding, Rule, apply

__all__ = [
    "Declared",
    "Finding",
    "Least",
    "Program",
    "Rule",
    "check",
    "diff",
    "least",
    "mended",
    "portability",
    "read",
    "rules",
]

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
)


def rules(*, aws: bool = False) -> tuple[Rule, ...]:
    """The rules of every check; with `aws`, those of `--target aws` instead."""
    if aws:
        return portable.RULES
    return tuple(rule for family in _FAMILIES for rule in family.RULES)


def check(folder: Path, *, target: str = "") -> list[Finding]:
    """What is wrong with the program in `folder`, in the order of its text.

    With `target="aws"` also what AWS would refuse or not do.

    Raises UsageError where there is no program.
    """
    return _apply(read(folder), (*rules(), *(rules(aws=True) if target == "aws" else ())))


def portability(folder: Path) -> list[Finding]:
    """What AWS would refuse of the program, or not do. Raises UsageError where there is no program."""
    return _apply(read(folder), rules(aws=True))


def _apply(program: Program, chosen: tuple[Rule, ...]) -> list[Finding]:
    order = {source.file: index for index, source in enumerate(program.sources)}
    found = [finding for rule in chosen for finding in apply(rule, program)]
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
