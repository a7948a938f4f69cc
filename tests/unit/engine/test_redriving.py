"""Redriving: what failed begins again, what had succeeded stays, and the history goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine.machines import Definition, branch, fails, single, task
from engine.world import World

DAY = 86_400.0


def redrive(world: World, execution: str, **params: Any) -> float:
    answer = world.call("RedriveExecution", executionArn=execution, **params)
    world.run()
    return float(answer["redriveDate"])


def counted(handler: Callable[[Any], Any], seen: list[Any]) -> Callable[[Any], Any]:
    def count(event: Any) -> Any:
        seen.append(event)
        return handler(event)

    return count


def two_steps(world: World, handler: Callable[[Any], Any], **fields: Any) -> Definition:
    return {
        "StartAt": "First",
        "States": {
            "First": {"Type": "Pass", "Result": {"a": 1}, "Next": "Second"},
            "Second": task(world.function("f", handler), **fields),
        },
    }


def test_a_failed_task_begins_again(world: World) -> None:
    """With the same input, in the same history behind ExecutionRedriven; what went before is kept."""
    seen: list[Any] = []
    execution = world.execute(two_steps(world, counted(fails("Boom"), seen)))
    before = world.history(execution)
    world.advance(60)
    date = redrive(world, execution)
    assert world.output(execution) == "fine"
    assert seen == [{"a": 1}, {"a": 1}]
    history = world.history(execution)
    assert history[: len(before)] == before
    assert [(event["type"], event["previousEventId"]) for event in history[len(before) :]] == [
        ("ExecutionRedriven", before[-1]["id"]),
        ("LambdaFunctionScheduled", before[-1]["id"] + 1),
        ("LambdaFunctionStarted", before[-1]["id"] + 2),
        ("LambdaFunctionSucceeded", before[-1]["id"] + 3),
        ("TaskStateExited", before[-1]["id"] + 4),
        ("ExecutionSucceeded", before[-1]["id"] + 5),
    ]
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    assert history[len(before)]["executionRedrivenEventDetails"] == {"redriveCount": 1}
    found = world.describe(execution)
    assert (found["redriveCount"], found["redriveDate"]) == (1, date)
    assert "error" not in found and "cause" not in found


def test_retries_count_anew(world: World) -> None:
    """A state that had used up its retries has all of them again."""
    seen: list[Any] = []
    retry = [{"ErrorEquals": ["Boom"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    execution = world.execute(two_steps(world, counted(fails(*["Boom"] * 5), seen), Retry=retry))
    world.advance(10)
    assert (world.describe(execution)["status"], len(seen)) == ("FAILED", 3)
    redrive(world, execution)
    world.advance(10)
    assert (world.output(execution), len(seen)) == ("fine", 6)


def test_only_unfinished_branches_run_again(world: World) -> None:
    """The branch that failed and the one that was aborted go on; the one that succeeded keeps its output."""
    seen: dict[str, list[Any]] = {"good": [], "bad": []}
    good = world.function("good", counted(lambda event: "kept", seen["good"]))
    bad = world.function("bad", counted(fails("Boom"), seen["bad"]))
    branches = [
        branch("Good", **task(good)),
        branch("Bad", **task(bad)),
        branch("Slow", Type="Wait", Seconds=30),
    ]
    execution = world.execute(single(Type="Parallel", Branches=branches))
    assert world.describe(execution)["status"] == "FAILED"
    world.crash()
    redrive(world, execution)
    world.crash()
    world.advance(31)
    assert world.output(execution) == ["kept", "fine", {}]
    assert (len(seen["good"]), len(seen["bad"])) == (1, 2)
    assert world.types(execution).count("ParallelStateStarted") == 1


def test_only_unfinished_iterations_run_again(world: World) -> None:
    """A Map goes on with the iterations that failed or were aborted, and with those not begun."""
    left = {2}
    seen: list[int] = []

    def handler(event: Any) -> Any:
        seen.append(event)
        if event in left:
            left.remove(event)
            raise type("Boom", (Exception,), {})("no luck")
        return event * 10

    processor = branch("Work", **task(world.function("f", handler)))
    definition = single(Type="Map", MaxConcurrency=1, ItemProcessor=processor)
    execution = world.start(world.create(definition), [1, 2, 3])
    world.run()
    assert (world.describe(execution)["status"], seen) == ("FAILED", [1, 2])
    redrive(world, execution)
    assert world.output(execution) == [10, 20, 30]
    assert seen == [1, 2, 2, 3]


def test_a_failure_deep_inside_goes_on_there(world: World) -> None:
    """A Map in a Parallel in a Map: every level keeps what was done."""
    seen: list[Any] = []
    inner = branch("Inner", **task(world.function("f", counted(fails("Boom", result=1), seen))))
    middle = branch("Middle", Type="Map", ItemProcessor=inner, MaxConcurrency=1)
    outer = branch("Outer", Type="Parallel", Branches=[middle, branch("Beside", Type="Pass", Result=2)])
    definition = single(Type="Map", ItemProcessor=outer, MaxConcurrency=1)
    execution = world.start(world.create(definition), [[7, 8]])
    world.run()
    assert world.describe(execution)["status"] == "FAILED"
    redrive(world, execution)
    assert world.output(execution) == [[[1, 1], 2]]
    assert seen == [7, 7, 8]


def test_a_fail_state_is_entered_again(world: World) -> None:
    execution = world.execute({"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "E"}}})
    redrive(world, execution)
    assert world.types(execution)[-3:] == ["ExecutionRedriven", "FailStateEntered", "ExecutionFailed"]
    redrive(world, execution)
    found = world.describe(execution)
    assert (found["status"], found["error"], found["redriveCount"]) == ("FAILED", "E", 2)


def test_time_outs_begin_anew(world: World) -> None:
    """An execution that took too long has all of its time again; so does a task."""
    definition = {**single(Type="Wait", Seconds=8), "TimeoutSeconds": 5}
    execution = world.execute(definition)
    world.advance(6)
    assert world.describe(execution)["status"] == "TIMED_OUT"
    redrive(world, execution)
    world.advance(4)
    assert world.describe(execution)["status"] == "RUNNING"
    world.advance(2)
    assert world.describe(execution)["status"] == "TIMED_OUT"


def test_a_wait_whose_time_has_come_is_over_at_once(world: World) -> None:
    execution = world.execute(single(Type="Wait", Timestamp="2023-11-15T00:00:00Z"))
    world.call("StopExecution", executionArn=execution, error="E", cause="C")
    world.advance(3 * DAY)
    redrive(world, execution)
    assert world.describe(execution)["status"] == "SUCCEEDED"


def test_the_definition_is_the_one_it_began_with(world: World) -> None:
    execution = world.execute(two_steps(world, fails("Boom")))
    machine = world.describe(execution)["stateMachineArn"]
    world.call("UpdateStateMachine", stateMachineArn=machine, definition=json.dumps(single(Type="Pass")))
    redrive(world, execution)
    assert world.output(execution) == "fine"


def test_the_context_object_counts_redrives(world: World) -> None:
    parameters = {"count.$": "$$.Execution.RedriveCount", "time.$": "$$.Execution.RedriveTime"}
    handler = fails("Boom", result=None)
    definition: Definition = {
        "StartAt": "Work",
        "States": {
            "Work": {**task(world.function("f", handler)), "End": False, "Next": "Tell"},
            "Tell": {"Type": "Pass", "Parameters": parameters, "End": True},
        },
    }
    del definition["States"]["Work"]["End"]
    execution = world.execute(definition)
    redrive(world, execution)
    assert world.output(execution) == {"count": 1, "time": "2023-11-14T22:13:20Z"}


def test_what_cannot_be_redriven(world: World) -> None:
    """Running and succeeded executions, and those that ended more than 14 days ago."""
    running = world.start(world.create(single(Type="Wait", Seconds=99), "slow"))
    world.run()
    good = world.start(world.create(single(Type="Pass"), "good"))
    bad = world.execute({"StartAt": "No", "States": {"No": {"Type": "Fail"}}})
    assert world.describe(bad)["redriveStatus"] == "REDRIVABLE"
    assert "redriveStatusReason" not in world.describe(bad)
    world.run()
    for execution, why in (
        (running, "Execution is RUNNING and cannot be redriven"),
        (good, "Execution is SUCCEEDED and cannot be redriven"),
    ):
        found = world.refused("RedriveExecution", executionArn=execution)
        assert found[0] == "ExecutionNotRedrivable" and why in found[1]
        assert world.describe(execution)["redriveStatusReason"] == why
    world.advance(14 * DAY + 1)
    assert world.describe(bad)["redriveStatus"] == "NOT_REDRIVABLE"
    assert "period exceeded" in world.refused("RedriveExecution", executionArn=bad)[1]
    absent = world.refused("RedriveExecution", executionArn=bad + "x")
    assert absent[0] == "ExecutionDoesNotExist"


def test_a_deleted_machines_executions_are_not_redriven(world: World) -> None:
    execution = world.execute(single(Type="Wait", Seconds=99))
    machine = world.describe(execution)["stateMachineArn"]
    world.call("DeleteStateMachine", stateMachineArn=machine)
    world.run()
    found = world.refused("RedriveExecution", executionArn=execution)
    assert found[0] == "ExecutionNotRedrivable" and "State machine is in DELETING status" in found[1]


def test_a_client_token_makes_it_once(world: World) -> None:
    """The same token within 15 minutes is the same redrive, even when that one has failed since."""
    execution = world.execute({"StartAt": "No", "States": {"No": {"Type": "Fail"}}})
    first = redrive(world, execution, clientToken="t")
    world.advance(60)
    assert redrive(world, execution, clientToken="t") == first
    assert world.describe(execution)["redriveCount"] == 1
    world.advance(900)
    assert redrive(world, execution, clientToken="t") > first
    assert world.describe(execution)["redriveCount"] == 2


@pytest.mark.parametrize(("wanted", "expected"), [("REDRIVEN", ["b"]), ("NOT_REDRIVEN", ["c", "a"])])
def test_executions_are_listed_by_whether_they_were_redriven(
    world: World, wanted: str, expected: list[str]
) -> None:
    machine = world.create({"StartAt": "No", "States": {"No": {"Type": "Fail"}}})
    for name in ("a", "b", "c"):
        arn = world.start(machine, name=name)
        world.run()
        world.clock.advance(1)
        if name == "b":
            redrive(world, arn)
    found = world.call("ListExecutions", stateMachineArn=machine, redriveFilter=wanted)["executions"]
    assert [execution["name"] for execution in found] == expected
