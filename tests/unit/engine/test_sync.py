"""`.sync`: a task ends when its job does, however the news arrives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine.machines import TrainingJobs, branch, fail, single, task, training
from engine.world import ACCOUNT, World

START = "arn:aws:states:::states:startExecution"
INPUT = {"job": "j1"}


def test_the_jobs_event_completes_the_task(world: World) -> None:
    """The result is the event's detail: PascalCase, times in milliseconds, tags as a map."""
    jobs = TrainingJobs(world)
    execution = world.execute(single(**training()), INPUT)
    assert world.types(execution)[-1] == "TaskSubmitted"
    jobs.end("j1")
    output = world.output(execution)
    assert output["TrainingJobStatus"] == "Completed"
    assert output["CreationTime"] == 1_700_000_000_000
    assert output["Tags"] == {
        "MANAGED_BY_AWS": "STARTED_BY_STEP_FUNCTIONS",
        "AWS_STEP_FUNCTIONS_EXECUTION_ARN": execution,
    }
    assert world.types(execution)[2:] == [
        *("TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"),
        "ExecutionSucceeded",
    ]


def test_a_job_that_is_over_before_it_is_waited_for_completes_the_task(world: World) -> None:
    """The task asks when it is submitted, and shapes the answer as the event would be."""
    TrainingJobs(world).status = "Completed"
    output = world.output(world.execute(single(**training()), INPUT))
    assert output["CreationTime"] == 1_700_000_000_000
    assert output["Tags"]["MANAGED_BY_AWS"] == "STARTED_BY_STEP_FUNCTIONS"


def test_a_role_that_may_not_look_misses_no_job_that_was_quick(world: World) -> None:
    """Its event came before anybody listened; without the right to describe, it still counts."""
    jobs = TrainingJobs(world)
    jobs.status, jobs.hidden = "Completed", True
    assert world.output(world.execute(single(**training()), INPUT))["TrainingJobStatus"] == "Completed"


def test_events_on_the_way_do_not_end_the_task(world: World) -> None:
    """Only a final status does; the same event twice does no harm."""
    jobs = TrainingJobs(world)
    execution = world.execute(single(**training()), INPUT)
    jobs.end("j1", "InProgress")
    assert world.describe(execution)["status"] == "RUNNING"
    jobs.end("j1")
    jobs.end("j1")
    assert world.types(execution).count("TaskSucceeded") == 1


def test_a_failed_job_fails_the_task_with_its_record(world: World) -> None:
    """States.TaskFailed, the cause is the record as JSON; Stopped is a failure too."""
    jobs = TrainingJobs(world)
    for name, status in (("j1", "Failed"), ("j2", "Stopped")):
        execution = world.start(world.create(single(**training()), name), {"job": name})
        world.run()
        jobs.end(name, status, FailureReason="AlgorithmError: , exit code: 1")
        found = world.describe(execution)
        assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
        assert json.loads(found["cause"])["FailureReason"] == "AlgorithmError: , exit code: 1"


def test_without_sync_the_reply_completes_the_task(world: World) -> None:
    """Request and response: the ARN, with the SDK's metadata; no tags are added."""
    jobs = TrainingJobs(world)
    output = world.output(world.execute(single(**training("")), INPUT))
    assert output["TrainingJobArn"] == jobs.arn("j1")
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert jobs.jobs["j1"]["tags"] == []


def test_a_refused_job_fails_the_task_while_it_is_submitted(world: World) -> None:
    """TaskSubmitFailed, with the error's optimised name."""
    jobs = TrainingJobs(world)
    jobs.jobs["j1"] = {"token": "another", "record": {}, "tags": []}
    execution = world.execute(single(**training()), INPUT)
    assert "TaskSubmitFailed" in world.types(execution)
    assert world.describe(execution)["error"] == "SageMaker.ResourceInUseException"


def test_stopping_the_execution_stops_the_job(world: World) -> None:
    """StopExecution aborts the execution and asks for its job to be stopped."""
    jobs = TrainingJobs(world)
    execution = world.execute(single(**training()), INPUT)
    world.call("StopExecution", executionArn=execution, error="E", cause="because")
    world.run()
    assert jobs.stopped == ["j1"]
    found = world.describe(execution)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "E", "because")
    assert world.types(execution)[-1] == "ExecutionAborted"


def test_a_timeout_stops_the_job(world: World) -> None:
    """The task times out by its clock and the job is asked to stop."""
    jobs = TrainingJobs(world)
    execution = world.execute(single(**training(TimeoutSeconds=60)), INPUT)
    world.advance(60)
    assert jobs.stopped == ["j1"]
    assert world.types(execution)[-2:] == ["TaskTimedOut", "ExecutionFailed"]


def test_a_job_made_while_its_execution_was_being_stopped_is_stopped(world: World) -> None:
    """The create call was under way: its outcome finds nobody, and names a job to stop."""
    jobs = TrainingJobs(world)
    execution = world.start(world.create(single(**training())), INPUT)
    world.run(effects=False)
    world.call("StopExecution", executionArn=execution)
    assert jobs.jobs == {}
    world.run()
    assert jobs.stopped == ["j1"]


def test_a_failing_sibling_stops_the_job(world: World) -> None:
    """A branch that is given up gives up its job."""
    jobs = TrainingJobs(world)
    wait_and_fail = {
        "StartAt": "Wait",
        "States": {"Wait": {"Type": "Wait", "Seconds": 5, "Next": "Fail"}, "Fail": {"Type": "Fail"}},
    }
    definition = single(Type="Parallel", Branches=[branch("Train", **training()), wait_and_fail])
    execution = world.execute(definition, INPUT)
    world.advance(5)
    assert jobs.stopped == ["j1"]
    assert world.describe(execution)["status"] == "FAILED"


def child(world: World, definition: dict[str, Any]) -> str:
    return world.create(definition, "child")


def test_a_nested_execution_gives_its_record(world: World) -> None:
    """`.sync` gives payloads as text, `.sync:2` parsed; a child that ends at once is no race."""
    machine = child(world, single(Type="Pass"))
    parameters = {"StateMachineArn": machine, "Input": {"n": 1}, "Name": "one"}
    for pattern, expected in ((".sync", '{"n":1}'), (".sync:2", {"n": 1})):
        parameters["Name"] = pattern.replace(":", "-")
        parent = world.create(single(**task(START + pattern, Parameters=parameters)), "p" + pattern[-1])
        execution = world.start(parent)
        world.run()
        output = world.output(execution)
        assert (output["Status"], output["Output"], output["Input"]) == ("SUCCEEDED", expected, expected)
        assert output["StartDate"] == output["StopDate"] == 1_700_000_000_000
        assert output["InputDetails"] == {"Included": True}


def test_a_nested_execution_that_waits_wakes_its_parent_by_its_event(world: World) -> None:
    """The end of an execution is an event, which ends the parent's task."""
    machine = child(world, single(Type="Wait", Seconds=30))
    parent = world.create(single(**task(START + ".sync:2", Parameters={"StateMachineArn": machine})))
    execution = world.start(parent)
    world.run()
    assert world.types(execution)[-1] == "TaskSubmitted"
    world.advance(30)
    assert world.output(execution)["Status"] == "SUCCEEDED"
    told = [event["detail"]["status"] for event in world.events]
    assert told == ["RUNNING", "RUNNING", "SUCCEEDED", "SUCCEEDED"]


def test_a_nested_failure_is_a_task_failure(world: World) -> None:
    """The cause is the child's record, with its error and cause."""
    machine = child(world, fail("Odd", "who knows"))
    parameters = {"StateMachineArn": machine}
    parent = world.create(single(**task(START + ".sync:2", Parameters=parameters)))
    execution = world.start(parent)
    world.run()
    found = world.describe(execution)
    assert found["error"] == "States.TaskFailed"
    record = json.loads(found["cause"])
    assert (record["Status"], record["Error"], record["Cause"]) == ("FAILED", "Odd", "who knows")


def test_stopping_the_parent_stops_the_nested_execution(world: World) -> None:
    """The child is aborted as any job is stopped."""
    machine = child(world, single(Type="Wait", Seconds=30))
    parameters = {"StateMachineArn": machine, "Name": "c"}
    parent = world.create(single(**task(START + ".sync:2", Parameters=parameters)))
    execution = world.start(parent)
    world.run()
    world.call("StopExecution", executionArn=execution)
    world.run()
    nested = execution.replace(":machine:", ":child:").rpartition(":")[0] + ":c"
    assert world.describe(nested)["status"] == "ABORTED"


@pytest.mark.parametrize("crash", [False, True])
def test_a_job_is_stopped_as_the_role_that_made_it(world: World, crash: bool) -> None:
    """A task with Credentials of its own: also when the frames are worked out anew from the journal."""
    jobs = TrainingJobs(world)
    other = f"arn:aws:iam::{ACCOUNT}:role/Task"
    world.cloud[("sts", "AssumeRole")] = lambda call: {}
    machine = world.create(single(**training(Credentials={"RoleArn": other})))
    execution = world.start(machine, INPUT)
    world.run()
    if crash:
        world.engine.discard()
    world.call("StopExecution", executionArn=execution)
    world.run()
    assert jobs.stopped == ["j1"]
    stop = next(call for call in world.calls if call.operation == "StopTrainingJob")
    assert stop.caller.role == other
