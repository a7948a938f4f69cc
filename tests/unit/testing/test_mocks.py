"""Mocked tasks: everything but the call is the server's own."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from testing.machines import FUNCTION, TRAINING, machine, task, work

from stepwell.testing import MockConfigInvalid, Stepwell, TestingError, raises, returns

TOKEN = "arn:aws:states:::lambda:invoke.waitForTaskToken"


def retry(**fields: Any) -> dict[str, Any]:
    return {"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60, "BackoffRate": 1.0, **fields}]}


@pytest.mark.parametrize(
    "resource",
    [
        f"{FUNCTION}absent",
        "arn:aws:states:::lambda:invoke",
        TRAINING,
        "arn:aws:states:::states:startExecution.sync:2",
        TOKEN,
        "arn:aws:states:::aws-sdk:s3:getObject",
    ],
)
def test_a_mocked_task_ends_with_the_result_whatever_would_have_ended_it(
    stepwell: Stepwell, resource: str
) -> None:
    arn = stepwell.machine("m", machine(("Work", task(resource, Parameters={"a.$": "$.x"}))))
    mock = stepwell.mock(arn, "Work", returns={"score": 0.5})
    execution = stepwell.start(arn, {"x": 1}).wait()
    assert (execution.status, execution.output) == ("SUCCEEDED", {"score": 0.5})
    assert mock.calls == execution.calls("Work") == [{"a": 1}]
    kinds = [event["type"] for event in execution.history]
    assert kinds[2].endswith("Scheduled") and kinds[4].endswith("Succeeded")


@pytest.mark.parametrize("resource", [f"{FUNCTION}absent", TRAINING, TOKEN])
def test_a_mocked_task_fails_with_the_error(stepwell: Stepwell, resource: str) -> None:
    arn = stepwell.machine("m", machine(("Work", task(resource, Parameters={}))))
    stepwell.mock(arn, "Work", raises=("Data.Bad", "column 3"))
    execution = stepwell.start(arn).wait()
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Data.Bad", "column 3")


def test_each_attempt_has_its_answer_and_waits_as_its_retrier_says(stepwell: Stepwell) -> None:
    arn = stepwell.machine("m", work(**retry(MaxAttempts=5)))
    stepwell.mock(arn, "Work", {"0": raises("A"), "1-2": raises("B"), "3": returns("done")})
    began = stepwell.now
    execution = stepwell.start(arn).wait()
    assert (execution.output, len(execution.calls("Work"))) == ("done", 4)
    assert (stepwell.now - began).total_seconds() == 180
    failed = [event for event in execution.history if event["type"] == "LambdaFunctionFailed"]
    assert [event["lambdaFunctionFailedEventDetails"]["error"] for event in failed] == ["A", "B", "B"]


def test_a_catcher_catches_what_is_raised(stepwell: Stepwell) -> None:
    catcher = {"ErrorEquals": ["Data.Bad"], "Next": "Kept", "ResultPath": "$.problem"}
    states = ("Work", task(f"{FUNCTION}work", Catch=[catcher])), ("Kept", {"Type": "Succeed"})
    arn = stepwell.machine("m", machine(*states))
    stepwell.mock(arn, "Work", raises=("Data.Bad", "column 3"))
    execution = stepwell.start(arn, {"n": 1}).wait()
    assert execution.states == ["Work", "Kept"]
    assert execution.output == {"n": 1, "problem": {"Error": "Data.Bad", "Cause": "column 3"}}


def test_attempts_are_counted_by_execution_and_by_iteration(stepwell: Stepwell) -> None:
    each = {
        "Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **work(**retry())},
        "End": True,
    }
    arn = stepwell.machine("m", machine(("Each", each)))
    mock = stepwell.mock(arn, "Work", raises("Once"), returns(lambda item: item * 2))
    first, second = stepwell.start(arn, [1, 2, 3]), stepwell.start(arn, [4])
    assert (first.wait().output, second.wait().output) == ([2, 4, 6], [8])
    assert len(mock.calls) == 8


def test_a_state_that_is_entered_again_goes_on_with_its_answers(stepwell: Stepwell) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.status", "StringEquals": "InService", "Next": "Ready"}],
        "Default": "Pause",
    }
    arn = stepwell.machine(
        "m",
        machine(
            ("Look", task(f"{FUNCTION}look", Next="Ready?")),
            ("Ready?", choice),
            ("Pause", {"Type": "Wait", "Seconds": 30, "Next": "Look"}),
            ("Ready", {"Type": "Succeed"}),
        ),
    )
    creating = returns({"status": "Creating"})
    stepwell.mock(arn, "Look", creating, creating, returns({"status": "InService"}))
    execution = stepwell.start(arn).wait()
    assert execution.states == [*["Look", "Ready?", "Pause"] * 2, "Look", "Ready?", "Ready"]


def test_a_mocked_task_takes_the_time_that_it_is_given(stepwell: Stepwell) -> None:
    arn = stepwell.machine("m", machine(("Work", task(TRAINING, Parameters={}))))
    stepwell.mock(arn, "Work", returns="trained", after="3 hours")
    execution = stepwell.start(arn)
    stepwell.advance("2 hours 59 minutes")
    assert (execution.status, execution.current) == ("RUNNING", ["Work"])
    stepwell.advance("1 minute")
    assert (execution.status, execution.output) == ("SUCCEEDED", "trained")
    assert execution.stopped == stepwell.now


@pytest.mark.parametrize(
    ("resource", "limit", "error"),
    [
        (TRAINING, {"TimeoutSeconds": 3600}, "States.Timeout"),
        (TOKEN, {"HeartbeatSeconds": 600}, "States.HeartbeatTimeout"),
    ],
)
def test_a_task_that_takes_too_long_times_out(
    stepwell: Stepwell, resource: str, limit: dict[str, int], error: str
) -> None:
    catch = [{"ErrorEquals": [error], "Next": "Late"}]
    slow = task(resource, Parameters={}, Catch=catch, **limit)
    arn = stepwell.machine("m", machine(("Work", slow), ("Late", {"Type": "Succeed"})))
    stepwell.mock(arn, "Work", returns=1, after="1 day")
    execution = stepwell.start(arn)
    stepwell.advance("2 days")
    assert (execution.status, execution.states) == ("SUCCEEDED", ["Work", "Late"])
    assert (execution.stopped - execution.started).total_seconds() == next(iter(limit.values()))


def test_what_a_function_of_the_test_raises_fails_the_test(stepwell: Stepwell) -> None:
    arn = stepwell.machine("m", work())

    def checked(value: Any) -> None:
        assert value == {"rows": 3}, "the rows"

    stepwell.mock(arn, "Work", returns=checked)
    execution = stepwell.start(arn, {"rows": 4})
    with pytest.raises(AssertionError, match="the rows"):
        execution.wait()
    assert stepwell.start(arn, {"rows": 3}).wait().output is None


def test_a_function_of_the_test_may_call_the_server(stepwell: Stepwell) -> None:
    arn = stepwell.machine("m", work())
    s3 = stepwell.client("s3")
    s3.create_bucket(Bucket="models")

    def train(value: Any) -> Any:
        assert threading.current_thread().name != "stepwell"
        s3.put_object(Bucket="models", Key=value["key"], Body=b"model")
        return {"size": 5}

    stepwell.mock(arn, "Work", train)
    assert stepwell.start(arn, {"key": "a"}).wait().output == {"size": 5}
    assert s3.get_object(Bucket="models", Key="a")["Body"].read() == b"model"


def test_the_last_mock_counts_until_it_is_taken_away(stepwell: Stepwell) -> None:
    arn = stepwell.machine("m", work())
    stepwell.mock(arn, "Work", returns=1)
    stepwell.mock("m", "Work", returns=2)
    assert stepwell.start("m").wait().output == 2
    stepwell.unmock(arn, "Work")
    execution = stepwell.start(arn).wait()
    assert execution.error == "Lambda.ResourceNotFoundException"
    assert "Function not found" in str(execution.cause)


def test_a_mock_of_what_is_no_task_is_refused_with_what_there_is(stepwell: Stepwell) -> None:
    with pytest.raises(TestingError, match="needs its machine first"):
        stepwell.mock("m", "Work", returns=1)
    states = ("Work", task(f"{FUNCTION}work", Next="End")), ("End", {"Type": "Succeed"})
    stepwell.machine("m", machine(*states))
    for state in ("Wrok", "End"):
        with pytest.raises(TestingError, match=f"'{state}' is no Task state of m: Work"):
            stepwell.mock("m", state, returns=1)


@pytest.mark.parametrize(
    ("answers", "fields"),
    [
        ((), {}),
        ((), {"returns": 1, "raises": "A"}),
        ((returns(1),), {"returns": 1}),
        ((returns(1),), {"after": 5}),
        (({"0": returns(1)}, {"1": returns(1)}), {}),
    ],
)
def test_a_mock_has_one_kind_of_answer(stepwell: Stepwell, answers: Any, fields: Any) -> None:
    stepwell.machine("m", work())
    with pytest.raises(TestingError):
        stepwell.mock("m", "Work", *answers, **fields)


def test_a_test_case_of_a_file_mocks_its_states_and_no_others(stepwell: Stepwell, tmp_path: Path) -> None:
    file = tmp_path / "MockConfigFile.json"
    content = {
        "StateMachines": {
            "Orders": {"TestCases": {"Retried": {"Work": "Slow"}, "Wrong": {"Other": "Slow"}}},
        },
        "MockedResponses": {"Slow": {"0-1": {"Throw": {"Error": "A"}}, "2": {"Return": "done"}}},
    }
    file.write_text(json.dumps(content))
    arn = stepwell.machine("orders-4f2a", work(**retry()))
    mocks = stepwell.mock_from(file, arn, "Retried", name="Orders")
    assert stepwell.start(arn).wait().output == "done"
    assert len(mocks["Work"].calls) == 3
    with pytest.raises(TestingError, match="'Other' is no Task state"):
        stepwell.mock_from(file, arn, "Wrong", name="Orders")
    with pytest.raises(MockConfigInvalid, match="has no state machine 'orders-4f2a'"):
        stepwell.mock_from(file, arn, "Retried")
