"""Log streams: created, deleted, listed by name or by their last event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.logs import paging, removal
from stepwell.services.logs.errors import InvalidParameterException, ResourceAlreadyExistsException
from stepwell.services.logs.records import (
    LogStream,
    find_group,
    group_arn,
    named_group,
    rights,
    stream_key,
)
from stepwell.services.logs.segments import Segments


def create_log_stream(call: Call, draft: Draft) -> None:
    group, name = call.params["logGroupName"], call.params["logStreamName"]
    find_group(draft, group)
    removal.refuse_during(draft, group, name)
    if draft.get(LogStream, stream_key(group, name)) is not None:
        raise ResourceAlreadyExistsException("The specified log stream already exists")
    draft.put(LogStream(group=group, name=name, created=draft.now))


class Streams:
    """What needs the segment files: times of events, and removal."""

    def __init__(self, segments: Segments, remover: removal.Remover) -> None:
        self._segments = segments
        self._remover = remover

    def describe_log_streams(self, call: Call, view: View) -> dict[str, Any]:
        params = call.params
        group = named_group(params, view).name
        prefix, descending = params.get("logStreamNamePrefix", ""), params.get("descending", False)
        by_time = params.get("orderBy") == "LastEventTime"
        if by_time and prefix:
            raise InvalidParameterException("Cannot order by LastEventTime with a logStreamNamePrefix.")
        streams: Iterator[LogStream] = view.scan(LogStream, prefix=stream_key(group, prefix))

        def place(stream: LogStream) -> str:
            return f"{self._last(stream) + 1:020d} {stream.name}" if by_time else stream.name

        ordered = sorted((place(stream), stream) for stream in streams)
        after = paging.start(params)
        if descending:
            pages = [each for each in reversed(ordered) if not after or each[0] < after]
        else:
            pages = [each for each in ordered if each[0] > after]
        return paging.page(
            params, "logStreams", pages, lambda each: each[0], lambda each: self._shown(view, each[1])
        )

    def _last(self, stream: LogStream) -> int:
        """The time of the last event in milliseconds; -1 while there is none."""
        last = self._segments.segment(stream.group, stream.name).summary().last
        return -1 if last is None else last

    def _shown(self, view: View, stream: LogStream) -> dict[str, Any]:
        summary = self._segments.segment(stream.group, stream.name).summary()
        shown: dict[str, Any] = {
            "logStreamName": stream.name,
            "creationTime": round(stream.created * 1000),
            "arn": f"{group_arn(view, stream.group)}:log-stream:{stream.name}",
            "storedBytes": 0,
        }
        if summary.last is not None:
            shown |= {
                "firstEventTimestamp": summary.first,
                "lastEventTimestamp": summary.last,
                "lastIngestionTime": summary.ingested,
                "uploadSequenceToken": f"{summary.size:056d}",
            }
        return shown

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                name="CreateLogStream",
                rights=rights("CreateLogStream"),
                honoured=words("logGroupName logStreamName"),
                decide=create_log_stream,
            ),
            Operation(
                name="DeleteLogStream",
                rights=rights("DeleteLogStream"),
                honoured=words("logGroupName logStreamName"),
                act=self._remover.delete_stream,
            ),
            Operation(
                name="DescribeLogStreams",
                rights=rights("DescribeLogStreams"),
                honoured=words(
                    "logGroupName logGroupIdentifier logStreamNamePrefix orderBy descending nextToken limit"
                ),
                read=self.describe_log_streams,
            ),
        )
