"""Plan: what a run trains on and judges by is fixed once, written down, and never half of anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from retrain.ledger.world import AT, COLUMNS, World, endpoint

from stepwell.retrain.ledger import claim, planning
from stepwell.retrain.ledger.faults import BatchInvalid, BatchTaken, BatchWithdrawn, ClaimLost


def names(manifest: list[Any]) -> list[str]:
    return [each.partition("/")[0] for each in manifest[1:]]


def inputs(run: dict[str, Any]) -> dict[str, str]:
    return {each["InputName"]: each["S3Input"]["S3Uri"] for each in run["gate_inputs"]}


def test_the_first_run_trains_on_its_batch_alone(world: World) -> None:
    execution = world.start()
    run = world.planned(execution)
    job, folder = run["job"], world.uri(f"runs/{execution.rpartition(':')[2]}")
    assert run["training_job"] == f"{job}-train"
    assert run["challenger"] == f"{run['models']}/{job}-train/output/model.tar.gz"
    assert run["model"] == f"{job}-1" and run["gate_job"] == f"{job}-gate-1" and run["attempt"] == 1
    assert run["champion_config"] == ""
    assert run["evidence"] == f"{folder}/gate-1/evidence.json"
    assert world.uri(run["summary_key"]) == f"{run['gate_folder']}/summary.json"
    batches = world.uri("batches/")
    assert world.at(run["train_manifest"]) == [{"prefix": batches}, f"{run['batch']}/train.csv"]
    assert inputs(run) == {
        "challenger": run["challenger"],
        "new": f"{run['folder']}/held-out.csv",
        "config": f"{folder}/gate-1.json",
        "code": world.uri("code/gate/"),
    }
    assert world.at(f"{folder}/gate-1.json") == {
        "gate": {"floor": 0.5},
        "input": {"label": "outcome", "header": True, "columns": COLUMNS, "champion": False},
        "sources": {
            "batch": run["batch"],
            "execution": execution,
            "trusted": {},
            "trusted_version": hashlib.sha256(b"").hexdigest(),
            "champion": None,
        },
    }


def test_the_plan_says_all_that_the_run_rests_on(world: World) -> None:
    execution = world.start()
    run = world.planned(execution)
    name = run["batch"]
    assert world.at(run["plan"]) == {
        "schema": "stepwell.plan/1",
        "execution": execution,
        "batch": name,
        "batches": [{"name": name, "digest": f"train.csv of {name}", "rows": 75}],
        "trusted": [],
        "trusted_version": hashlib.sha256(b"").hexdigest(),
        "champion": None,
        "code": {
            "train": world.settings["train"]["code"],
            "sha256": hashlib.sha256(b"code").hexdigest(),
        },
        "train_manifest": run["train_manifest"],
        "trusted_manifest": None,
        "image": world.settings["train"]["image"],
        "hyperparameters": {"trees": "100"},
        "training_job": run["training_job"],
    }


def test_the_record_gets_what_prepare_counted(world: World) -> None:
    event = world.put("data/a.csv", "some bytes")
    batch = world.batch(world.planned(world.start(), event)["batch"])
    assert (batch.rows, batch.train_rows, batch.held_out_rows) == (100, 75, 25)
    assert batch.columns == tuple(COLUMNS) and set(batch.digests) == {"train.csv", "held-out.csv"}
    assert batch.objects[0].sha256 == hashlib.sha256(b"some bytes").hexdigest()


def test_accepted_batches_are_trained_on_and_trusted_in_their_order(world: World) -> None:
    first, second = world.accepted(), world.accepted()
    run = world.planned(world.start())
    assert names(world.at(run["train_manifest"])) == [first, second, run["batch"]]
    plan = world.at(run["plan"])
    assert names(world.at(plan["trusted_manifest"])) == [first, second]
    assert inputs(run)["trusted"] == plan["trusted_manifest"]
    told = "".join(f"{each} held-out.csv of {each}\n" for each in sorted((first, second)))
    assert plan["trusted_version"] == hashlib.sha256(told.encode()).hexdigest()
    assert world.at(inputs(run)["config"])["sources"]["trusted_version"] == plan["trusted_version"]


def test_a_withdrawn_batch_is_left_out(world: World) -> None:
    first, second = world.accepted(), world.accepted()
    world.workflow.batches.withdraw(first, by="ada", why="mislabelled", at=AT)
    run = world.planned(world.start())
    assert names(world.at(run["train_manifest"])) == [second, run["batch"]]
    assert list(world.at(inputs(run)["config"])["sources"]["trusted"]) == [second]


@pytest.mark.parametrize(("newest", "kept"), [(0, 0), (1, 1), (2, 2), (9, 2), (None, 2)])
def test_training_takes_the_newest_and_trust_takes_all(
    made: Callable[..., World], world: World, newest: int | None, kept: int
) -> None:
    world = made(train={**world.settings["train"], "code": "", "batches": newest})
    settings = {**world.settings, "train": {**world.settings["train"]}}
    settings["train"]["code"] = world.uri("code/train/sourcedir.tar.gz")
    world.put("code/settings.json", json.dumps(settings))
    accepted = [world.accepted(), world.accepted()]
    run = world.planned(world.start())
    trained = names(world.at(run["train_manifest"]))
    assert trained == [*accepted[2 - kept :], run["batch"]] if kept else trained == [run["batch"]]
    assert set(world.at(run["plan"])["trusted_manifest"] and inputs(run)) >= {"trusted"}


def test_batches_without_rows_on_one_side_are_left_out_there(world: World) -> None:
    execution = world.start()
    run = world.begin(execution, world.put("data/a.csv"))
    world.prepare(run, train=75, held_out=0)
    run = world.judged(world.ask("plan", execution, run=run), "DEPLOY", "NOT_WORSE")
    world.ask("close", execution, run=run, outcome="DEPLOYED")
    assert "trusted" not in inputs(world.planned(world.start()))


def test_nothing_to_train_on_is_the_batch_s_fault(world: World) -> None:
    execution = world.start()
    run = world.begin(execution, world.put("data/a.csv"))
    world.prepare(run, train=0, held_out=25)
    with pytest.raises(BatchInvalid, match="no rows to train on"):
        world.ask("plan", execution, run=run)


def test_an_answer_that_was_lost_is_given_again_whatever_changed(world: World) -> None:
    execution = world.start()
    first = world.planned(execution)
    plan = world.at(first["plan"])
    world.package()
    begun = {name: first[name] for name in ("due", "batch", "trigger", "manifest", "folder", "job")}
    assert world.ask("plan", execution, run=begun) == first
    assert world.at(first["plan"]) == plan


@pytest.mark.parametrize("left", ["plan.json", "train.manifest", "gate-1.json"])
def test_a_plan_that_was_half_written_is_made_whole(world: World, left: str) -> None:
    world.accepted()
    execution = world.start()
    first = world.planned(execution)
    folder = f"runs/{execution.rpartition(':')[2]}"
    written = ["plan.json", "train.manifest", "trusted.manifest", "gate-1.json"]
    before = {file: world.document(f"{folder}/{file}") for file in written}
    for file in written[written.index(left) + 1 :]:
        world.s3.delete_object(Bucket=world.bucket, Key=f"{folder}/{file}")
    assert world.ask("plan", execution, run=first) == first
    assert {file: world.document(f"{folder}/{file}") for file in written} == before


def test_an_execution_s_name_that_comes_again_gets_a_plan_of_its_own(world: World) -> None:
    execution = world.start()
    folder = f"runs/{execution.rpartition(':')[2]}"
    world.put(f"{folder}/plan.json", json.dumps({"training_job": "of-another-year"}))
    world.put(f"{folder}/gate-1.json", json.dumps({"sources": {"batch": "of-another-year"}}))
    run = world.planned(execution)
    assert world.at(run["plan"])["batch"] == run["batch"]
    assert world.at(inputs(run)["config"])["sources"]["batch"] == run["batch"]


def test_an_object_overwritten_while_it_was_read_is_no_batch(world: World) -> None:
    execution = world.start()
    run = world.begin(execution, world.put("data/a.csv", "1"))
    world.prepare(run)
    newer = world.put("data/a.csv", "2")
    with pytest.raises(BatchInvalid, match=r"data/a\.csv changed while it was read"):
        world.ask("plan", execution, run=run)
    assert world.status(run["batch"]) == "INVALID"
    with pytest.raises(BatchInvalid, match="changed while it was read"):
        world.ask("plan", execution, run=run)
    world.stop(execution)
    assert world.begin(world.start(), newer)["due"]


def test_an_object_that_came_again_unchanged_while_it_was_read_is_the_same(world: World) -> None:
    """It has a new version, and the same bytes: its entity tag says so."""
    execution = world.start()
    run = world.begin(execution, world.put("data/a.csv", "1"))
    world.prepare(run)
    world.put("data/a.csv", "1")
    assert world.ask("plan", execution, run=run)["batch"] == run["batch"]


def test_what_was_collected_beside_it_is_pending_again(world: World) -> None:
    world.put("data/a.csv", "1")
    world.put("data/b.csv", "1")
    execution = world.start()
    run = world.begin(execution, trigger="schedule")
    world.prepare(run)
    world.s3.delete_object(Bucket=world.bucket, Key="data/a.csv")
    with pytest.raises(BatchInvalid, match="changed"):
        world.ask("plan", execution, run=run)
    fault = {"Error": "BatchInvalid", "Cause": "changed"}
    closed = world.ask("close", execution, run={**run, "fault": fault}, outcome="FAILED")
    assert closed["status"] == world.status(run["batch"]) == "RETURNED"
    again = world.begin(world.start(), trigger="schedule")
    assert world.at(again["manifest"])[1:] == ["data/b.csv"]


def test_a_plan_needs_the_turn(world: World) -> None:
    execution = world.start()
    run = world.begin(execution, world.put("data/a.csv"))
    world.prepare(run)
    claim.free(world.workflow, execution, AT)
    with pytest.raises(ClaimLost):
        world.ask("plan", execution, run=run)


def test_a_batch_that_was_withdrawn_meanwhile_ends_the_run(world: World) -> None:
    execution = world.start()
    run = world.begin(execution, world.put("data/a.csv"))
    world.prepare(run)
    world.workflow.batches.withdraw(run["batch"], by="ada", why="wrong ward", at=AT)
    with pytest.raises(BatchWithdrawn, match=r"by ada at 2026.*wrong ward"):
        world.ask("plan", execution, run=run)


def test_a_batch_that_another_run_has_taken_over_is_left_alone(world: World) -> None:
    stopped = world.start()
    run = world.begin(stopped, world.put("data/a.csv"))
    world.prepare(run)
    world.stop(stopped)
    holder = world.start()
    assert world.begin(holder, trigger="schedule")["batch"] == run["batch"]
    claim.free(world.workflow, holder, AT)
    claim.take(world.workflow, stopped, AT)
    with pytest.raises(BatchTaken, match=holder):
        world.ask("plan", stopped, run=run)


def test_the_champion_s_artefact_is_read_where_it_is_there(world: World) -> None:
    world.put("models/old/output/model.tar.gz")
    served = planned_with(world, endpoint(world.uri("models/old/output/model.tar.gz")))
    assert served["champion_config"] == "config-1"
    assert inputs(served)["champion"] == world.uri("models/old/output/model.tar.gz")
    assert world.at(inputs(served)["config"])["input"]["champion"] is True


@pytest.mark.parametrize("artefact", ["s3://{bucket}/models/gone.tar.gz", "s3://another-one/m.tar.gz", ""])
def test_a_champion_without_its_artefact_is_expected_and_not_read(world: World, artefact: str) -> None:
    served = planned_with(world, endpoint(artefact.format(bucket=world.bucket)))
    config = world.at(inputs(served)["config"])
    assert config["input"]["champion"] is True and config["sources"]["champion"]["config"] == "config-1"
    assert "champion" not in inputs(served)


def planned_with(world: World, sagemaker: Any) -> dict[str, Any]:
    """The run of a workflow that has an endpoint."""
    world.put("code/settings.json", json.dumps({**world.settings, "endpoint": "digits"}))
    return world.with_(sagemaker=sagemaker).planned(world.start())


def test_a_version_of_trusted_rows_knows_no_order() -> None:
    one, two = {"name": "a", "digest": "1"}, {"name": "b", "digest": "2"}
    assert planning.version([one, two]) == planning.version([two, one]) != planning.version([one])
