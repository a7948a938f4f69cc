"""`logs`: what functions, jobs and endpoints wrote, from CloudWatch Logs."""

from __future__ import annotations

import heapq
import itertools
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from stepwell.cli.connection import connect, data_option, json_option
from stepwell.cli.output import json_line
from stepwell.cli.runs import NotFound, execution_arn, newest_first
from stepwell.errors import StepwellError, UsageError

#: seconds between two looks at the logs
PAUSE = 0.3
#: looks between two searches for new groups and streams
SEARCH = 10
#: milliseconds by which a line may come later than a younger line of another stream
LATE = 5_000
#: streams that one FilterLogEvents may name
STREAMS = 100
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A group, or some of its streams."""

    #: the log group's name
    group: str
    #: the streams' names; empty means all
    streams: tuple[str, ...] = ()


@click.command(short_help="Show logs of functions, jobs and endpoints; -f follows.")
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--since", default="10m", show_default=True, help="How far back: 30s, 10m, 2h, 7d, or all.")
@click.option("--group", help="Only this log group.")
@data_option
@json_option
def logs(name: str | None, follow: bool, since: str, group: str | None, data: Path, as_json: bool) -> None:
    """Show the lines of all groups and streams whose names hold NAME; without NAME all lines.

    Where none does, NAME is an execution's name, or the unique beginning of one: then what its jobs wrote.

    Each line has its group, its stream, its time and its text; with --json each is a JSON object of its own.
    """
    connection = connect(data)
    client = connection.client("logs")
    start = beginning(since, time.time())

    def look() -> list[Source]:
        found = find(client, [name] if name is not None else None, group)
        if found or name is None or group is not None:
            return found
        return find(client, jobs_of(connection.client("stepfunctions"), name), None)

    sources = look()
    if not sources and not follow and name is None and group is None:
        click.echo("no logs yet", err=True)
    elif not sources and not follow:
        named = f" with {name!r} in its name" if name else ""
        told = (
            f"no log group or stream{named}, and no execution so called of which a job has written anything"
        )
        raise StepwellError(f"no stream of {group}{named}" if group else told)
    show = show_json if as_json else show_line
    if not follow:
        silent = True
        for event in merged(client, sources, start):
            show(event)
            silent = False
        if sources and silent:
            click.echo(f"no lines in the last {since}; --since all shows all", err=True)
        return
    try:
        for event in followed(client, look, start):
            show(event)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)


def beginning(since: str, now: float) -> int:
    """Milliseconds since the epoch. Raises UsageError."""
    if since == "all":
        return 0
    match = re.fullmatch(r"(\d+)([smhd])", since)
    if match is None:
        raise UsageError(f"--since takes a number and a unit such as 30s, 10m, 2h, 7d, or all; not {since!r}")
    return max(round((now - int(match[1]) * UNITS[match[2]]) * 1000), 0)


def jobs_of(states: Any, name: str) -> list[str]:
    """The names of the jobs that an execution started; none where there is no execution of that name."""
    from stepwell.retrain.lineage.executions import jobs

    try:
        arn = execution_arn(states, name)
    except NotFound:
        return []
    return jobs(newest_first(states, arn))


def find(client: Any, words: Sequence[str] | None, group: str | None) -> list[Source]:
    """The groups whose names hold one of the words, and of other groups the streams whose names do.

    words: None for all groups; without a word there is nothing to find.
    """
    if words is not None and not words:
        return []
    only = {"logGroupNamePrefix": group} if group else {}
    pages = client.get_paginator("describe_log_groups").paginate(**only)
    groups = [found["logGroupName"] for page in pages for found in page["logGroups"]]
    sources = []
    for each in groups:
        if group and each != group:
            continue
        if words is None or any(word in each for word in words):
            sources.append(Source(group=each))
            continue
        streams = client.get_paginator("describe_log_streams").paginate(logGroupName=each)
        names = [found["logStreamName"] for page in streams for found in page["logStreams"]]
        matching = [stream for stream in names if any(word in stream for word in words)]
        for first in range(0, len(matching), STREAMS):
            sources.append(Source(group=each, streams=tuple(matching[first : first + STREAMS])))
    return sources


def read(client: Any, source: Source, start: int) -> Iterator[dict[str, Any]]:
    """The events of a source from `start` on, in the order of their time, with their group."""
    only = {"logStreamNames": list(source.streams)} if source.streams else {}
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=source.group, startTime=start, **only
    )
    return ({"logGroupName": source.group, **event} for page in pages for event in page["events"])


def merged(client: Any, sources: list[Source], start: int) -> Iterator[dict[str, Any]]:
    """The events of all sources in the order of their time."""
    each = [read(client, source, start) for source in sources]
    return heapq.merge(*each, key=lambda event: event["timestamp"])


def followed(client: Any, find: Callable[[], list[Source]], start: int) -> Iterator[dict[str, Any]]:
    """The events from `start` on, each once, without end; `find` is asked again and again for sources."""
    seen: dict[tuple[str, str, str], int] = {}
    sources: list[Source] = []
    for look in itertools.count():
        if look % SEARCH == 0:
            sources = find()
        for event in merged(client, sources, start):
            key = (event["logGroupName"], event["logStreamName"], event["eventId"])
            if key not in seen:
                seen[key] = event["timestamp"]
                yield event
        start = max(start, max(seen.values(), default=0) - LATE)
        seen = {key: moment for key, moment in seen.items() if moment >= start}
        time.sleep(PAUSE)


def show_json(event: dict[str, Any]) -> None:
    """One JSON object on one line."""
    json_line(event)


def show_line(event: dict[str, Any]) -> None:
    """`group/stream time text`, a line for each line of the text."""
    moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).astimezone()
    prefix = f"{event['logGroupName'].removeprefix('/aws/')}/{short(event['logStreamName'])}"
    if sys.stdout.isatty():
        prefix = click.style(prefix, fg="cyan")
    for line in event["message"].rstrip("\n").split("\n"):
        click.echo(f"{prefix} {moment:%H:%M:%S}.{moment.microsecond // 1000:03d} {line}")


def short(stream: str) -> str:
    """A stream's name; the id alone of a function's, such as `2026/11/20/[$LATEST]0123456789abcdef`."""
    match = re.fullmatch(r"\d{4}/\d\d/\d\d/\[[^]]+\]([0-9a-f]+)", stream)
    return match[1][:8] if match else stream
