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


@policy.command(short_help="Write the least policies for a definition or a program.")
@click.argument("file", metavar="FILE|PROGRAM", type=click.Path(path_type=Path, exists=True, allow_dash=True))
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

    A folder is a Pulumi program: prints the least policies of its roles (of machines, windows, rules and
    jobs), and what its functions must allow S3.
    """
    from stepwell import asl
    from stepwell.identity import derive as derivation

    if file.is_dir():
        _of_program(file, account, region, as_json)
        return
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


def _of_program(folder: Path, account: str, region: str, as_json: bool) -> None:
    from stepwell import check

    found = list(check.least(check.whole(folder), account=account, region=region))
    if as_json:
        print_json(
            [
                {
                    "resource" if each.resource else "role": each.holder,
                    "users": list(each.users),
                    "policy": each.policy,
                }
                for each in found
            ]
        )
        return
    for each in found:
        what = "what the function {} must allow, for {}" if each.resource else "the policy of {}, for {}"
        click.echo(what.format(each.holder, ", ".join(each.users)) + ":", err=True)
        click.echo(json.dumps(each.policy, indent=2))
    if not found:
        click.echo(f"{folder}: no role whose user's needs can be told", err=True)
