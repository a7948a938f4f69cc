"""Activities: tasks wait in line, workers fetch them, tokens end them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine.machines import branch, single, task
from engine.world import ACCOUNT, REGION, World

ACTIVITY = f"arn:aws:states:{REGION}:{ACCOUNT}:activity:work"


@pytest.fixture
def work(world: World) -> World:
    world.call("CreateActivity", name="work")
    return world


def poll(world: World, **params: Any) -> dict[str, Any]:
    return world.call("GetActivityTask", activityArn=ACTIVITY, **params)


def begin(world: World, value: Any = None, **fields: Any) -> str:
    return world.execute(single(**task(ACTIVITY, **fields)), value)


def details(world: World, execution: str, event_type: str) -> dict[str, Any]:
    member = event_type[0].lower() + event_type[1:] + "EventDetails"
    found = [event for event in world.history(execution) if event["type"] == event_type]
    return dict(found[-1].get(member, {}))


def test_a_worker_does_a_task(work: World) -> None:
    """What the state hands over comes out of a poll; what the worker sends is the state's result."""
    execution = begin(work, {"a": 1}, TimeoutSeconds=60, HeartbeatSeconds=10)
    found = poll(work, workerName="me")
    assert json.loads(found["input"]) == {"a": 1}
    work.call("SendTaskSuccess", taskToken=found["taskToken"], output='{"b": 2}')
    work.run()
    assert work.output(execution) == {"b": 2}
    assert work.types(execution) == [
        "ExecutionStarted",
        "TaskStateEntered",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert details(work, execution, "ActivityScheduled") == {
        "resource": ACTIVITY,
        "input": '{"a":1}',
        "inputDetails": {"truncated": False},
        "timeoutInSeconds": 60,
        "heartbeatInSeconds": 10,
    }
    assert details(work, execution, "ActivityStarted") == {"workerName": "me"}
    assert details(work, execution, "ActivitySucceeded") == {
        "output": '{"b":2}',
        "outputDetails": {"truncated": False},
    }


def test_a_poll_finds_nothing_where_nothing_waits(work: World) -> None:
    """Neither token nor input; and a worker may stay nameless."""
    assert poll(work) == {}
    execution = begin(work)
    assert poll(work)["taskToken"]
    assert poll(work) == {}
    assert details(work, execution, "ActivityStarted") == {}


def test_tasks_are_given_out_in_their_order(work: World) -> None:
    branches = [branch(name, **task(ACTIVITY, InputPath=f"$.{name}")) for name in ("a", "b", "c")]
    execution = work.execute(single(Type="Parallel", Branches=branches), {"a": "A", "b": "B", "c": "C"})
    work.clock.advance(1)
    later = work.start(work.create(single(**task(ACTIVITY)), "later"), "D")
    work.run()
    found = [poll(work) for _ in range(4)]
    assert sorted(each["input"] for each in found[:3]) == ['"A"', '"B"', '"C"']
    assert found[3]["input"] == '"D"'
    for each in found:
        work.call("SendTaskSuccess", taskToken=each["taskToken"], output=each["input"].lower())
    work.run()
    assert (work.output(execution), work.output(later)) == (["a", "b", "c"], "d")


def test_a_worker_fails_a_task(work: World) -> None:
    """Retried under a new token, then caught."""
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    execution = begin(work, Retry=retry)
    first = poll(work)["taskToken"]
    work.call("SendTaskFailure", taskToken=first, error="E", cause="C")
    work.advance(2)
    second = poll(work)["taskToken"]
    assert first != second
    assert work.refused("SendTaskSuccess", taskToken=first, output="1")[0] == "TaskTimedOut"
    work.call("SendTaskFailure", taskToken=second, error="E", cause="C")
    work.run()
    found = work.describe(execution)
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "E", "C")
    assert details(work, execution, "ActivityFailed") == {"error": "E", "cause": "C"}


def test_time_counts_from_the_poll(work: World) -> None:
    """A task that nobody fetches does not time out; one that was fetched does."""
    execution = begin(work, TimeoutSeconds=30)
    work.advance(100)
    assert work.describe(execution)["status"] == "RUNNING"
    token = poll(work)["taskToken"]
    work.advance(29)
    assert work.describe(execution)["status"] == "RUNNING"
    work.advance(2)
    found = work.describe(execution)
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    assert details(work, execution, "ActivityTimedOut") == {"error": "States.Timeout"}
    assert work.refused("SendTaskSuccess", taskToken=token, output="1")[0] == "TaskTimedOut"


def test_heartbeats_keep_a_task_alive(work: World) -> None:
    execution = begin(work, TimeoutSeconds=100, HeartbeatSeconds=10)
    token = poll(work)["taskToken"]
    for _ in range(3):
        work.advance(8)
        work.call("SendTaskHeartbeat", taskToken=token)
    work.advance(8)
    assert work.describe(execution)["status"] == "RUNNING"
    work.advance(3)
    assert work.describe(execution)["error"] == "States.Timeout"


def test_what_waits_survives_a_crash(work: World) -> None:
    """A task in line is given out after it, and a token that was given out before is good after it."""
    execution = begin(work, TimeoutSeconds=30)
    work.crash()
    token = poll(work)["taskToken"]
    work.crash()
    assert poll(work) == {}
    work.call("SendTaskSuccess", taskToken=token, output="1")
    work.run()
    assert work.output(execution) == 1


def test_nobody_is_given_a_task_that_is_no_longer_wanted(work: World) -> None:
    """An execution that was stopped takes its task out of the line."""
    execution = begin(work)
    work.call("StopExecution", executionArn=execution)
    work.run()
    assert poll(work) == {}
    again = work.start(work.describe(execution)["stateMachineArn"])
    work.run()
    assert poll(work)["taskToken"]
    assert work.describe(again)["status"] == "RUNNING"


def test_a_task_that_its_worker_never_got_goes_to_the_next(work: World) -> None:
    """Handed back, it is given out again, with the same token; its start is told once."""
    execution = begin(work)
    task_ = work._decided(lambda draft: work.engine.next_task(draft, "work", "lost"))
    work._decided(lambda draft: work.engine.hand_back(draft, task_))
    found = poll(work, workerName="found")
    assert found["taskToken"] == task_.token
    work.call("SendTaskSuccess", taskToken=found["taskToken"], output="1")
    work.run()
    assert work.output(execution) == 1
    assert work.types(execution).count("ActivityStarted") == 1


def test_an_absent_activity_fails_the_execution(world: World) -> None:
    """A machine may name one; what it finds when the task is scheduled counts, and nothing catches it."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    execution = world.execute(
        {
            "StartAt": "Work",
            "States": {
                "Work": {"Type": "Task", "Resource": ACTIVITY, "Next": "Caught", "Catch": catch},
                "Caught": {"Type": "Pass", "End": True},
            },
        }
    )
    found = world.describe(execution)
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert found["cause"] == (
        "An error occurred while executing the state 'Work' (entered at the event id #2). The activity "
        f"{ACTIVITY} does not exist."
    )
    assert world.types(execution) == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]


def test_a_redriven_task_stands_in_line_again(work: World) -> None:
    execution = begin(work)
    work.call("SendTaskFailure", taskToken=poll(work)["taskToken"], error="E")
    work.run()
    work.call("RedriveExecution", executionArn=execution)
    work.run()
    work.call("SendTaskSuccess", taskToken=poll(work)["taskToken"], output="1")
    work.run()
    assert work.output(execution) == 1
