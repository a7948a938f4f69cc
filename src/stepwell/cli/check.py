"""`check`: what is wrong with a program, found without deploying it; like a compiler's output."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stepwell.cli.connection import json_option
from stepwell.cli.output import print_json

if TYPE_CHECKING:
    from stepwell.check import Finding, Look

#: how often mends are written and looked for again
ROUNDS = 5
COLOURS = {"error": "red", "warning": "yellow"}


@click.command(short_help="Find what is wrong with a Pulumi program, without deploying it.")
@click.argument("program", default=".", type=click.Path(path_type=Path, exists=True))
@click.option("--target", type=click.Choice(["aws"]), help="Also what AWS would refuse or not do.")
@click.option("--fix", is_flag=True, help="Write the mends that are certain, and show them as a diff.")
@click.option("--no-run", is_flag=True, help="Only read the program, also where it has components.")
@json_option
def check(program: Path, target: str | None, fix: bool, no_run: bool, as_json: bool) -> None:
    """Find what is wrong with a Pulumi program, without deploying it; exit 1 when there is anything.

    A program is read, and not run; only where it has components, it is run as well, against a recorder that
    makes nothing.
    """
    from stepwell import check as checks

    def looked() -> Look:
        return checks.look(program, target=target or "", run=not no_run)

    look = looked()
    if fix:
        folder = program if program.is_dir() else program.parent
        # a mend may wait for one that it overlaps
        rounds = ROUNDS
        while rounds and (changed := checks.mended(folder, look.findings)):
            rounds -= 1
            for file, (_, after) in changed.items():
                (folder / file).write_bytes(after.encode("utf-8"))
            click.echo(checks.diff(changed), err=as_json, nl=False)
            look = looked()
    found = look.findings
    if as_json:
        print_json([as_document(finding) for finding in found])
    else:
        for finding in found:
            click.echo("\n".join(lines(finding)))
        click.echo(summary(program, found), err=True)
    for line in unseen(look):
        click.secho(line, fg="yellow", err=True)
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


def unseen(look: Look) -> list[str]:
    """What wasn't looked into, and why; nothing where all was."""
    if not look.unseen:
        return []
    first = look.unseen[0]
    others = f" and {len(look.unseen) - 1} more" if len(look.unseen) > 1 else ""
    at = f"{first.place.file}:{first.place.line}"
    return [f"what components declare wasn't looked into ({first.name} at {at}{others}): {look.why}"]


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
