"""`start`, `executions`, `history`: executions of state machines."""

from __future__ import annotations

import difflib
import heapq
import itertools
import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from stepwell.cli.connection import connect, data_option, json_option
from stepwell.cli.histories import States, cause_lines, details, indented, offset, remark, span
from stepwell.cli.output import print_json, print_table, status_word
from stepwell.cli.waiting import waits
from stepwell.errors import StepwellError, UsageError
from stepwell.identity import denials

STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
#: seconds between two looks at an execution that is waited for
PAUSE = 0.2
#: events that tell what a running execution waits for
NEWEST = 20
#: details that `--full` shows whole
FULL = ("input", "parameters", "output")


class NotFound(StepwellError):
    """No machine or execution has that name, or several have; the message says which there are."""


@click.command(short_help="Start an execution of a state machine.")
@click.argument("machine")
@click.option("--input", "text", default="{}", metavar="JSON|@FILE|-", help="The input.  [default: {}]")
@click.option("--name", help="The execution's name; the same name and input again start nothing new.")
@click.option("--wait", is_flag=True, help="Follow it to its end; exit 1 unless it SUCCEEDED.")
@data_option
@json_option
def start(machine: str, text: str, name: str | None, wait: bool, data: Path, as_json: bool) -> None:
    """Start an execution of MACHINE: a name, a name's unique beginning, or an ARN.

    Prints the execution's ARN; with --wait its output, and its events meanwhile on standard error.
    """
    document = input_document(text)
    states = connect(data).client("stepfunctions")
    named = {"name": name} if name is not None else {}
    arn = machine_arn(states, machine)
    begun = states.start_execution(stateMachineArn=arn, input=document, **named)
    begun.pop("ResponseMetadata", None)
    if not wait:
        if as_json:
            print_json(begun)
        else:
            click.echo(begun["executionArn"])
        return
    try:
        ended = follow(states, begun["executionArn"])
    except KeyboardInterrupt:
        called = begun["executionArn"].rpartition(":")[2]
        click.echo(f"it goes on without you: stepwell history {called} --data {data}", err=True)
        raise
    if as_json:
        print_json(ended)
    elif "output" in ended:
        click.echo(ended["output"])
    say_end(ended)
    if ended["status"] != "SUCCEEDED":
        raise click.exceptions.Exit(1)


@click.command(short_help="List executions, newest first.")
@click.argument("machine", required=False)
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only these.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="So many at most.")
@data_option
@json_option
def executions(machine: str | None, status: str | None, limit: int, data: Path, as_json: bool) -> None:
    """List the executions of MACHINE, or of all machines, newest first."""
    states = connect(data).client("stepfunctions")
    arns = [machine_arn(states, machine)] if machine else standard(states)
    each = [listed(states, arn, status) for arn in arns]
    merged = heapq.merge(*each, key=lambda entry: entry["startDate"], reverse=True)
    found = list(itertools.islice(merged, limit))
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("no executions", err=True)
        return
    print_table(
        ("name", "machine", "status", "started", "took"),
        (
            (
                entry["name"],
                entry["stateMachineArn"].rpartition(":")[2],
                _standing(states, entry),
                f"{entry['startDate'].astimezone():%Y-%m-%d %H:%M:%S}",
                span((entry.get("stopDate", datetime.now(UTC)) - entry["startDate"]).total_seconds()),
            )
            for entry in found
        ),
    )


def _standing(states: Any, entry: Mapping[str, Any]) -> str:
    """An execution's status, and whom it waits for where its newest events tell that."""
    if entry["status"] != "RUNNING":
        return str(entry["status"])
    newest = itertools.islice(newest_first(states, entry["executionArn"]), NEWEST)
    waiting = [each for each in waits(reversed(list(newest))) if each.ended is None]
    if not waiting:
        return "RUNNING"
    asks = waiting[-1].asks
    return "waits for an answer" if asks is None else f"waits for a person ({asks})"


@click.command(short_help="Show an execution's history.")
@click.argument("execution")
@click.option("--full", is_flag=True, help="Show inputs and outputs too.")
@data_option
@json_option
def history(execution: str, full: bool, data: Path, as_json: bool) -> None:
    """Show what happened in EXECUTION: a name, a name's unique beginning, or an ARN.

    The last lines say how it ended; an error of a function is shown as the traceback of its code.
    """
    states = connect(data).client("stepfunctions")
    arn = execution_arn(states, execution)
    found = described(states, arn)
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = (event for page in pages for event in page["events"])
    if as_json:
        print_json({"execution": found, "events": list(events)})
        return
    rows = Rows(found["startDate"])
    for event in events:
        click.echo(rows.row(event))
        for line in whole(event) if full else ():
            click.echo(f"      {line}")
    for line in end_lines(found):
        click.echo(line)


class Rows:
    """Events of one execution as lines of aligned columns."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._states = States()

    def row(self, event: Mapping[str, Any]) -> str:
        """Number, time since the start, type, state, remark."""
        moment = offset(event["timestamp"], self._start)
        state = self._states.name(event)
        return f"{event['id']:>5} {moment:>11}  {event['type']:<24} {state:<20} {remark(event)}".rstrip()


def whole(event: Mapping[str, Any]) -> Iterator[str]:
    """All inputs, outputs and causes of an event."""
    found = details(event)
    for name in FULL:
        if name in found:
            yield f"{name}:"
            yield from (f"  {line}" for line in indented(found[name]))
    if found.get("cause"):
        yield "cause:"
        yield from (f"  {line}" for line in cause_lines(found["cause"]))


def end_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """How an execution ended, or that it runs."""
    took = span((found.get("stopDate", datetime.now(UTC)) - found["startDate"]).total_seconds())
    word = "for" if found["status"] == "RUNNING" else "after"
    error = f": {found['error']}" if found.get("error") else ""
    yield f"{status_word(found['status'])} {word} {took} s{error}"
    cause = list(cause_lines(found.get("cause", "")))
    yield from cause
    advice = denials.advice("\n".join(cause))
    if advice is not None:
        yield advice


def say_end(found: Mapping[str, Any]) -> None:
    """The end, for people."""
    for line in end_lines(found):
        click.echo(line, err=True)


def follow(states: Any, arn: str) -> dict[str, Any]:
    """Show an execution's events on standard error until it ends; its description then."""
    rows, seen = None, 0
    while True:
        found = described(states, arn)
        rows = rows or Rows(found["startDate"])
        for event in newer(states, arn, seen):
            click.echo(rows.row(event), err=True)
            seen = event["id"]
        if found["status"] != "RUNNING":
            return found
        time.sleep(PAUSE)


def newer(states: Any, arn: str, seen: int) -> list[dict[str, Any]]:
    """The events behind number `seen`, oldest first; reads from the newest, so that no page is read twice."""
    return list(itertools.takewhile(lambda event: event["id"] > seen, newest_first(states, arn)))[::-1]


def newest_first(states: Any, arn: str) -> Iterator[dict[str, Any]]:
    """An execution's events from the newest on; pages are read as they are needed."""
    for page in states.get_paginator("get_execution_history").paginate(executionArn=arn, reverseOrder=True):
        yield from page["events"]


def described(states: Any, arn: str) -> dict[str, Any]:
    """DescribeExecution's answer."""
    found: dict[str, Any] = states.describe_execution(executionArn=arn)
    found.pop("ResponseMetadata", None)
    return found


def input_document(text: str) -> str:
    """The input that `--input` means: JSON itself, a file's or standard input's. Raises UsageError."""
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text()
        json.loads(text)
    except OSError as error:
        raise UsageError(f"--input: {error.filename}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"--input: {error}") from None
    except ValueError as error:
        raise UsageError(
            f"--input is not JSON: {error}. Give JSON in quotes, @FILE, or - for standard input"
        ) from None
    return text


def machines(states: Any) -> Iterator[dict[str, Any]]:
    """All state machines, as ListStateMachines has them."""
    for page in states.get_paginator("list_state_machines").paginate():
        yield from page["stateMachines"]


def standard(states: Any) -> list[str]:
    """The ARNs of the machines that list their executions: those of Express machines are not kept."""
    return [found["stateMachineArn"] for found in machines(states) if found["type"] == "STANDARD"]


def machine_arn(states: Any, name: str) -> str:
    """The ARN of a machine given by name, unique beginning of it, or ARN. Raises NotFound."""
    if name.startswith("arn:"):
        return name
    known = {found["name"]: found["stateMachineArn"] for found in machines(states)}
    return chosen("state machine", name, known)


def chosen(noun: str, name: str, known: Mapping[str, str]) -> str:
    """What `name`, or a name that alone begins with it, stands for. Raises NotFound."""
    if name in known:
        return known[name]
    begins = [each for each in known if each.startswith(name)]
    if len(begins) == 1:
        return known[begins[0]]
    if begins:
        raise NotFound(f"{len(begins)} begin with {name!r}: {', '.join(sorted(begins)[:10])}")
    near = difflib.get_close_matches(name, known, n=3) or sorted(known)[:10]
    raise NotFound(
        f"there is no {noun} {name!r}. There are: {', '.join(near)}" if near else f"there is no {noun} yet"
    )


def listed(states: Any, arn: str, status: str | None = None) -> Iterator[dict[str, Any]]:
    """A machine's executions, newest first."""
    only = {"statusFilter": status} if status else {}
    for page in states.get_paginator("list_executions").paginate(stateMachineArn=arn, **only):
        yield from page["executions"]


def execution_arn(states: Any, name: str) -> str:
    """The ARN of an execution given by name, unique beginning of it, or ARN. Raises NotFound."""
    if name.startswith("arn:"):
        return name
    found = [entry for machine in standard(states) for entry in listed(states, machine)]
    same = [entry["executionArn"] for entry in found if entry["name"] == name]
    if len(same) > 1:
        raise NotFound(f"{len(same)} executions have the name {name!r}: {', '.join(sorted(same))}")
    return chosen("execution", name, {entry["name"]: entry["executionArn"] for entry in found})
