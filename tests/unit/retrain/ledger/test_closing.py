"""Close: how a run ends is said once, by its batch, by its evidence and by its output."""

from __future__ import annotations

import json
from typing import Any

import pytest
from retrain.ledger.world import AT, World, released

from stepwell.retrain.gate.decision import KEEP, REASONS


def ended(message: str | None, **more: Any) -> dict[str, Any]:
    """The fault of a processing job that failed, as Step Functions tells it."""
    job = {"ProcessingJobStatus": "Failed", "FailureReason": "AlgorithmError: ExitCode 1", **more}
    if message is not None:
        job["ExitMessage"] = message
    return {"Error": "States.TaskFailed", "Cause": json.dumps(job)}


def raised(name: str, message: str) -> dict[str, Any]:
    """The fault of a function that raised."""
    return {
        "Error": name,
        "Cause": json.dumps({"errorMessage": message, "errorType": name, "stackTrace": []}),
    }


@pytest.mark.parametrize("outcome", ["DEPLOYED", "REPLACED", "REGISTERED"])
def test_a_batch_whose_model_goes_on_is_accepted(world: World, outcome: str) -> None:
    execution = world.start()
    run = world.judged(world.planned(execution), "DEPLOY", "NOT_WORSE")
    package = world.package()
    output = world.ask(
        "close", execution, run={**run, "package": {"ModelPackageArn": package}}, outcome=outcome
    )
    batch = world.batch(run["batch"])
    assert batch.status == "ACCEPTED" and batch.order == 1 and batch.package == package
    assert world.holder is None
    assert output == {
        "outcome": outcome,
        "batch": run["batch"],
        "status": "ACCEPTED",
        "trigger": "upload",
        "rows": 100,
        "decision": "DEPLOY",
        "reason": "NOT_WORSE",
        "sentence": "NOT_WORSE, in a sentence.",
        "evidence": run["evidence"],
        "plan": run["plan"],
        "package": package,
        "model": run["model"],
        "endpoint": None,
        "approval": None,
        "execution": execution.rpartition(":")[2],
    }


@pytest.mark.parametrize("collected", [True, False], ids=["collected", "named"])
@pytest.mark.parametrize("reason", [name for name, row in REASONS.items() if row[0] == KEEP])
def test_what_becomes_of_a_batch_when_the_champion_stays(world: World, reason: str, collected: bool) -> None:
    execution, event = world.start(), world.put("data/a.csv")
    given: dict[str, Any] = {"trigger": "schedule"} if collected else {"objects": [event]}
    run = world.judged(world.planned(execution, **given), "KEEP", reason)
    world.ask("close", execution, run=run, outcome="KEPT")
    small = reason in ("EMPTY_BATCH", "TOO_FEW_ROWS")
    sound = reason in ("NOT_SHOWN", "RELEASED_BELOW_FLOOR")
    expected = "ACCEPTED" if sound else "RETURNED" if small and collected else "SET_ASIDE"
    assert world.status(run["batch"]) == expected
    world.stop(execution)
    pending = world.begin(world.start(), trigger="schedule")["due"]
    assert pending is (expected == "RETURNED")


def test_a_released_batch_that_is_doubted_again_is_set_aside(world: World) -> None:
    execution, run = world.parked()
    run = world.ask("resume", execution, run={**run, "approval": released()})
    run = world.judged(run, "QUARANTINE", "COLUMNS_DIFFER")
    world.ask("close", execution, run=run, outcome="KEPT")
    assert world.status(run["batch"]) == "SET_ASIDE"


def test_a_rejection_is_signed_by_who_rejected(world: World) -> None:
    execution, run = world.parked()
    run = {**run, "approval": released("reject")}
    output = world.ask("close", execution, run=run, outcome="REJECTED")
    last = world.batch(run["batch"]).history[-1]
    assert (last.status, last.by, last.why) == ("REJECTED", released()["by"], "It is right.")
    assert output["approval"] == world.at(run["evidence"])["released"] == released("reject")


def test_an_approval_is_written_into_the_evidence_that_it_is_about(world: World) -> None:
    execution, run = world.parked("approve")
    run = {**run, "approval": {**released("approve"), "more": "of the task"}}
    world.ask("close", execution, run=run, outcome="DEPLOYED")
    assert world.at(run["evidence"])["released"] == released("approve")


def test_evidence_that_names_who_released_is_left_as_it_is(world: World) -> None:
    execution, run = world.parked()
    key = run["evidence"].removeprefix(world.uri(""))
    world.put(key, json.dumps({"released": "by the gate"}))
    world.ask("close", execution, run={**run, "approval": released()}, outcome="DEPLOYED")
    assert world.at(run["evidence"])["released"] == "by the gate"


def test_nobody_decided(world: World) -> None:
    execution, run = world.parked()
    fault = {"Error": "States.Timeout", "Cause": ""}
    output = world.ask("close", execution, run={**run, "fault": fault}, outcome="EXPIRED")
    assert output["status"] == world.status(run["batch"]) == "EXPIRED" and "error" not in output
    assert world.batch(run["batch"]).history[-1].why == "Nobody decided in time."


@pytest.mark.parametrize("collected", [True, False], ids=["collected", "named"])
@pytest.mark.parametrize(
    ("fault", "error", "cause", "named", "gathered"),
    [
        pytest.param(
            ended("BATCH_INVALID: data/a.csv, line 3, column age: 'x' is no number"),
            "BatchInvalid",
            "data/a.csv, line 3, column age: 'x' is no number",
            "INVALID",
            "INVALID",
            id="impossible values",
        ),
        pytest.param(
            ended("TOO_FEW_ROWS: the batch has 5 rows"),
            "TooFewRows",
            "the batch has 5 rows",
            "INVALID",
            "RETURNED",
            id="too few rows",
        ),
        pytest.param(
            ended("SETTINGS_INVALID: no column"),
            "SettingsInvalid",
            "no column",
            "FAILED",
            "FAILED",
            id="the declaration",
        ),
        pytest.param(
            ended("FUNCTION_FAILED: KeyError: a"),
            "FunctionFailed",
            "KeyError: a",
            "FAILED",
            "FAILED",
            id="the user's function",
        ),
        pytest.param(
            ended(None), "States.TaskFailed", "AlgorithmError: ExitCode 1", "FAILED", "FAILED", id="killed"
        ),
        pytest.param(
            {"Error": "SageMaker.ResourceLimitExceededException", "Cause": "no instance left"},
            "SageMaker.ResourceLimitExceededException",
            "no instance left",
            "FAILED",
            "FAILED",
            id="AWS refuses",
        ),
        pytest.param(
            {"Error": "States.Timeout"}, "States.Timeout", "", "FAILED", "FAILED", id="no cause at all"
        ),
    ],
)
def test_a_prepare_that_failed_says_whose_fault_it_is(
    world: World,
    fault: dict[str, Any],
    error: str,
    cause: str,
    named: str,
    gathered: str,
    collected: bool,
) -> None:
    execution, event = world.start(), world.put("data/a.csv")
    run = world.begin(execution, trigger="schedule") if collected else world.begin(execution, event)
    output = world.ask("close", execution, run={**run, "fault": fault}, outcome="INVALID")
    assert (output["error"], output["cause"]) == (error, cause)
    assert output["outcome"] == ("INVALID" if error in ("BatchInvalid", "TooFewRows") else "FAILED")
    assert output["status"] == world.status(run["batch"]) == (gathered if collected else named)
    assert world.holder is None


@pytest.mark.parametrize(
    ("fault", "error", "cause"),
    [
        (raised("TooManyAttempts", "ten times"), "TooManyAttempts", "ten times"),
        (ended(None), "States.TaskFailed", "AlgorithmError: ExitCode 1"),
        ({"Error": "DeploymentFailed", "Cause": "It is Failed."}, "DeploymentFailed", "It is Failed."),
        ({"Error": "X", "Cause": "[1]"}, "X", "[1]"),
        ({}, "Failed", ""),
    ],
)
def test_a_run_that_failed_ends_with_its_own_fault(
    world: World, fault: dict[str, Any], error: str, cause: str
) -> None:
    execution = world.start()
    run = world.planned(execution)
    output = world.ask("close", execution, run={**run, "fault": fault}, outcome="FAILED")
    assert (output["error"], output["cause"], output["status"]) == (error, cause, "FAILED")
    assert world.holder is None


@pytest.mark.parametrize("outcome", ["DEPLOYED", "KEPT", "FAILED"])
def test_closing_twice_is_closing_once(world: World, outcome: str) -> None:
    execution = world.start()
    run = world.judged(world.planned(execution), "KEEP", "NOT_SHOWN")
    first = world.ask("close", execution, run=run, outcome=outcome)
    batch = world.batch(run["batch"])
    holder = world.start()
    world.begin(holder, world.put("data/later.csv"))
    assert world.ask("close", execution, run=run, outcome=outcome) == first
    assert world.batch(run["batch"]) == batch and world.holder == holder


def test_what_a_person_withdrew_meanwhile_stays_withdrawn(world: World) -> None:
    execution = world.start()
    run = world.judged(world.planned(execution), "DEPLOY", "NOT_WORSE")
    world.workflow.batches.withdraw(run["batch"], by="ada", why="wrong", at=AT)
    output = world.ask("close", execution, run=run, outcome="DEPLOYED")
    assert output["status"] == world.status(run["batch"]) == "WITHDRAWN"


def test_batches_are_numbered_in_the_order_of_their_acceptance(world: World) -> None:
    waiting, run = world.parked("approve")
    first = world.accepted()
    world.ask("close", waiting, run=run, outcome="DEPLOYED")
    third = world.accepted()
    names = (first, run["batch"], third)
    assert [world.batch(name).order for name in names] == [1, 2, 3]
