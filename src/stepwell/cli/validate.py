"""`validate`: a definition's faults, all at once, each where it is."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from stepwell.cli.connection import json_option
from stepwell.cli.output import print_json
from stepwell.errors import StepwellError


@click.command(short_help="Check a state machine's definition.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@json_option
def validate(file: Path, as_json: bool) -> None:
    """Check an Amazon States Language definition; exit 1 and all diagnostics when it is not valid."""
    from stepwell import asl

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise StepwellError(f"{file} is not UTF-8 text: {error}") from error
    found = asl.validate(text)
    errors = [each for each in found if each.severity == "ERROR"]
    if as_json:
        print_json(
            {
                "result": "FAIL" if errors else "OK",
                "diagnostics": [
                    {
                        "severity": each.severity,
                        "code": each.code,
                        "message": each.message,
                        "location": each.pointer,
                        "line": each.line,
                        "column": each.column,
                    }
                    for each in found
                ],
            }
        )
    else:
        for each in found:
            click.echo(
                f"{file}:{each.line}:{each.column}: {each.severity.lower()}: {each.message} [{each.code}]"
            )
            click.echo(each.caret(text))
        if not found:
            click.echo(f"{file}: valid", err=True)
    if errors:
        raise click.exceptions.Exit(1)
