"""What a run over a program does, as lines: for pipes, logs and terminals that can't be redrawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from stepwell import provision
from stepwell.provision import Event, Problem, PropertyChange, ResourceProgress

#: operation → its sign, its colour, what is said of it when it is done
SIGNS = {
    "create": ("+", "green", "created"),
    "update": ("~", "yellow", "updated"),
    "replace": ("±", "magenta", "replaced"),
    "delete": ("-", "red", "deleted"),
    "import": ("=", "cyan", "imported"),
    "read": (">", "cyan", "read"),
    "same": (" ", None, "same"),
}
_LONGEST = 100
#: where the word for what was done begins
_COLUMN = 61


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
            say(event)
        else:
            self._kept.append(event)

    def finish(self) -> None:
        """Nothing more comes."""
        for event in self._kept:
            say(event)
        self._kept.clear()

    def _resource(self, event: ResourceProgress) -> None:
        planned = event.phase == "plan" and event.status != "failed"
        if event.operation == "same" or event.status == "started" or planned != self._plans:
            return
        sign, colour, done = SIGNS[event.operation]
        said = "FAILED" if event.status == "failed" else done
        if planned:
            said = f"to {event.operation}"
        # the summary has a failure's reason, with what to do about it
        remark = f"  {event.message}" if event.message and event.status != "failed" else ""
        what = f"{short(event.type):<36} {event.name}"
        click.secho(f"{sign} {what:<{_COLUMN}} {said}{remark}", fg=colour, err=True)
        for change in event.changes:
            click.echo(f"    {drawn(change)}", err=True)


def say(event: provision.Diagnostic) -> None:
    """A line of the program, or about a resource."""
    colours = {"error": "red", "warning": "yellow"}
    click.secho(event.message, fg=colours.get(event.severity), err=True)


def drawn(change: PropertyChange) -> str:
    """One property's difference, in colour: what was, what will be."""
    before = click.style(shown(change.before), fg="red")
    after = click.style(shown(change.after), fg="green")
    forces = click.style("  (forces replacement)", fg="magenta") if change.replaces else ""
    return f"{change.path}: {before} -> {after}{forces}"


def short(token: str) -> str:
    """A type as Pulumi's own CLI shows it: `aws:s3:Bucket` of `aws:s3/bucket:Bucket`."""
    module, _, name = token.rpartition(":")
    return f"{module.partition('/')[0]}:{name}"


def shown(value: Any) -> str:
    """A property's value in one short line."""
    text = "none" if value is None else " ".join(str(value).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def problem_lines(problem: Problem) -> Iterator[str]:
    """What went wrong, where, and what to do."""
    place = f"{problem.file}:{problem.line}" if problem.file else problem.declared
    yield f"error: {place}: {problem.message}" if place else f"error: {problem.message}"
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
