"""PutLogEvents: a batch is checked, written and synced before it is acknowledged."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from stepwell.api.context import Context
from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.services.logs.errors import InvalidParameterException, no_stream
from stepwell.services.logs.records import find_group, find_stream, rights
from stepwell.services.logs.segments import Segments

#: bytes of a batch: its messages in UTF-8, and 26 for each (API reference, PutLogEvents)
BATCH_LIMIT = 1_048_576
OVERHEAD = 26
DAY = 86_400_000
#: milliseconds that an event's time may be behind and ahead
TOO_OLD = 14 * DAY
TOO_NEW = 2 * 3_600_000


def check(events: Sequence[Mapping[str, Any]]) -> None:
    """Raise InvalidParameterException for a batch that is refused as a whole."""
    times = [event["timestamp"] for event in events]
    if any(later < earlier for earlier, later in itertools.pairwise(times)):
        raise InvalidParameterException(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    if times[-1] - times[0] > DAY:
        raise InvalidParameterException(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    size = sum(len(event["message"].encode(errors="replace")) + OVERHEAD for event in events)
    if size > BATCH_LIMIT:
        raise InvalidParameterException(f"Upload too large: {size} bytes exceeds limit of {BATCH_LIMIT}")


def rejected(times: Sequence[int], now: int, retention: int | None) -> dict[str, int]:
    """`rejectedLogEventsInfo` of a batch in order: too old and expired up to, too new from an index."""
    info: dict[str, int] = {}
    old = sum(time < now - TOO_OLD for time in times)
    expired = 0 if retention is None else sum(time < now - retention * DAY for time in times)
    new = sum(time > now + TOO_NEW for time in times)
    if old:
        info["tooOldLogEventEndIndex"] = old
    if expired > old:
        info["expiredLogEventEndIndex"] = expired
    if new:
        info["tooNewLogEventStartIndex"] = len(times) - new
    return info


class Writer:
    """Handles PutLogEvents."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    async def put_log_events(self, call: Call, context: Context) -> dict[str, Any]:
        group, stream = call.params["logGroupName"], call.params["logStreamName"]
        events = call.params["logEvents"]
        check(events)
        found = await context.read(lambda view: (find_group(view, group), find_stream(view, group, stream)))
        info = rejected(
            [event["timestamp"] for event in events], round(context.now * 1000), found[0].retention
        )
        first = max(info.get("tooOldLogEventEndIndex", 0), info.get("expiredLogEventEndIndex", 0))
        accepted = [
            (event["timestamp"], event["message"])
            for event in events[first : info.get("tooNewLogEventStartIndex", len(events))]
        ]
        if accepted:
            try:
                await asyncio.to_thread(self._segments.put, group, stream, accepted)
            except FileNotFoundError:
                raise no_stream() from None
        size = self._segments.segment(group, stream).summary().size
        answer: dict[str, Any] = {"nextSequenceToken": f"{size:056d}"}
        return answer | ({"rejectedLogEventsInfo": info} if info else {})

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                name="PutLogEvents",
                rights=rights("PutLogEvents"),
                honoured=words("logGroupName logStreamName logEvents"),
                recorded=words("sequenceToken"),
                act=self.put_log_events,
            ),
        )
