"""`start`, `executions`, `history`."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from stepwell.cli import runs

STATES = "arn:aws:states:eu-west-3:000000000000"
BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
CAUSE = {
    "errorMessage": "no column 'label'",
    "errorType": "KeyError",
    "requestId": "1",
    "stackTrace": ['  File "/var/task/prepare.py", line 7, in handler\n    rows["label"]\n'],
}


def machine(name, kind="STANDARD"):
    return {
        "name": name,
        "stateMachineArn": f"{STATES}:stateMachine:{name}",
        "type": kind,
        "creationDate": BEGAN,
    }


def execution(of, name, minute, status="SUCCEEDED", **more):
    stopped = {} if status == "RUNNING" else {"stopDate": BEGAN + timedelta(minutes=minute, seconds=61.5)}
    return {
        "name": name,
        "executionArn": f"{STATES}:execution:{of}:{name}",
        "stateMachineArn": f"{STATES}:stateMachine:{of}",
        "status": status,
        "startDate": BEGAN + timedelta(minutes=minute),
        **stopped,
        **more,
    }


KNOWN = {
    "retrain-1a2b3c": [
        execution("retrain-1a2b3c", "third", 30, "RUNNING"),
        execution("retrain-1a2b3c", "first", 10, "FAILED", error="KeyError", cause=json.dumps(CAUSE)),
    ],
    "report": [execution("report", "second", 20), execution("report", "secondary", 5, "ABORTED")],
}


def event(number, kind, before, milliseconds, **more):
    return {
        "id": number,
        "type": kind,
        "previousEventId": before,
        "timestamp": BEGAN + timedelta(minutes=10, milliseconds=milliseconds),
        **more,
    }


EVENTS = [
    event(1, "ExecutionStarted", 0, 0, executionStartedEventDetails={"input": "{}"}),
    event(2, "TaskStateEntered", 0, 2, stateEnteredEventDetails={"name": "Prepare", "input": '{"a": 1}'}),
    event(
        3,
        "TaskScheduled",
        2,
        2,
        taskScheduledEventDetails={"resourceType": "lambda", "resource": "invoke", "parameters": "{}"},
    ),
    event(
        4,
        "TaskFailed",
        3,
        61_500,
        taskFailedEventDetails={
            "resourceType": "lambda",
            "resource": "invoke",
            "error": "KeyError",
            "cause": json.dumps(CAUSE),
        },
    ),
    event(
        5,
        "ExecutionFailed",
        4,
        61_500,
        executionFailedEventDetails={"error": "KeyError", "cause": json.dumps(CAUSE)},
    ),
]


@pytest.fixture
def states(server):
    """The server with two machines and their executions, each list in two pages."""

    def listed(request):
        found = KNOWN[request["stateMachineArn"].rpartition(":")[2]]
        wanted = request.get("statusFilter")
        found = [each for each in found if wanted in (None, each["status"])]
        if "nextToken" in request:
            return {"executions": found[1:]}
        return {"executions": found[:1], **({"nextToken": "more"} if found[1:] else {})}

    def described(request):
        for each in (each for some in KNOWN.values() for each in some):
            if each["executionArn"] == request["executionArn"]:
                return dict(each)
        return server.refuse(
            "ExecutionDoesNotExist", f"Execution Does Not Exist: '{request['executionArn']}'"
        )

    def happened(request):
        return {"events": EVENTS[::-1] if request.get("reverseOrder") else EVENTS}

    server.answers |= {
        "ListStateMachines": lambda _: {
            "stateMachines": [machine("retrain-1a2b3c"), machine("report"), machine("fast", "EXPRESS")]
        },
        "ListExecutions": listed,
        "DescribeExecution": described,
        "GetExecutionHistory": happened,
        "StartExecution": lambda request: {
            "executionArn": request["stateMachineArn"].replace("stateMachine", "execution")
            + f":{request.get('name', 'made-up')}",
            "startDate": BEGAN,
        },
    }
    return server


def names(ended):
    return [line.split()[0] for line in ended.out.splitlines()[1:]]


def test_executions_of_all_machines_come_newest_first(run, states):
    ended = run("executions")
    assert ended.code == 0
    assert names(ended) == ["third", "second", "first", "secondary"]
    assert ended.out.splitlines()[2].split()[1:3] == ["report", "SUCCEEDED"]
    assert ended.out.splitlines()[2].split()[-1] == "1:01.500"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--limit", "2"), ["third", "second"]),
        (("--status", "failed"), ["first"]),
        (("report",), ["second", "secondary"]),
        (("retrain",), ["third", "first"]),
        ((f"{STATES}:stateMachine:report",), ["second", "secondary"]),
    ],
)
def test_executions_are_chosen_by_machine_status_and_number(run, states, arguments, expected):
    assert names(run("executions", *arguments)) == expected


def test_executions_as_json_are_the_api_s_entries(run, states):
    found = run("executions", "--json").value
    assert [each["name"] for each in found] == ["third", "second", "first", "secondary"]
    assert found[1]["startDate"] == "2026-11-20T12:20:00Z"


def test_no_executions_is_said_to_people_only(run, states):
    ended = run("executions", "--status", "TIMED_OUT")
    assert (ended.code, ended.out, ended.err) == (0, "", "no executions\n")


HISTORY = """\
    1      +0.000  ExecutionStarted                              input 2 B
    2      +0.002  TaskStateEntered         Prepare              input 8 B
    3      +0.002  TaskScheduled            Prepare              lambda:invoke  parameters 2 B
    4   +1:01.500  TaskFailed               Prepare              lambda:invoke  KeyError: no column 'label'
    5   +1:01.500  ExecutionFailed                               KeyError: no column 'label'
FAILED after 1:01.500 s: KeyError
Traceback (most recent call last):
  File "/var/task/prepare.py", line 7, in handler
    rows["label"]
KeyError: no column 'label'
"""


@pytest.mark.parametrize("name", ["first", "fir", f"{STATES}:execution:retrain-1a2b3c:first"])
def test_a_history_ends_with_the_traceback_of_the_user_s_code(run, states, name):
    ended = run("history", name)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == HISTORY


def test_an_exact_name_wins_over_longer_ones(run, states):
    assert run("history", "second", "--json").value["execution"]["name"] == "second"


def test_a_full_history_shows_inputs_indented(run, states):
    lines = run("history", "first", "--full").out.splitlines()
    at = next(index for index, line in enumerate(lines) if "TaskStateEntered" in line)
    assert lines[at + 1 : at + 5] == ["      input:", "        {", '          "a": 1', "        }"]


def test_a_history_as_json_keeps_every_field(run, states):
    found = run("history", "first", "--json").value
    assert found["execution"]["status"] == "FAILED"
    assert [each["previousEventId"] for each in found["events"]] == [0, 0, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("history", "thrid"), "there is no execution 'thrid'. There are: third"),
        (("history", "seco"), "2 begin with 'seco': second, secondary"),
        (("history", f"{STATES}:execution:report:x"), "Execution Does Not Exist"),
        (("start", "reprot"), "there is no state machine 'reprot'. There are: report"),
        (("start", "re"), "2 begin with 're': report, retrain-1a2b3c"),
    ],
)
def test_a_name_that_fits_none_or_several_fails_and_says_which_there_are(run, states, arguments, message):
    ended = run(*arguments)
    assert (ended.code, ended.out) == (1, "")
    assert message in ended.err


def test_a_name_that_two_machines_use_has_to_be_an_arn(run, states, monkeypatch):
    monkeypatch.setitem(KNOWN, "report", [execution("report", "first", 1)])
    ended = run("history", "first")
    assert ended.code == 1
    assert f"{STATES}:execution:report:first" in ended.err
    assert f"{STATES}:execution:retrain-1a2b3c:first" in ended.err


def test_start_prints_the_arn(run, states):
    ended = run("start", "report", "--input", '{"day": 1}', "--name", "monday")
    assert (ended.code, ended.out) == (0, f"{STATES}:execution:report:monday\n")
    assert states.asked[-1] == (
        "StartExecution",
        {"stateMachineArn": f"{STATES}:stateMachine:report", "input": '{"day": 1}', "name": "monday"},
    )


@pytest.mark.parametrize("source", ["file", "standard input"])
def test_start_reads_its_input_from_elsewhere(run, states, tmp_path, monkeypatch, source):
    text = '{"batch": "é"}'
    (tmp_path / "input.json").write_text(text, "utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    given = f"@{tmp_path}/input.json" if source == "file" else "-"
    found = run("start", "report", "--input", given, "--json").value
    assert found["executionArn"] == f"{STATES}:execution:report:made-up"
    assert states.asked[-1][1]["input"] == text


@pytest.fixture
def progress(states, monkeypatch):
    """An execution that is seen running twice, then ended; `end` says how."""
    monkeypatch.setattr(runs, "PAUSE", 0)
    end = {"status": "SUCCEEDED", "output": '{"champion": "kept"}'}
    looks = []

    def described(request):
        looks.append(request)
        running = execution("report", "made-up", 10, "RUNNING")
        return running if len(looks) < 3 else {**running, "stopDate": BEGAN + timedelta(minutes=11), **end}

    def happened(request):
        assert request["reverseOrder"]
        return {"events": EVENTS[: len(looks) + 1][::-1]}

    states.answers |= {"DescribeExecution": described, "GetExecutionHistory": happened}
    return end


def test_waiting_shows_each_event_once_and_prints_the_output(run, progress):
    ended = run("start", "report", "--wait")
    assert (ended.code, ended.out) == (0, '{"champion": "kept"}\n')
    shown = ended.err.splitlines()
    assert [line.split()[0] for line in shown[:4]] == ["1", "2", "3", "4"]
    assert shown[4:] == ["SUCCEEDED after 1:00.000 s"]


def test_waiting_as_json_prints_the_description(run, progress):
    assert run("start", "report", "--wait", "--json").value["status"] == "SUCCEEDED"


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_waiting_for_what_does_not_succeed_fails(run, progress, status):
    progress.clear()
    progress |= {"status": status, "error": "KeyError", "cause": json.dumps(CAUSE)}
    ended = run("start", "report", "--wait")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith("KeyError: no column 'label'\n")


def test_who_stops_waiting_is_told_that_it_goes_on(run, progress, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs.time, "sleep", interrupt)
    ended = run("start", "report", "--wait")
    assert (ended.code, ended.out) == (130, "")
    assert "it goes on without you: stepwell history made-up" in ended.err


@pytest.mark.parametrize("arguments", [("executions",), ("history", "first"), ("status", "--help")])
def test_nothing_is_coloured_where_no_terminal_is(run, states, monkeypatch, arguments):
    monkeypatch.setenv("FORCE_COLOR", "1")
    ended = run(*arguments)
    assert "\x1b" not in ended.out + ended.err
