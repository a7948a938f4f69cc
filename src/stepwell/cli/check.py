"""`check`: what is wrong with a program, found without running it; like a compiler's output."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stepwell.cli.connection import json_option
from stepwell.cli.output import print_json

if TYPE_CHECKING:
    from stepwell.check import Finding

#: how often mends are written and looked for again
ROUNDS = 5
COLOURS = {"error": "red", "warning": "yellow"}


@click.command(short_help="Find what is wrong with a Pulumi program, without running it.")
@click.argument("program", default=".", type=click.Path(path_type=Path, exists=True))
@click.option("--target", type=click.Choice(["aws"]), help="Also what AWS would refuse or not do.")
@click.option("--fix", is_flag=True, help="Write the mends that are certain, and show them as a diff.")
@json_option
def check(program: Path, target: str | None, fix: bool, as_json: bool) -> None:
    """Find what is wrong with a Pulumi program, without running it; exit 1 when there is anything."""
    from stepwell import check as checks

    found = checks.check(program, target=target or "")
    if fix:
        folder = program if program.is_dir() else program.parent
        # a mend may wait for one that it overlaps
        rounds = ROUNDS
        while rounds and (changed := checks.mended(folder, found)):
            rounds -= 1
            for file, (_, after) in changed.items():
                (folder / file).write_bytes(after.encode("utf-8"))
            click.echo(checks.diff(changed), err=as_json, nl=False)
            found = checks.check(program, target=target or "")
    if as_json:
        print_json([as_document(finding) for finding in found])
    else:
        for finding in found:
            click.echo("\n".join(lines(finding)))
        click.echo(summary(program, found), err=True)
    if found:
        raise click.exceptions.Exit(1)


def lines(finding: Finding) -> list[str]:
    """A finding for people: where and what, the line with a caret, what to do."""
    place = finding.place
    severity = click.style(finding.severity, fg=COLOURS[finding.severity])
    shown = [f"{place.file}:{place.line}:{place.column}: {severity}: {finding.message} [{finding.code}]"]
    if finding.line:
        margin = f"{place.line} | "
        indent = "".join("\t" if char == "\t" else " " for char in finding.line[: place.column - 1])
        shown += [f"{margin}{finding.line}", f"{' ' * len(margin)}{indent}^"]
    certain = " (--fix writes this)" if finding.edits else ""
    return [*shown, f"  {finding.mend}{certain}"]


def summary(program: Path, found: list[Finding]) -> str:
    """The last line: how many of each."""
    errors = sum(finding.severity == "error" for finding in found)
    counts = [(errors, "error"), (len(found) - errors, "warning")]
    told = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    return f"{program}: {', '.join(told) or 'nothing found'}"


def as_document(finding: Finding) -> dict[str, Any]:
    """A finding for `--json`."""
    return {
        "code": finding.code,
        "title": finding.title,
        "severity": finding.severity,
        **asdict(finding.place),
        "message": finding.message,
        "mend": finding.mend,
        "fixable": bool(finding.edits),
    }
