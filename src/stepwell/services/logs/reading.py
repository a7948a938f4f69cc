"""GetLogEvents and FilterLogEvents: pages of events in the order of their time.

A page's token names the place of an event, not a page, so that tokens stay good while lines come in:
whoever follows a log asks again with the last token.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.api.operations import Operation, words
from stepwell.api.pages import token_of
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.services.logs import paging, patterns
from stepwell.services.logs.errors import InvalidParameterException
from stepwell.services.logs.records import (
    LogGroup,
    LogStream,
    find_stream,
    named_group,
    rights,
    stream_key,
)
from stepwell.services.logs.segment import Event
from stepwell.services.logs.segments import Segments
from stepwell.services.logs.writing import DAY, OVERHEAD

#: events of a page at most
LIMIT = 10_000
#: bytes of a page at most
PAGE_BYTES = 1_048_576
FOREVER = 1 << 62

_TOKEN = re.compile(r"([fb])/(\d{20})(\d{20})/s")
Place = tuple[int, int]


def token(direction: str, place: Place) -> str:
    """`f/…/s` goes on behind a place (time, offset), `b/…/s` before it. Both parts are shifted by one."""
    return f"{direction}/{place[0] + 1:020d}{place[1] + 1:020d}/s"


def _parsed(text: str) -> tuple[str, Place]:
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise InvalidParameterException("The specified nextToken is invalid.")
    return match[1], (int(match[2]) - 1, int(match[3]) - 1)


def _page(events: Iterator[Event], limit: int) -> list[Event]:
    """As many as a page holds."""
    size = 0
    found: list[Event] = []
    for event in itertools.islice(events, limit):
        size += len(event.message.encode(errors="replace")) + OVERHEAD
        if size > PAGE_BYTES and found:
            break
        found.append(event)
    return found


class Reader:
    """Handles the two operations."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    def _span(self, group: LogGroup, params: Mapping[str, Any], *, closed: bool) -> tuple[int, int]:
        """The first millisecond asked for and that behind the last, expired ones left out."""
        start, end = params.get("startTime") or 0, params.get("endTime")
        if group.retention is not None:
            start = max(start, round(self._segments.clock.now() * 1000) - group.retention * DAY)
        return start, FOREVER if end is None else end + closed

    def get_log_events(self, call: Call, view: View) -> dict[str, Any]:
        params = call.params
        group = named_group(params, view)
        stream = find_stream(view, group.name, params["logStreamName"])
        segment = self._segments.segment(group.name, stream.name)
        start, end = self._span(group, params, closed=False)
        limit = params.get("limit") or LIMIT
        if params.get("nextToken"):
            direction, place = _parsed(params["nextToken"])
        else:
            direction = "f" if params.get("startFromHead") else "b"
            place = (-1, -1) if direction == "f" else (FOREVER, 0)
        if direction == "f":
            events = (
                event
                for event in segment.events(max(start, place[0]), end)
                if (event.timestamp, event.offset) > place
            )
            found = _page(events, limit)
        else:
            events = (
                event
                for event in segment.events(start, min(end, place[0] + 1), newest_first=True)
                if (event.timestamp, event.offset) < place
            )
            found = _page(events, limit)[::-1]
        forward, backward = _ends(found, direction, place)
        return {
            "events": [
                {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested}
                for event in found
            ],
            "nextForwardToken": token("f", forward),
            "nextBackwardToken": token("b", backward),
        }

    def filter_log_events(self, call: Call, view: View) -> dict[str, Any]:
        params = call.params
        group = named_group(params, view)
        matches = patterns.compiled(params.get("filterPattern") or "")
        start, end = self._span(group, params, closed=True)
        after = _place(params)
        streams = self._streams(view, group, params)
        runs = [
            self._run(stream, start if after is None else max(start, after[0]), end) for stream in streams
        ]
        found: list[tuple[int, str, Event]] = []
        size = 0
        limit = params.get("limit") or LIMIT
        more = False
        for entry in heapq.merge(*runs, key=lambda entry: (entry[0], entry[1], entry[2].offset)):
            event = entry[2]
            if after is not None and (entry[0], entry[1], event.offset) <= after:
                continue
            if not matches(event.message):
                continue
            size += len(event.message.encode(errors="replace")) + OVERHEAD
            if len(found) >= limit or (size > PAGE_BYTES and found):
                more = True
                break
            found.append(entry)
        answer: dict[str, Any] = {
            "events": [
                {
                    "logStreamName": stream,
                    "timestamp": event.timestamp,
                    "message": event.message,
                    "ingestionTime": event.ingested,
                    "eventId": f"{event.timestamp:020d}{event.offset:036d}",
                }
                for _, stream, event in found
            ],
            "searchedLogStreams": [],
        }
        if more:
            last = found[-1]
            answer["nextToken"] = token_of(f"{last[0]} {last[2].offset} {last[1]}")
        return answer

    def _streams(self, view: View, group: LogGroup, params: Mapping[str, Any]) -> list[LogStream]:
        names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
        if names and prefix:
            raise InvalidParameterException(
                "Cannot specify both logStreamNames and logStreamNamePrefix parameters."
            )
        if names:
            return [find_stream(view, group.name, name) for name in dict.fromkeys(names)]
        return list(view.scan(LogStream, prefix=stream_key(group.name, prefix or "")))

    def _run(self, stream: LogStream, start: int, end: int) -> Iterator[tuple[int, str, Event]]:
        segment = self._segments.segment(stream.group, stream.name)
        return ((event.timestamp, stream.name, event) for event in segment.events(start, end))

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                name="GetLogEvents",
                rights=rights("GetLogEvents"),
                honoured=words(
                    "logGroupName logGroupIdentifier logStreamName startTime endTime nextToken limit "
                    "startFromHead"
                ),
                recorded=words("unmask"),
                read=self.get_log_events,
            ),
            Operation(
                name="FilterLogEvents",
                rights=rights("FilterLogEvents"),
                honoured=words(
                    "logGroupName logGroupIdentifier logStreamNames logStreamNamePrefix startTime endTime "
                    "filterPattern nextToken limit interleaved"
                ),
                recorded=words("unmask"),
                read=self.filter_log_events,
            ),
        )


def _ends(found: list[Event], direction: str, place: Place) -> tuple[Place, Place]:
    """Where the next pages begin, forwards and backwards; an empty page repeats the place it was asked by."""
    if found:
        first, last = found[0], found[-1]
        return (last.timestamp, last.offset), (first.timestamp, first.offset)
    if direction == "f":
        return place, (place[0], place[1] + 1)
    if place[0] == FOREVER:
        return (-1, -1), place
    return (place[0], max(place[1] - 1, -1)), place


def _place(params: Mapping[str, Any]) -> tuple[int, str, int] | None:
    """The last event of the page before. Raises InvalidParameterException."""
    if not params.get("nextToken"):
        return None
    parts = paging.decode(params["nextToken"]).split(" ", 2)
    if len(parts) != 3 or not (parts[0].isdecimal() and parts[1].isdecimal()):
        raise InvalidParameterException("The specified nextToken is invalid.")
    return int(parts[0]), parts[2], int(parts[1])
