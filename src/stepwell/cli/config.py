"""`config`: the values of a stack's `Pulumi.<stack>.yaml`, secrets encrypted as Pulumi does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from stepwell.cli.connection import F, json_option
from stepwell.cli.output import print_json, print_table
from stepwell.cli.stacks import passphrase, stack_option
from stepwell.errors import StepwellError
from stepwell.provision.progress import MASK


def program_option(command: F) -> F:
    """`--program`: arguments are keys and values here."""
    path = click.Path(path_type=Path, exists=True, file_okay=False)
    return click.option("--program", default=".", show_default=True, type=path, help="The program's folder.")(
        command
    )


class NotSet(StepwellError):
    """The configuration has no such value."""


@click.group(short_help="A stack's configuration: get, set, rm, ls.")
def config() -> None:
    """A stack's configuration, in the files that Pulumi's own command writes."""


@config.command("ls")
@program_option
@stack_option
@json_option
@click.option("--show-secrets", is_flag=True, help="Show values that are secret.")
def list_values(program: Path, stack: str, as_json: bool, show_secrets: bool) -> None:
    """All values, those from `Pulumi.yaml` included."""
    found, hidden = _read(program, stack, decrypt=show_secrets)
    covered = frozenset() if show_secrets else hidden
    values = {key: MASK if key in covered else value for key, value in sorted(found.items())}
    if as_json:
        print_json({key: {"value": value, "secret": key in hidden} for key, value in values.items()})
    else:
        print_table(("KEY", "VALUE"), values.items())


@config.command("get")
@click.argument("key")
@program_option
@stack_option
def get(key: str, program: Path, stack: str) -> None:
    """One value; a secret is decrypted."""
    from stepwell.provision import configuration, project

    found, hidden = _read(program, stack, decrypt=False)
    name = configuration.full(key, project.identify(program, stack)[0])
    if name in hidden:
        found, _ = _read(program, stack, decrypt=True)
    if name not in found:
        raise NotSet(f"configuration value {name} is not set on the stack {stack}")
    click.echo(found[name])


@config.command("set")
@click.argument("key")
@click.argument("value", required=False)
@program_option
@stack_option
@click.option("--secret", is_flag=True, help="Encrypt it with the stack's passphrase.")
@click.option("--plaintext", is_flag=True, help="Do not, though it looks like a secret.")
def put(key: str, value: str | None, program: Path, stack: str, secret: bool, plaintext: bool) -> None:
    """Set a value. Without VALUE it is read from standard input, which a shell's history does not keep."""
    from stepwell.provision import project, settings

    if secret and plaintext:
        raise click.UsageError("--secret and --plaintext contradict each other")
    if value is None and sys.stdin.isatty():
        value = click.prompt("value", hide_input=secret, err=True)
    elif value is None:
        value = sys.stdin.read().removesuffix("\n")
    if not secret and not plaintext and _looks_secret(key):
        raise click.UsageError(f"{key} looks like a secret: say --secret, or --plaintext if it is none")
    name, _ = project.identify(program, stack)
    path = project.settings_file(program, stack) or program / f"Pulumi.{stack}.yaml"
    settings.put(path, key, value, project=name, secret=secret, passphrase=passphrase(os.environ))


@config.command("rm")
@click.argument("key")
@program_option
@stack_option
def remove(key: str, program: Path, stack: str) -> None:
    """Take a value out of the stack's file."""
    from stepwell.provision import project, settings

    name, _ = project.identify(program, stack)
    path = project.settings_file(program, stack)
    if path is None or not settings.remove(path, key, project=name):
        raise NotSet(f"configuration value {key} is not set on the stack {stack}")


def _read(program: Path, stack: str, *, decrypt: bool) -> tuple[dict[str, str], frozenset[str]]:
    from stepwell.provision import configuration, project

    name, about = project.identify(program, stack)
    found = configuration.read(
        about,
        name,
        project.settings_file(program, stack),
        passphrase=passphrase(os.environ),
        decrypt=decrypt,
    )
    return dict(found.values), found.secret_keys


def _looks_secret(key: str) -> bool:
    return any(word in key.lower() for word in ("password", "passphrase", "secret", "token", "privatekey"))
