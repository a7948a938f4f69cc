"""Park, resume, plan again: a person is asked without anybody else waiting, and judged is what serves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from retrain.ledger.world import APPROVED, AT, World, endpoint, released

from stepwell.retrain.ledger import claim
from stepwell.retrain.ledger.faults import BatchTaken, BatchWithdrawn, Busy, ClaimLost, TooManyAttempts


def config(world: World, run: dict[str, Any]) -> Any:
    return world.at(next(e["S3Input"]["S3Uri"] for e in run["gate_inputs"] if e["InputName"] == "config"))


def approved(run: dict[str, Any], action: str = "approve") -> dict[str, Any]:
    return {**run, "approval": released(action)}


@pytest.mark.parametrize(("asks", "status"), [("release", "QUARANTINED"), ("approve", "WAITING")])
def test_a_run_that_waits_gives_its_turn_away(world: World, asks: str, status: str) -> None:
    execution, run = world.parked(asks)
    batch = world.batch(run["batch"])
    assert batch.status == status and world.holder is None
    assert batch.package == run["package"]["ModelPackageArn"]
    assert batch.outcome is not None and batch.outcome["evidence"] == run["evidence"]
    assert f"asked to {asks}" in batch.history[-1].why
    assert world.ask("park", execution, run=run) == run
    assert world.batch(run["batch"]) == batch


def test_a_withdrawn_batch_is_not_waited_for(world: World) -> None:
    execution = world.start()
    run = world.judged(world.planned(execution), "QUARANTINE", "BELOW_FLOOR")
    world.workflow.batches.withdraw(run["batch"], by="ada", why="wrong", at=AT)
    asked = {"asked": {"asks": "release"}, "package": {"ModelPackageArn": world.package()}}
    with pytest.raises(BatchWithdrawn):
        world.ask("park", execution, run={**run, **asked})


def test_a_released_batch_is_judged_again_with_who_released_it(world: World) -> None:
    execution, run = world.parked()
    again = world.ask("resume", execution, run=approved(run, "release"))
    assert again["gate_again"] is True and again["attempt"] == 2 and world.holder == execution
    assert again["gate_job"] == f"{run['job']}-gate-2" and again["model"] == f"{run['job']}-2"
    assert again["evidence"].endswith("/gate-2/evidence.json")
    assert config(world, again)["released"] == released("release")
    assert again["training_job"] == run["training_job"] and again["challenger"] == run["challenger"]


def test_an_approved_model_is_not_judged_again_while_the_champion_is_the_same(world: World) -> None:
    execution, run = world.parked("approve")
    world.decide(run["package"]["ModelPackageArn"], APPROVED)
    again = world.ask("resume", execution, run=approved(run))
    assert again == {**approved(run), "gate_again": False}


def test_an_approved_model_is_judged_again_when_the_champion_is_another(world: World) -> None:
    execution, run = world.parked("approve")
    other = world.package()
    world.decide(run["package"]["ModelPackageArn"], APPROVED)
    again = world.ask("resume", execution, run=approved(run))
    assert again["gate_again"] is True
    assert config(world, again)["sources"]["champion"]["package"] == other
    assert "released" not in config(world, again)


def test_what_was_accepted_meanwhile_is_trusted(world: World) -> None:
    execution, run = world.parked()
    other = world.accepted()
    again = world.ask("resume", execution, run=approved(run, "release"))
    assert list(config(world, again)["sources"]["trusted"]) == [other]
    manifest = next(e["S3Input"]["S3Uri"] for e in again["gate_inputs"] if e["InputName"] == "trusted")
    assert manifest.endswith("/trusted-2.manifest")
    assert world.at(manifest)[1:] == [f"{other}/held-out.csv"]


def test_resuming_waits_for_its_turn(world: World) -> None:
    execution, run = world.parked()
    holder = world.start()
    world.begin(holder, world.put("data/b.csv"))
    with pytest.raises(Busy, match=holder):
        world.ask("resume", execution, run=approved(run, "release"))
    world.stop(holder)
    assert world.ask("resume", execution, run=approved(run, "release"))["gate_again"]


def test_an_answer_that_was_lost_is_given_again_whatever_changed(world: World) -> None:
    execution, run = world.parked()
    first = world.ask("resume", execution, run=approved(run, "release"))
    world.package()
    assert world.ask("resume", execution, run=approved(run, "release")) == first


@pytest.mark.parametrize("own", [True, False])
def test_a_model_trained_on_what_was_withdrawn_does_not_go_on(world: World, own: bool) -> None:
    other = world.accepted()
    execution, run = world.parked("approve")
    name = run["batch"] if own else other
    world.workflow.batches.withdraw(name, by="ada", why="mislabelled", at=AT)
    with pytest.raises(BatchWithdrawn, match=f"{name} was withdrawn by ada at .*: mislabelled"):
        world.ask("resume", execution, run=approved(run))
    fault = {"Error": "BatchWithdrawn", "Cause": json.dumps({"errorMessage": "It was."})}
    closed = world.ask("close", execution, run={**approved(run), "fault": fault}, outcome="FAILED")
    assert closed["error"] == "BatchWithdrawn" and closed["cause"] == "It was."
    assert world.status(run["batch"]) == ("WITHDRAWN" if own else "FAILED")
    assert world.holder is None


def test_planning_again_takes_the_champion_of_now(world: World) -> None:
    world.put("code/settings.json", json.dumps({**world.settings, "endpoint": "digits"}))
    execution = world.start()
    run = world.with_(sagemaker=endpoint(world.uri("m"), config="before")).planned(execution)
    assert run["champion_config"] == "before"
    again = world.with_(sagemaker=endpoint(world.uri("m"), config="after"))
    found = again.ask("plan_again", execution, run=run)
    assert found["champion_config"] == "after" and found["attempt"] == 2
    assert "released" not in config(world, found)


def test_planning_again_still_knows_who_released(world: World) -> None:
    execution, run = world.parked()
    again = world.ask("resume", execution, run=approved(run, "release"))
    assert config(world, world.ask("plan_again", execution, run=again))["released"]["action"] == "release"


def test_a_run_is_judged_ten_times_at_most(world: World) -> None:
    execution = world.start()
    run = world.planned(execution)
    for attempt in range(2, 11):
        run = world.ask("plan_again", execution, run=run)
        assert run["attempt"] == attempt
    with pytest.raises(TooManyAttempts, match="10 times"):
        world.ask("plan_again", execution, run=run)


def test_planning_again_needs_the_turn_and_the_batch(world: World) -> None:
    execution = world.start()
    run = world.planned(execution)
    claim.free(world.workflow, execution, AT)
    with pytest.raises(ClaimLost):
        world.ask("plan_again", execution, run=run)


def test_a_stopped_run_s_late_function_takes_nothing_back(world: World) -> None:
    stopped, run = world.parked()
    world.stop(stopped)
    holder = world.start()
    assert world.begin(holder, trigger="schedule")["batch"] == run["batch"]
    with pytest.raises(BatchTaken):
        world.ask("park", stopped, run=run)
    world.ask("close", stopped, run=run, outcome="EXPIRED")
    assert world.status(run["batch"]) == "PREPARING" and world.holder == holder
