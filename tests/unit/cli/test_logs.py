"""`logs`."""

from __future__ import annotations

import json
import re

import pytest

from stepwell.cli import logs

FUNCTION = "2026/11/20/[$LATEST]0123456789abcdef0123456789abcdef"
#: group, stream, milliseconds after the first, text
WRITTEN = [
    ("/aws/lambda/prepare", FUNCTION, 0, "START\n"),
    ("/aws/sagemaker/TrainingJobs", "digits-7/algo-1", 5, "epoch 1\tloss=0.5"),
    ("/aws/lambda/prepare", FUNCTION, 10, "two\nlines\n"),
    ("/aws/sagemaker/TrainingJobs", "other-8/algo-1", 20, "epoch 1"),
    ("/aws/sagemaker/Endpoints/digits", "AllTraffic/i-1", 30, "GET /ping"),
]
NOON = 1_795_176_000_000

MACHINE = {
    "name": "scans",
    "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:scans",
    "type": "STANDARD",
    "creationDate": 0,
}
EXECUTION = {
    "name": "5d0a",
    "executionArn": "arn:aws:states:us-east-1:000000000000:execution:scans:5d0a",
    "stateMachineArn": MACHINE["stateMachineArn"],
    "status": "RUNNING",
    "startDate": 0,
}
STARTED = {
    "id": 7,
    "type": "TaskScheduled",
    "timestamp": 0,
    "taskScheduledEventDetails": {
        "resourceType": "sagemaker",
        "resource": "createTrainingJob.sync",
        "region": "us-east-1",
        "parameters": json.dumps({"TrainingJobName": "digits-7"}),
    },
}


def event(index, stream, moment, text):
    return {
        "logStreamName": stream,
        "timestamp": NOON + moment,
        "message": text,
        "ingestionTime": NOON + moment,
        "eventId": str(index),
    }


@pytest.fixture
def written(server, monkeypatch):
    """The lines that the server has; a test may add some."""
    monkeypatch.setattr(logs.time, "time", lambda: NOON / 1000 + 60)
    monkeypatch.setattr(logs, "PAUSE", 0)
    lines = list(WRITTEN)

    def groups(request):
        names = sorted({line[0] for line in lines})
        prefix = request.get("logGroupNamePrefix", "")
        return {"logGroups": [{"logGroupName": name} for name in names if name.startswith(prefix)]}

    def streams(request):
        names = sorted({line[1] for line in lines if line[0] == request["logGroupName"]})
        return {"logStreams": [{"logStreamName": name} for name in names]}

    def filtered(request):
        """One event a page."""
        wanted = request.get("logStreamNames")
        found = [
            event(index, *line[1:])
            for index, line in enumerate(lines)
            if line[0] == request["logGroupName"]
            and (wanted is None or line[1] in wanted)
            and NOON + line[2] >= request["startTime"]
        ]
        at = int(request.get("nextToken", 0))
        return {"events": found[at : at + 1], **({"nextToken": str(at + 1)} if found[at + 1 :] else {})}

    server.answers |= {
        "DescribeLogGroups": groups,
        "DescribeLogStreams": streams,
        "FilterLogEvents": filtered,
        "ListStateMachines": lambda _: {"stateMachines": [MACHINE]},
        "ListExecutions": lambda _: {"executions": [EXECUTION]},
        "GetExecutionHistory": lambda _: {"events": [STARTED]},
    }
    return lines


def texts(ended):
    return [re.sub(r"\d\d:\d\d:00\.", "", line) for line in ended.out.splitlines()]


ALL = [
    "lambda/prepare/01234567 000 START",
    "sagemaker/TrainingJobs/digits-7/algo-1 005 epoch 1\tloss=0.5",
    "lambda/prepare/01234567 010 two",
    "lambda/prepare/01234567 010 lines",
    "sagemaker/TrainingJobs/other-8/algo-1 020 epoch 1",
    "sagemaker/Endpoints/digits/AllTraffic/i-1 030 GET /ping",
]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ALL),
        (("prepare",), [ALL[0], ALL[2], ALL[3]]),
        (("digits",), [ALL[1], ALL[5]]),
        (("other-8",), [ALL[4]]),
        (("digits", "--group", "/aws/sagemaker/TrainingJobs"), [ALL[1]]),
        (("--group", "/aws/lambda/prepare"), [ALL[0], ALL[2], ALL[3]]),
        (("--since", "1m"), ALL),
        (("--since", "all"), ALL),
    ],
)
def test_lines_of_matching_groups_and_streams_come_in_the_order_of_their_time(
    run, written, arguments, expected
):
    ended = run("logs", *arguments)
    assert (ended.code, ended.err) == (0, "")
    assert texts(ended) == expected


def test_names_without_lines_of_late_say_where_the_lines_are(run, written):
    ended = run("logs", "prepare", "--since", "59s")
    told = "no lines in the last 59s; --since all shows all\n"
    assert (ended.code, ended.out, ended.err) == (0, "", told)


def test_each_line_is_a_json_document_of_its_own(run, written):
    found = [json.loads(line) for line in run("logs", "prepare", "--json").out.splitlines()]
    assert [each["message"] for each in found] == ["START\n", "two\nlines\n"]
    assert found[0]["logGroupName"] == "/aws/lambda/prepare"
    assert found[0]["logStreamName"] == FUNCTION


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("nobody",),
            "no log group or stream with 'nobody' in its name, and no execution so called of which a job has "
            "written anything",
        ),
        (("--group", "/aws/lambda/prep"), "no stream of /aws/lambda/prep"),
    ],
)
def test_a_name_that_nothing_has_fails(run, written, arguments, message):
    ended = run("logs", *arguments)
    assert (ended.code, ended.out, ended.err) == (1, "", f"stepwell: {message}\n")


def test_an_execution_s_name_means_the_jobs_that_it_started(run, written):
    ended = run("logs", "5d")
    assert (ended.code, texts(ended)) == (0, ["sagemaker/TrainingJobs/digits-7/algo-1 005 epoch 1\tloss=0.5"])


def test_a_server_without_logs_is_no_failure(run, written):
    written.clear()
    ended = run("logs")
    assert (ended.code, ended.out, ended.err) == (0, "", "no logs yet\n")


def test_following_shows_each_line_once_late_ones_and_new_groups_too(run, written, monkeypatch):
    looks = []

    def later(_):
        looks.append(None)
        if len(looks) == 2:
            written.append(("/aws/lambda/prepare", FUNCTION, 25, "late"))
            written.append(("/aws/lambda/new", FUNCTION, 90_000, "from a new function"))
        if len(looks) > logs.SEARCH + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(logs.time, "sleep", later)
    ended = run("logs", "-f")
    assert (ended.code, ended.err) == (0, "stopped\n")
    found = texts(ended)
    assert found[: len(ALL)] == ALL
    assert found[len(ALL)] == "lambda/prepare/01234567 025 late"
    assert [line.split(" ", 2)[2] for line in found[len(ALL) + 1 :]] == ["from a new function"]


def test_following_waits_for_logs_that_are_not_there_yet(run, written, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(logs.time, "sleep", stop)
    ended = run("logs", "nobody", "--follow")
    assert (ended.code, ended.out, ended.err) == (0, "", "stopped\n")


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (FUNCTION, "01234567"),
        ("2026/11/20/[12]abcdef0123456789", "abcdef01"),
        ("digits-7/algo-1-1795176000", "digits-7/algo-1-1795176000"),
    ],
)
def test_streams_of_functions_are_shortened(stream, expected):
    assert logs.short(stream) == expected
