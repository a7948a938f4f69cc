"""`retire`: what a retraining workflow's runs made is deleted, so that `destroy` leaves nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stepwell.cli.connection import connect, data_option, json_option
from stepwell.cli.output import print_json, print_table
from stepwell.errors import UsageError

if TYPE_CHECKING:
    from stepwell.retrain.retiring.finding import Found, Thing


@click.command(short_help="Delete what a retraining workflow's runs made, before a destroy.")
@click.argument("workflow")
@click.option("--dry-run", is_flag=True, help="Only list it.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before it is deleted.")
@click.option("--aws", is_flag=True, help="On AWS, as this shell's AWS tools reach it, and not on a server.")
@data_option
@json_option
def retire(workflow: str, dry_run: bool, yes: bool, aws: bool, data: Path, as_json: bool) -> None:
    """Stop the runs of WORKFLOW, a RetrainingWorkflow's whole name, and delete what they made.

    That is its endpoint, configurations, models, model packages, jobs and their logs: all that carries the
    workflow's mark. What others made stays, and so does the bucket with its data. `stepwell destroy`, or
    `pulumi destroy`, then removes what the program declares. Done again it finds nothing.
    """
    from stepwell.retrain.retiring.finding import find
    from stepwell.retrain.retiring.removing import remove

    client, place = _on_aws() if aws else (connect(data).client, str(data))
    # no beginnings of names: what is deleted is named whole
    found = find(workflow.rpartition(":")[2], client)
    if not as_json:
        _show(found, listing=dry_run or not yes)
    if found.things and not dry_run:
        if not yes:
            if as_json or not sys.stdin.isatty():
                raise UsageError("retire deletes: say --yes where nobody can be asked, or --dry-run")
            click.confirm(f"Delete all of this on {place}?", abort=True, err=True)
        remove(found, client, lambda thing: click.echo(_gone(thing), err=True))
    if as_json:
        print_json({**asdict(found), "removed": not dry_run})
    elif found.declared and not dry_run:
        command = "pulumi destroy" if aws else "stepwell destroy PROGRAM"
        click.echo(f"nothing that its runs made is left; {command} removes the workflow itself", err=True)


def _on_aws() -> tuple[Callable[[str], Any], str]:
    """Clients as the shell's AWS tools make them, and the account and region in words."""
    from botocore.config import Config
    from botocore.session import Session

    session = Session()
    region = session.get_config_variable("region")
    if region is None:
        raise UsageError("--aws: which region? Set AWS_REGION, or AWS_PROFILE to a profile that has one")

    def client(service: str) -> Any:
        return session.create_client(
            service, region_name=region, config=Config(retries={"mode": "standard", "total_max_attempts": 8})
        )

    return client, f"account {client('sts').get_caller_identity()['Account']} in {region}"


def _show(found: Found, *, listing: bool) -> None:
    if not found.things and not found.declared:
        click.echo(f"there is no workflow {found.workflow}, and nothing that its runs made", err=True)
    if found.things and listing:
        print_table(("", ""), ((thing.kind, _short(thing)) for thing in found.things))
    for each in found.kept:
        click.echo(f"stays: {each.thing.kind} {_short(each.thing)}: {each.why}", err=True)


def _short(thing: Thing) -> str:
    """An execution's name, a package's GROUP/VERSION."""
    if thing.kind == "execution":
        return f"{thing.name.rpartition(':')[2]} (it runs)"
    return thing.name.partition("model-package/")[2] or thing.name


def _gone(thing: Thing) -> str:
    return f"{'stopped' if thing.kind == 'execution' else 'deleted'} {thing.kind} {_short(thing)}"
