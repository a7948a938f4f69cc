"""`up`, `preview`, `destroy`, `refresh`: Pulumi programs against the server."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from stepwell import provision
from stepwell.cli.connection import Connection, connect, connect_or_start, data_option, json_option
from stepwell.cli.output import print_json
from stepwell.errors import UsageError
from stepwell.provision import Command, Event, Outcome, Problem, ResourceProgress

SIGNS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "magenta"),
    "delete": ("-", "red"),
    "read": (">", "cyan"),
    "same": (" ", None),
}


def run(
    command: Command, program: Path, data: Path, stack: str, as_json: bool, targets: tuple[str, ...]
) -> None:
    """Run one command over a program and say how it ended; exit 1 when it failed."""
    phrase = passphrase(os.environ)
    provision.check(program, stack, passphrase=phrase)
    connection = connect_or_start(data) if command == "up" else connect(data)
    show = Progress(plans=command == "preview")
    began = time.monotonic()
    request = provision.Request(
        command=command,
        program=program,
        stack=stack,
        endpoint=connection.url,
        access_key=connection.key.access_key_id,
        secret_key=connection.key.secret_access_key,
        region=connection.key.region,
        account=connection.key.account,
        state=data / "stacks",
        server=connection.key.access_key_id,
        targets=targets,
        passphrase=phrase,
    )
    try:
        outcome = provision.run(request, show)
    finally:
        show.finish()
    if as_json:
        print_json(as_document(outcome, connection))
    else:
        summary(command, outcome, time.monotonic() - began)
    if not outcome.ok:
        raise click.exceptions.Exit(1)


def passphrase(environment: Mapping[str, str]) -> str | None:
    """The passphrase of the stack's secrets from the two variables that Pulumi reads; an empty one is one.

    Raises:
        UsageError: the named file can't be read.
    """
    if "PULUMI_CONFIG_PASSPHRASE" in environment:
        return environment["PULUMI_CONFIG_PASSPHRASE"]
    named = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not named:
        return None
    try:
        return Path(named).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"PULUMI_CONFIG_PASSPHRASE_FILE names {named}, which can't be read") from error


class Progress:
    """Prints what happens to resources, one line each, on standard error.

    `up` runs the program twice. What it says in the plan is kept back, as it says it again in the apply; when
    no apply follows, `finish` prints it.
    """

    def __init__(self, *, plans: bool) -> None:
        """plans: whether the plan is what was asked for, and not only the first half of it."""
        self._plans = plans
        self._kept: list[provision.Diagnostic] = []

    def __call__(self, event: Event) -> None:
        if event.phase == "apply":
            self._kept.clear()
        if isinstance(event, ResourceProgress):
            self._resource(event)
        elif (event.phase == "plan") == self._plans or event.severity == "error":
            _say(event)
        else:
            self._kept.append(event)

    def finish(self) -> None:
        """Nothing more comes."""
        for event in self._kept:
            _say(event)
        self._kept.clear()

    def _resource(self, event: ResourceProgress) -> None:
        planned = event.phase == "plan" and event.status != "failed"
        if event.operation == "same" or event.status == "started" or planned != self._plans:
            return
        sign, colour = SIGNS[event.operation]
        word = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
        said = "FAILED" if event.status == "failed" else word.get(event.operation, event.operation)
        if planned:
            said = f"to {event.operation}"
        # the summary has a failure's reason, with what to do about it
        remark = f"  {event.message}" if event.message and event.status != "failed" else ""
        click.secho(f"{sign} {short(event.type):<36} {event.name:<24} {said}{remark}", fg=colour, err=True)
        for change in event.changes:
            forces = "  (forces replacement)" if change.replaces else ""
            line = f"    {change.path}: {shown(change.before)} -> {shown(change.after)}{forces}"
            click.secho(line, fg=colour, err=True)


def _say(event: provision.Diagnostic) -> None:
    colours = {"error": "red", "warning": "yellow"}
    click.secho(event.message, fg=colours.get(event.severity), err=True)


def short(token: str) -> str:
    """A type as Pulumi's own CLI shows it: `aws:s3:Bucket` of `aws:s3/bucket:Bucket`."""
    module, _, name = token.rpartition(":")
    return f"{module.partition('/')[0]}:{name}"


def shown(value: Any) -> str:
    """A property's value in one short line."""
    text = "none" if value is None else str(value)
    return text if len(text) <= 100 else text[:97] + "..."


def problem_lines(problem: Problem) -> Iterator[str]:
    """What went wrong, where, and what to do."""
    place = f"{problem.file}:{problem.line}: " if problem.file else ""
    yield f"error: {place}{problem.message}"
    if problem.property:
        where = f"{problem.location}, " if problem.location else ""
        yield f"  at {where}line {problem.line}, column {problem.column} of the {problem.property}"
        yield from (f"  {line}" for line in problem.excerpt.splitlines())
    if problem.traceback:
        yield problem.traceback.rstrip()
    if problem.advice:
        yield f"  what to do: {problem.advice}"
    if problem.urn:
        yield f"  resource: {problem.urn}"


def summary(command: Command, outcome: Outcome, seconds: float) -> None:
    """Outputs on standard output, counts and errors on standard error."""
    for name, output in sorted(outcome.outputs.items()):
        value = "[secret]" if output.secret else output.value
        click.echo(f"{name}: {value}")
    for problem in outcome.errors:
        for line in problem_lines(problem):
            click.secho(line, fg="red", err=True)
    counts = ", ".join(f"{count} {operation}" for operation, count in sorted(outcome.counts.items()) if count)
    word = "done" if outcome.ok else "failed"
    nothing = "nothing to do" if outcome.ok else "nothing was changed"
    click.echo(f"{command} {word} in {seconds:.1f} s: {counts or nothing}", err=True)


def as_document(outcome: Outcome, connection: Connection) -> dict[str, Any]:
    """The outcome for `--json`."""
    return {
        "ok": outcome.ok,
        "endpoint": connection.url,
        "outputs": {
            name: "[secret]" if output.secret else output.value for name, output in outcome.outputs.items()
        },
        "counts": dict(outcome.counts),
        "changes": [
            {"urn": change.urn, "operation": change.operation}
            for change in outcome.changes
            if change.operation != "same"
        ],
        "errors": [asdict(problem) for problem in outcome.errors],
    }


def stack_command(name: Command, text: str) -> click.Command:
    """One of the four commands."""

    @click.command(name=name, short_help=text, help=text)
    @click.argument("program", default=".", type=click.Path(path_type=Path, exists=True, file_okay=False))
    @data_option
    @click.option("--stack", default="dev", show_default=True, help="The stack's name.")
    @json_option
    @click.option("--yes", "-y", is_flag=True, help="Do not ask before deleting.")
    @click.option("--target", "targets", multiple=True, help="Only this resource (URN or name); repeatable.")
    def command(
        program: Path, data: Path, stack: str, as_json: bool, yes: bool, targets: tuple[str, ...]
    ) -> None:
        if name == "destroy" and not yes:
            if not sys.stdin.isatty():
                raise click.UsageError("destroy deletes resources: say --yes where nobody can be asked")
            click.confirm(f"Delete all resources of the stack {stack} on {data}?", abort=True, err=True)
        run(name, program, data, stack, as_json, targets)

    return command


up = stack_command("up", "Make the server match a Pulumi program. Starts a server when none runs.")
preview = stack_command("preview", "Show what `up` would do.")
destroy = stack_command("destroy", "Delete what a program's stack declared.")
refresh = stack_command("refresh", "Read back what a stack's resources are now.")
