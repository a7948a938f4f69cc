"""What a test reads of an execution."""

from __future__ import annotations

from typing import Any

import pytest
from testing.machines import FUNCTION, machine, task, work

from stepwell.testing import Stepwell, TestingError

TOKEN = "arn:aws:states:::lambda:invoke.waitForTaskToken"


def failing(stepwell: Stepwell) -> str:
    states = ("Prepare", {"Type": "Pass", "Next": "Work"}), ("Work", task(f"{FUNCTION}work"))
    arn = stepwell.machine("m", machine(*states))
    stepwell.mock(arn, "Work", raises=("Data.Bad", "column 3"))
    return arn


def test_the_output_of_one_that_failed_says_what_happened(stepwell: Stepwell) -> None:
    execution = stepwell.start(failing(stepwell), name="one").wait()
    with pytest.raises(TestingError) as caught:
        assert execution.output == {}
    told = "m/one is FAILED: Data.Bad: column 3 (states: Prepare > Work)"
    assert str(caught.value) == f"there is no output: {told}"
    assert repr(execution) == f"<Execution {told}>"


def test_a_running_one_has_no_output_yet_and_stands_somewhere(stepwell: Stepwell) -> None:
    arn = stepwell.machine("m", machine(("Hold", {"Type": "Wait", "Seconds": 5, "End": True})))
    execution = stepwell.start(arn, name="one")
    assert (execution.current, execution.stopped) == (["Hold"], None)
    with pytest.raises(TestingError, match="m/one is RUNNING in Hold"):
        assert execution.output
    execution.wait()
    assert (execution.current, execution.output) == ([], {})


def test_calls_are_told_apart_by_state_in_branches_that_run_at_once(stepwell: Stepwell) -> None:
    branches = [machine((name, task(f"{FUNCTION}work", Parameters={"who": name}))) for name in ("A", "B")]
    arn = stepwell.machine("m", machine(("Both", {"Type": "Parallel", "Branches": branches, "End": True})))
    for name in ("A", "B"):
        stepwell.mock(arn, name, lambda value: value["who"] * 2)
    execution = stepwell.start(arn).wait()
    assert execution.output == ["AA", "BB"]
    assert [execution.calls(name) for name in ("A", "B", "Both")] == [[{"who": "A"}], [{"who": "B"}], []]


@pytest.mark.parametrize("size", [3, 10_000])
def test_calls_are_whole_however_large(stepwell: Stepwell, size: int) -> None:
    arn = stepwell.machine("m", work())
    stepwell.mock(arn, "Work", lambda value: len(value["text"]))
    execution = stepwell.start(arn, {"text": "x" * size}).wait()
    assert (execution.output, execution.calls("Work")) == (size, [{"text": "x" * size}])


def test_the_history_is_what_the_api_gives(stepwell: Stepwell) -> None:
    execution = stepwell.start(failing(stepwell)).wait()
    states = stepwell.client("stepfunctions")
    given = states.get_execution_history(executionArn=execution.arn, includeExecutionData=True)["events"]
    assert [event["type"] for event in execution.history] == [event["type"] for event in given]
    assert [event["timestamp"] for event in execution.history] == [event["timestamp"] for event in given]


def test_an_activitys_task_is_done_by_the_test(stepwell: Stepwell) -> None:
    """No worker needs to poll: the test brings the result, and a redriven failure is among the calls."""
    states = stepwell.client("stepfunctions")
    activity = states.create_activity(name="a")["activityArn"]
    arn = stepwell.machine("m", machine(("Work", task(activity))))
    with pytest.raises(TestingError, match="send_success"):
        stepwell.mock(arn, "Work", returns=1)
    execution = stepwell.start(arn, {"n": 1})
    stepwell.settle()
    execution.send_failure("Work", "Boom")
    assert execution.wait().error == "Boom"
    states.redrive_execution(executionArn=execution.arn)
    stepwell.settle()
    execution.send_success("Work", 2)
    assert execution.wait().output == 2
    assert execution.calls("Work") == [{"n": 1}, {"n": 1}]


@pytest.mark.parametrize("accepted", [True, False])
def test_a_person_s_answer_is_sent_for_a_task_token(stepwell: Stepwell, accepted: bool) -> None:
    payload: dict[str, Any] = {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}}
    ask = task(TOKEN, Parameters=payload, TimeoutSeconds=86_400)
    arn = stepwell.machine("m", machine(("Ask", ask)))
    stepwell.mock(arn, "Ask", returns=None, after="30 days")
    execution = stepwell.start(arn)
    stepwell.advance("3 hours")
    assert execution.calls("Ask")[0]["Payload"] == {"token": execution.task_token("Ask")}
    if accepted:
        execution.send_success("Ask", {"by": "Ada"})
        assert execution.output == {"by": "Ada"}
    else:
        execution.send_failure("Ask", "Rejected", "by Ada")
        assert (execution.error, execution.cause) == ("Rejected", "by Ada")
    with pytest.raises(TestingError, match="Ask does not wait for a task token"):
        execution.task_token("Ask")


def test_an_execution_goes_with_its_machine(stepwell: Stepwell) -> None:
    arn = failing(stepwell)
    execution = stepwell.start(arn).wait()
    stepwell.advance("1 second")
    stepwell.client("stepfunctions").delete_state_machine(stateMachineArn=arn)
    stepwell.settle()
    with pytest.raises(TestingError, match="is gone: its state machine was deleted"):
        assert execution.status
