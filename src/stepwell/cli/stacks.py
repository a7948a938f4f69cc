"""`up`, `preview`, `destroy`, `refresh`: Pulumi programs against the server."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from stepwell import provision
from stepwell.cli.connection import Connection, F, connect, connect_or_start, data_option, json_option
from stepwell.cli.output import print_json
from stepwell.cli.progress import Progress, problem_lines
from stepwell.cli.tree import Tree
from stepwell.errors import UsageError
from stepwell.provision import Command, Event, Outcome, Output
from stepwell.provision.progress import MASK


def run(request: provision.Request, connection: Connection, *, as_json: bool, show_secrets: bool) -> None:
    """Carry out one command over a program and say how it ended; exit 1 when it failed."""
    plans = request.command == "preview"
    live = sys.stderr.isatty() and not as_json and os.environ.get("TERM") != "dumb"
    show = Tree(plans=plans) if live else Progress(plans=plans)
    began = time.monotonic()
    verdict: Future[str] | None = None
    with ThreadPoolExecutor(1) as beside:

        def observe(event: Event) -> None:
            """Has the program checked from its first word on, beside what the run then waits for."""
            nonlocal verdict
            if verdict is None and request.command == "up" and not as_json:
                verdict = beside.submit(portable, request.program)
            show(event)

        try:
            outcome = provision.run(request, observe)
        finally:
            show.finish()
    if as_json:
        print_json(as_document(outcome, connection, show_secrets=show_secrets))
    else:
        summary(request.command, outcome, time.monotonic() - began, show_secrets=show_secrets)
        if verdict is not None and outcome.ok:
            click.echo(verdict.result(), err=True)
        if not outcome.ok and request.command in ("up", "preview"):
            for line in foreseen(request.program):
                click.echo(line, err=True)
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


def summary(command: Command, outcome: Outcome, seconds: float, *, show_secrets: bool = False) -> None:
    """Outputs on standard output, counts and errors on standard error."""
    for name, output in sorted(outcome.outputs.items()):
        click.echo(f"{name}: {told(output, show_secrets)}")
    for problem in outcome.errors:
        for line in problem_lines(problem):
            click.secho(line, fg="red", err=True)
    if outcome.remains:
        click.echo("left on the server: made since the stack's first `up`, declared by no stack", err=True)
        for left in outcome.remains:
            click.echo(f"  {left.kind:<20} {left.name}", err=True)
    counts = ", ".join(f"{count} {operation}" for operation, count in sorted(outcome.counts.items()) if count)
    word = "done" if outcome.ok else "failed"
    nothing = "nothing to do" if outcome.ok else "nothing was changed"
    click.echo(f"{command} {word} in {seconds:.1f} s: {counts or nothing}", err=True)


def portable(program: Path) -> str:
    """Whether AWS would take the program as it is."""
    from stepwell.check import portability

    seen = portability(program)
    count = len(seen.findings)
    reasons = "reason" if count == 1 else "reasons"
    if count:
        return f"portable: no, {count} {reasons} (stepwell check --target aws)"
    return (
        "portable: not known of all components (stepwell check --target aws)" if seen.why else "portable: yes"
    )


def foreseen(program: Path) -> Iterator[str]:
    """Of a program that failed: that `check` finds errors in it, of which a run tells the first ones only."""
    from stepwell.check import check

    count = sum(finding.severity == "error" for finding in check(program))
    if count:
        errors = "error" if count == 1 else "errors"
        yield f"stepwell check {program} finds {count} {errors}, and says what to do"


def told(output: Output, show_secrets: bool) -> Any:
    """An output's value, covered when it is a secret that nobody asked to see."""
    return MASK if output.secret and not show_secrets else output.value


def as_document(outcome: Outcome, connection: Connection, *, show_secrets: bool = False) -> dict[str, Any]:
    """The outcome for `--json`; docs/programs.md describes it."""
    return {
        "ok": outcome.ok,
        "endpoint": connection.url,
        "outputs": {name: told(output, show_secrets) for name, output in outcome.outputs.items()},
        "counts": dict(outcome.counts),
        "changes": [asdict(change) for change in outcome.changes],
        "errors": [asdict(problem) for problem in outcome.errors],
        "remains": [asdict(left) for left in outcome.remains],
    }


def stack_command(name: Command, text: str) -> click.Command:
    """One of the four commands."""

    @click.command(name=name, short_help=text, help=text)
    @program_argument
    @data_option
    @stack_option
    @json_option
    @click.option("--yes", "-y", is_flag=True, help="Do not ask; only destroy asks, before it deletes.")
    @click.option("--target", "targets", multiple=True, help="Only this resource (URN or name); repeatable.")
    @click.option("--target-dependents", is_flag=True, help="And what depends on a target.")
    @click.option("--exclude", "excludes", multiple=True, help="Not this resource (URN or name); repeatable.")
    @click.option(
        "--replace", "replaces", multiple=True, help="Replace this resource (URN or name); repeatable."
    )
    @click.option("--show-secrets", is_flag=True, help="Show outputs that are secret.")
    def command(
        program: Path,
        data: Path,
        stack: str,
        as_json: bool,
        yes: bool,
        targets: tuple[str, ...],
        target_dependents: bool,
        excludes: tuple[str, ...],
        replaces: tuple[str, ...],
        show_secrets: bool,
    ) -> None:
        if replaces and name not in ("up", "preview"):
            raise click.UsageError(f"{name} replaces nothing: --replace is for up and preview")
        if name == "destroy" and not yes:
            if not sys.stdin.isatty():
                raise click.UsageError("destroy deletes resources: say --yes where nobody can be asked")
            click.confirm(f"Delete all resources of the stack {stack} on {data}?", abort=True, err=True)
        phrase = passphrase(os.environ)
        provision.check(program, stack, passphrase=phrase)
        connection = connect_or_start(data) if name == "up" else connect(data)
        request = provision.Request(
            command=name,
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
            target_dependents=target_dependents,
            excludes=excludes,
            replaces=replaces,
            passphrase=phrase,
        )
        run(request, connection, as_json=as_json, show_secrets=show_secrets)

    return command


def program_argument(command: F) -> F:
    """The folder of a Pulumi program."""
    path = click.Path(path_type=Path, exists=True, file_okay=False)
    return click.argument("program", default=".", type=path)(command)


def stack_option(command: F) -> F:
    """`--stack`."""
    return click.option("--stack", default="dev", show_default=True, help="The stack's name.")(command)


up = stack_command("up", "Make the server match a Pulumi program. Starts a server when none runs.")
preview = stack_command("preview", "Show what `up` would do.")
destroy = stack_command("destroy", "Delete what a program's stack declared.")
refresh = stack_command("refresh", "Read back what a stack's resources are now.")
