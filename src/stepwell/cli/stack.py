"""`stack`: the stacks that a data folder remembers, without running their programs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from stepwell.cli.connection import data_option, json_option
from stepwell.cli.output import ago, print_json, print_table
from stepwell.cli.stacks import passphrase, program_argument, stack_option


@click.group(short_help="The stacks that a data folder remembers.")
def stack() -> None:
    """The stacks that a data folder remembers: list them, show one's outputs or state, forget one."""


@stack.command("ls")
@data_option
@json_option
def list_stacks(data: Path, as_json: bool) -> None:
    """All stacks, with how many resources each has."""
    from stepwell.provision import stacks

    found = list(stacks.listed(data / "stacks"))
    if as_json:
        print_json(
            [
                {
                    "project": entry.project,
                    "stack": entry.stack,
                    "resources": None if entry.fault else entry.resources,
                    "changed": datetime.fromtimestamp(entry.changed, UTC),
                    "fault": entry.fault or None,
                }
                for entry in found
            ]
        )
        return
    rows = [
        (
            entry.project,
            entry.stack,
            "damaged" if entry.fault else str(entry.resources),
            ago(datetime.fromtimestamp(entry.changed, UTC)),
        )
        for entry in found
    ]
    print_table(("PROJECT", "STACK", "RESOURCES", "CHANGED"), rows)


@stack.command("outputs")
@program_argument
@data_option
@stack_option
@json_option
@click.option("--show-secrets", is_flag=True, help="Show outputs that are secret.")
@click.option("--name", help="Only this output, and nothing but its value.")
def outputs(
    program: Path, data: Path, stack: str, as_json: bool, show_secrets: bool, name: str | None
) -> None:
    """What the stack's program exported, as of the last run."""
    from stepwell.provision import project, stacks
    from stepwell.provision.progress import MASK

    known, _ = project.identify(program, stack)
    phrase = passphrase(os.environ)
    content = stacks.read(data / "stacks", known, stack, secrets=show_secrets, passphrase=phrase)
    hidden = frozenset() if show_secrets else frozenset(content.secret_outputs)
    values = {key: MASK if key in hidden else value for key, value in content.outputs.items()}
    if name is not None:
        if name not in values:
            raise click.UsageError(f"there is no output {name}. There are: {', '.join(sorted(values))}")
        values = {name: values[name]}
    if as_json:
        print_json(values if name is None else values[name])
        return
    for key, value in sorted(values.items()):
        click.echo(f"{key}: {value}" if name is None else value)


@stack.command("export")
@program_argument
@data_option
@stack_option
@click.option("--show-secrets", is_flag=True, help="Decrypt the secrets in it.")
def export(program: Path, data: Path, stack: str, show_secrets: bool) -> None:
    """All that is remembered of the stack, as JSON."""
    from dataclasses import asdict

    from stepwell.provision import project, stacks

    known, _ = project.identify(program, stack)
    phrase = passphrase(os.environ)
    print_json(asdict(stacks.read(data / "stacks", known, stack, secrets=show_secrets, passphrase=phrase)))


@stack.command("rm")
@program_argument
@data_option
@stack_option
@click.option("--force", is_flag=True, help="Also when it has resources, which then nobody knows of.")
def remove(program: Path, data: Path, stack: str, force: bool) -> None:
    """Forget the stack. Its resources are not deleted: destroy it first."""
    from stepwell.provision import project, stacks

    known, _ = project.identify(program, stack)
    left = stacks.remove(data / "stacks", known, stack, force=force)
    remark = f"; {left} resources are left on the server" if left else ""
    click.echo(f"forgot the stack {known}/{stack}{remark}", err=True)
