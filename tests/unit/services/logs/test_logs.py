"""CloudWatch Logs' operations, as boto3 would see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Harness

from stepwell.errors import AwsError
from stepwell.services import logs
from stepwell.services.logs import removal

#: the harness's clock at its start, in milliseconds
NOW = 1_700_000_000_000
DAY = 86_400_000


def stream(server: Harness, group: str = "g", name: str = "s") -> None:
    server.call("logs", "CreateLogGroup", logGroupName=group)
    server.call("logs", "CreateLogStream", logGroupName=group, logStreamName=name)


def put(server: Harness, *events: tuple[int, str], group: str = "g", name: str = "s") -> dict[str, Any]:
    entries = [{"timestamp": time, "message": text} for time, text in events]
    return server.call("logs", "PutLogEvents", logGroupName=group, logStreamName=name, logEvents=entries)


def get(server: Harness, **params: Any) -> tuple[list[str], str, str]:
    answer = server.call("logs", "GetLogEvents", logGroupName="g", logStreamName="s", **params)
    texts = [event["message"] for event in answer["events"]]
    return texts, answer["nextForwardToken"], answer["nextBackwardToken"]


def filtered(server: Harness, **params: Any) -> list[str]:
    answer = server.call("logs", "FilterLogEvents", logGroupName="g", **params)
    return [event["message"] for event in answer["events"]]


def error(server: Harness, operation: str, **params: Any) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        server.call("logs", operation, **params)
    return caught.value.error_code, caught.value.message


def test_names_that_do_not_exist_are_told_in_awss_words(server: Harness) -> None:
    missing = ("ResourceNotFoundException", "The specified log group does not exist.")
    for operation, params in {
        "DeleteLogGroup": {},
        "CreateLogStream": {"logStreamName": "s"},
        "DescribeLogStreams": {},
        "FilterLogEvents": {},
        "GetLogEvents": {"logStreamName": "s"},
        "PutRetentionPolicy": {"retentionInDays": 7},
        "PutLogEvents": {"logStreamName": "s", "logEvents": [{"timestamp": NOW, "message": "x"}]},
    }.items():
        assert error(server, operation, logGroupName="g", **params) == missing
    server.call("logs", "CreateLogGroup", logGroupName="g")
    assert error(server, "GetLogEvents", logGroupName="g", logStreamName="s") == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )


def test_names_that_exist_are_not_made_twice(server: Harness) -> None:
    stream(server)
    taken = "ResourceAlreadyExistsException"
    assert error(server, "CreateLogGroup", logGroupName="g") == (
        taken,
        "The specified log group already exists",
    )
    assert error(server, "CreateLogStream", logGroupName="g", logStreamName="s") == (
        taken,
        "The specified log stream already exists",
    )


def test_pages_forwards_end_with_a_stable_token_and_go_on_when_lines_come(server: Harness) -> None:
    stream(server)
    put(server, *((NOW + place, f"{place}") for place in range(5)))
    first, forward, _ = get(server, startFromHead=True, limit=2)
    second, forward, _ = get(server, nextToken=forward, limit=2)
    third, forward, _ = get(server, nextToken=forward, limit=2)
    assert (first, second, third) == (["0", "1"], ["2", "3"], ["4"])
    assert get(server, nextToken=forward)[:2] == ([], forward)
    put(server, (NOW + 9, "9"))
    assert get(server, nextToken=forward)[0] == ["9"]


def test_pages_backwards_begin_at_the_end_and_stop_with_a_stable_token(server: Harness) -> None:
    stream(server)
    put(server, *((NOW + place, f"{place}") for place in range(5)))
    last, forward, backward = get(server, limit=2)
    middle, _, backward = get(server, nextToken=backward, limit=2)
    first, _, backward = get(server, nextToken=backward, limit=2)
    assert (last, middle, first) == (["3", "4"], ["1", "2"], ["0"])
    empty, again, same = get(server, nextToken=backward)
    assert (empty, same) == ([], backward)
    assert get(server, nextToken=again)[0] == ["0", "1", "2", "3", "4"]
    assert get(server, nextToken=forward)[0] == []


def test_an_empty_stream_can_be_followed(server: Harness) -> None:
    stream(server)
    for params in ({}, {"startFromHead": True}):
        texts, forward, _ = get(server, **params)
        assert texts == []
        assert get(server, nextToken=forward)[:2] == ([], forward)
    put(server, (NOW, "first"))
    assert get(server, nextToken=forward)[0] == ["first"]


def test_the_time_range_leaves_its_end_out_of_get_and_in_filter(server: Harness) -> None:
    stream(server)
    put(server, (NOW, "a"), (NOW + 1, "b"), (NOW + 2, "c"))
    assert get(server, startTime=NOW + 1, endTime=NOW + 2)[0] == ["b"]
    assert filtered(server, startTime=NOW + 1, endTime=NOW + 2) == ["b", "c"]


def test_a_wrong_token_is_refused(server: Harness) -> None:
    stream(server)
    assert error(server, "GetLogEvents", logGroupName="g", logStreamName="s", nextToken="x") == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )
    for token in ("x", "AAAA", "eCB5IHo="):
        assert error(server, "FilterLogEvents", logGroupName="g", nextToken=token)[0] == (
            "InvalidParameterException"
        )


def test_streams_are_interleaved_and_paged_by_time(server: Harness) -> None:
    stream(server)
    server.call("logs", "CreateLogStream", logGroupName="g", logStreamName="t")
    put(server, *((NOW + place, f"s{place}") for place in (0, 2, 4)))
    put(server, *((NOW + place, f"t{place}") for place in (0, 1, 5)), name="t")
    expected = ["s0", "t0", "t1", "s2", "s4", "t5"]
    assert filtered(server) == expected
    found: list[str] = []
    token: dict[str, str] = {}
    for _ in range(3):
        answer = server.call("logs", "FilterLogEvents", logGroupName="g", limit=2, **token)
        found += [event["message"] for event in answer["events"]]
        token = {"nextToken": answer["nextToken"]} if "nextToken" in answer else {}
    assert found == expected and not token
    assert filtered(server, logStreamNames=["t"]) == ["t0", "t1", "t5"]
    assert filtered(server, logStreamNamePrefix="s") == ["s0", "s2", "s4"]
    assert filtered(server, filterPattern="?s4 ?t1") == ["t1", "s4"]
    ids = server.call("logs", "FilterLogEvents", logGroupName="g")["events"]
    assert len({(event["logStreamName"], event["eventId"]) for event in ids}) == 6


def test_batches_that_aws_refuses_are_refused(server: Harness) -> None:
    stream(server)
    place = {"logGroupName": "g", "logStreamName": "s"}
    for events, text in (
        ([(NOW + 1, "a"), (NOW, "b")], "chronological order"),
        ([(NOW - DAY - 1, "a"), (NOW, "b")], "cannot span more than 24 hours"),
        ([(NOW, "x" * 1_048_551)], "Upload too large: 1048577 bytes exceeds limit of 1048576"),
    ):
        entries = [{"timestamp": time, "message": message} for time, message in events]
        code, message = error(server, "PutLogEvents", logEvents=entries, **place)
        assert code == "InvalidParameterException" and text in message
    assert filtered(server) == []


def test_events_too_old_or_too_new_are_left_out_and_named(server: Harness) -> None:
    stream(server)
    assert put(server, (NOW - 14 * DAY - 1, "old"), (NOW - 14 * DAY, "kept"))["rejectedLogEventsInfo"] == {
        "tooOldLogEventEndIndex": 1
    }
    answer = put(server, (NOW, "now"), (NOW + 7_200_001, "new"))
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    server.call("logs", "PutRetentionPolicy", logGroupName="g", retentionInDays=1)
    answer = put(server, (NOW - DAY - 1, "expired"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    server.call("logs", "DeleteRetentionPolicy", logGroupName="g")
    assert filtered(server) == ["kept", "now"]


def test_what_is_older_than_the_retention_is_not_shown(server: Harness) -> None:
    stream(server)
    put(server, (NOW, "old"))
    server.call("logs", "PutRetentionPolicy", logGroupName="g", retentionInDays=3)
    assert filtered(server) == ["old"]
    server.clock.advance(3 * 86_400 + 1)
    assert filtered(server) == []
    assert get(server, startFromHead=True)[0] == []
    assert error(server, "PutRetentionPolicy", logGroupName="g", retentionInDays=2)[0] == (
        "InvalidParameterException"
    )


def test_workers_output_makes_its_group_and_stream(server: Harness, segments: logs.Segments) -> None:
    segments.write("/aws/x", "a/[1]b", [(1_700_000_000.5, "one"), (1_700_000_001.0, "")])
    server.settle()
    answer = server.call("logs", "FilterLogEvents", logGroupName="/aws/x")
    assert [(event["timestamp"], event["message"]) for event in answer["events"]] == [
        (NOW + 500, "one"),
        (NOW + 1000, " "),
    ]
    server.call("logs", "DeleteLogGroup", logGroupName="/aws/x")
    segments.write("/aws/x", "a/[1]b", [(1_700_000_002.0, "two")])
    server.settle()
    answer = server.call("logs", "FilterLogEvents", logGroupName="/aws/x")
    assert [event["message"] for event in answer["events"]] == ["two"]


def test_a_deleted_group_takes_its_files_along(server: Harness) -> None:
    stream(server)
    put(server, (NOW, "x"))
    folder = server.config.data / "logs"
    assert [path.name for path in folder.rglob("*.log")] == ["s.log"]
    server.call("logs", "DeleteLogGroup", logGroupName="g")
    assert list(folder.rglob("*.log")) == []
    stream(server)
    assert filtered(server) == []
    put(server, (NOW, "y"))
    server.call("logs", "CreateLogStream", logGroupName="g", logStreamName="t")
    put(server, (NOW, "z"), name="t")
    server.call("logs", "DeleteLogStream", logGroupName="g", logStreamName="s")
    server.settle()
    assert filtered(server) == ["z"]


def test_a_removal_that_a_crash_cut_short_is_finished_at_the_next_start(
    tmp_path: Path, segments_for: Callable[[Harness], logs.Segments]
) -> None:
    with Harness(tmp_path) as harness:
        segments = segments_for(harness)
        harness.serve([logs.service(segments)])
        stream(harness)
        put(harness, (NOW, "x"))
        harness._loop._started = lambda effects: None
        harness.decide(lambda draft: removal.forget_group(draft, "g"))
        assert error(harness, "CreateLogGroup", logGroupName="g")[0] == "OperationAbortedException"
    with Harness(tmp_path) as harness:
        segments = segments_for(harness)
        harness.serve([logs.service(segments)], effects=logs.effects(segments, harness.context))
        harness.settle()
        stream(harness)
        assert filtered(harness) == []
        assert harness.read(lambda view: list(view.scan(removal.Removal))) == []


def test_groups_are_described_in_pages(server: Harness) -> None:
    for name in ("b", "a/1", "a/2"):
        server.call("logs", "CreateLogGroup", logGroupName=name)
    first = server.call("logs", "DescribeLogGroups", limit=2)
    second = server.call("logs", "DescribeLogGroups", limit=2, nextToken=first["nextToken"])
    names = [group["logGroupName"] for group in first["logGroups"] + second["logGroups"]]
    assert names == ["a/1", "a/2", "b"] and "nextToken" not in second
    found = server.call("logs", "DescribeLogGroups", logGroupNamePrefix="a/2")["logGroups"]
    assert found == [
        {
            "logGroupName": "a/2",
            "creationTime": NOW,
            "metricFilterCount": 0,
            "arn": "arn:aws:logs:us-east-1:000000000000:log-group:a/2:*",
            "storedBytes": 0,
            "logGroupClass": "STANDARD",
            "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:a/2",
            "deletionProtectionEnabled": False,
        }
    ]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["a", "b", "c"]),
        ({"descending": True}, ["c", "b", "a"]),
        ({"orderBy": "LastEventTime"}, ["c", "b", "a"]),
        ({"orderBy": "LastEventTime", "descending": True}, ["a", "b", "c"]),
        ({"logStreamNamePrefix": "b"}, ["b"]),
    ],
)
def test_streams_are_described_by_name_or_by_their_last_event(
    server: Harness, params: dict[str, Any], expected: list[str]
) -> None:
    server.call("logs", "CreateLogGroup", logGroupName="g")
    for place, name in enumerate("cba"):
        server.call("logs", "CreateLogStream", logGroupName="g", logStreamName=name)
        put(server, (NOW - 5, "x"), (NOW + place, "x"), name=name)
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = server.call("logs", "DescribeLogStreams", logGroupName="g", limit=2, **params, **token)
        found += [each["logStreamName"] for each in answer["logStreams"]]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert found == expected
    assert all(
        each["firstEventTimestamp"] == NOW - 5 and each["lastEventTimestamp"] >= NOW
        for each in answer["logStreams"]
    )


def test_tags_are_kept_by_arn_and_by_name(server: Harness) -> None:
    server.call("logs", "CreateLogGroup", logGroupName="g", tags={"a": "1"})
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    server.call("logs", "TagResource", resourceArn=arn, tags={"b": "2"})
    server.call("logs", "TagLogGroup", logGroupName="g", tags={"c": "3"})
    server.call("logs", "UntagResource", resourceArn=arn, tagKeys=["a"])
    assert server.call("logs", "ListTagsForResource", resourceArn=arn) == {"tags": {"b": "2", "c": "3"}}
    server.call("logs", "UntagLogGroup", logGroupName="g", tags=["b"])
    assert server.call("logs", "ListTagsLogGroup", logGroupName="g") == {"tags": {"c": "3"}}
    assert error(server, "ListTagsForResource", resourceArn=arn + "x")[0] == "ResourceNotFoundException"
    many = {f"k{place}": "v" for place in range(50)}
    assert error(server, "TagResource", resourceArn=arn, tags=many)[0] == "TooManyTagsException"
