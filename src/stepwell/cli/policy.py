"""`policy`: the least rights that a state machine's role takes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from stepwell.cli.connection import json_option
from stepwell.cli.output import print_json
from stepwell.errors import StepwellError


@click.group(short_help="The least rights that a state machine's role takes.")
def policy() -> None:
    """Policies: `derive` writes the least that a state machine's role takes."""


@policy.command(short_help="Write the least policy for a definition.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--account", default="000000000000", show_default=True, help="The account of the resources.")
@click.option("--region", default="us-east-1", show_default=True, help="The region of the resources.")
@click.option("--name", default="*", help="The machine's name, for rights on itself.")
@click.option("--logging", is_flag=True, help="The machine is configured to log.")
@click.option("--tracing", is_flag=True, help="The machine is configured to trace.")
@json_option
def derive(
    file: Path, account: str, region: str, name: str, logging: bool, tracing: bool, as_json: bool
) -> None:
    """Write the least policy of the role that executes an Amazon States Language definition.

    Prints a policy document. With --json, also the policies of roles that tasks take on, what needs each
    right, and the states whose integration is not known. Exit 1 when the definition is not valid.
    """
    from stepwell import asl
    from stepwell.identity import derive as derivation

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise StepwellError(f"{file} is not UTF-8 text: {error}") from error
    try:
        found = derivation.derive(
            text, account=account, region=region, name=name, logging=logging, tracing=tracing
        )
    except asl.DefinitionInvalid as error:
        for each in error.diagnostics:
            click.echo(f"{file}:{each.line}:{each.column}: {each.message} [{each.code}]", err=True)
        raise click.exceptions.Exit(1) from error
    assumed = {role: derivation.document(needs) for role, needs in found.assumed.items()}
    if as_json:
        print_json(
            {
                "policy": found.policy,
                "assumed": assumed,
                "needs": [
                    {"action": need.action, "resource": need.resource, "state": need.why}
                    for need in found.needs
                ],
                "unknown": list(found.unknown),
            }
        )
        return
    click.echo(json.dumps(found.policy, indent=2))
    if not found.needs:
        click.echo("nothing in it takes a right; a role needs no policy", err=True)
    for role, document in assumed.items():
        click.echo(f"the policy of {role}, which tasks take on:", err=True)
        click.echo(json.dumps(document, indent=2))
    for state in found.unknown:
        click.echo(f"{state}: its integration is not known; add what it takes", err=True)
