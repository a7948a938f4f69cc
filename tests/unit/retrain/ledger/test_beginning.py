"""Begin: a run takes its turn, and gets a batch exactly once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from retrain.ledger.world import AT, World

from stepwell.retrain.ledger import claim
from stepwell.retrain.ledger.batches import Batch
from stepwell.retrain.ledger.faults import Busy, InputInvalid, ObjectAbsent
from stepwell.retrain.ledger.statuses import NAMED_AGAIN, STATUSES

LATER = "2026-01-05T00:00:00.000Z"


def test_an_upload_is_a_batch(world: World) -> None:
    execution, event = world.start(), world.put("data/monday.csv")
    run = world.begin(execution, event)
    assert run["due"] and run["trigger"] == "upload"
    assert re.fullmatch(r"monday-[0-9a-f]{8}", run["batch"])
    assert re.fullmatch(r"digits-reader-[0-9a-f]{12}", run["job"])
    assert run["folder"] == world.uri(f"batches/{run['batch']}")
    assert world.at(run["manifest"]) == [{"prefix": world.uri("")}, "data/monday.csv"]
    assert world.holder == execution
    record = world.document(f"batches/{run['batch']}/batch.json")
    assert record["schema"] == "stepwell.batch/1" and record["status"] == "PREPARING"
    assert record["objects"] == [{**event, "sha256": None}]
    assert record["created"] == AT and record["execution"] == execution
    assert [each["status"] for each in record["history"]] == ["PREPARING"]


def test_an_answer_that_was_lost_is_given_again(world: World) -> None:
    execution, event = world.start(), world.put("data/a.csv")
    first = world.begin(execution, event)
    assert world.begin(execution, event) == first
    assert len(world.workflow.batches.all()) == 1


def test_another_run_waits_for_its_turn(world: World) -> None:
    holder, other = world.start(), world.start()
    world.begin(holder, world.put("data/a.csv"))
    event = world.put("data/b.csv")
    with pytest.raises(Busy, match=holder):
        world.begin(other, event)
    world.stop(holder)
    assert world.begin(other, event)["due"]
    assert world.holder == other


def test_a_run_that_was_stopped_leaves_a_failed_batch_whose_objects_are_pending(world: World) -> None:
    holder = world.start()
    name = world.begin(holder, world.put("data/a.csv"))["batch"]
    world.stop(holder)
    other = world.start()
    world.begin(other, world.put("data/b.csv"))
    assert world.status(name) == "FAILED"
    world.stop(other)
    collected = world.begin(world.start(), trigger="schedule")
    keys = [each.key for each in world.batch(collected["batch"]).objects]
    assert keys == ["data/a.csv", "data/b.csv"]


def test_a_run_that_was_stopped_between_claim_and_record_loses_nothing(world: World) -> None:
    event = world.put("data/a.csv")
    stopped = world.start()
    claim.take(world.workflow, stopped, AT)
    world.stop(stopped)
    assert world.begin(world.start(), event)["due"]


def test_a_run_killed_between_record_and_manifest_is_given_both(world: World) -> None:
    execution, event = world.start(), world.put("data/a.csv")
    run = world.begin(execution, event)
    world.s3.delete_object(Bucket=world.bucket, Key=f"batches/{run['batch']}/manifest.json")
    world.begin(execution, event)
    assert world.at(run["manifest"])


def test_a_run_that_waits_for_a_person_keeps_its_batch(world: World) -> None:
    _, run = world.parked()
    other = world.begin(world.start(), world.put("data/b.csv"))
    assert other["due"] and world.status(run["batch"]) == "QUARANTINED"


def test_a_waiting_run_that_was_stopped_gives_its_batch_back(world: World) -> None:
    execution, run = world.parked()
    world.stop(execution)
    world.begin(world.start(), world.put("data/b.csv"))
    assert world.status(run["batch"]) == "FAILED"


def test_the_same_event_twice_is_one_batch(world: World) -> None:
    event = world.put("data/a.csv")
    first = world.start()
    run = world.begin(first, event)
    world.stop(first)
    again = world.begin(world.start(), event)
    assert again == {
        "due": False,
        "result": {
            "outcome": "DUPLICATE",
            "sentence": f"The same objects are the batch {run['batch']}, which is FAILED.",
            "batch": run["batch"],
            "status": "FAILED",
        },
    }
    assert world.holder is None


def test_the_same_bytes_again_are_not_trained_on_twice(world: World) -> None:
    name = world.accepted(world.put("data/a.csv"))
    again = world.begin(world.start(), world.put("data/a.csv"))
    assert again["result"]["outcome"] == "DUPLICATE" and again["result"]["batch"] == name


def test_the_same_bytes_may_come_again_after_a_rejection(world: World) -> None:
    execution, event = world.start(), world.put("data/a.csv")
    run = world.planned(execution, event)
    name = run["batch"]
    world.ask("close", execution, run={**run, "fault": {}}, outcome="FAILED")
    world.workflow.batches.withdraw(name, by="ada", why="wrong", at=AT)
    world.stop(execution)
    again = world.begin(world.start(), world.put("data/a.csv"))
    assert again["due"] and again["batch"] != name


def test_an_object_overwritten_before_its_turn_is_left_to_the_newer_event(world: World) -> None:
    old = world.put("data/a.csv", "outcome,age\n1,1\n")
    new = world.put("data/a.csv", "outcome,age\n1,2\n")
    answer = world.begin(world.start(), old)
    assert answer["result"]["outcome"] == "NOTHING_NEW" and "overwritten" in answer["result"]["sentence"]
    assert world.holder is None
    assert world.begin(world.start(), new)["due"]


def test_an_object_deleted_before_its_turn_is_nothing(world: World) -> None:
    event = world.put("data/a.csv")
    world.s3.delete_object(Bucket=world.bucket, Key="data/a.csv")
    assert world.begin(world.start(), event)["result"]["outcome"] == "NOTHING_NEW"


def test_an_object_that_came_again_unchanged_before_its_turn_is_begun_once(world: World) -> None:
    first, second = world.put("data/a.csv", "1"), world.put("data/a.csv", "1")
    assert first["version"] != second["version"]
    execution = world.start()
    assert world.begin(execution, first)["due"]
    world.stop(execution)
    answer = world.begin(world.start(), second)
    assert answer["result"]["outcome"] == "DUPLICATE"


def test_without_versions_the_entity_tag_tells_what_was_overwritten(made: Callable[..., World]) -> None:
    world = made(versioning="Suspended")
    old = world.put("data/a.csv", "outcome,age\n1,1\n")
    new = world.put("data/a.csv", "outcome,age\n1,2\n")
    assert world.begin(world.start(), {**old, "version": ""})["result"]["outcome"] == "NOTHING_NEW"
    run = world.begin(world.start(), {**new, "version": ""})
    assert world.batch(run["batch"]).objects[0].version is None


def test_an_event_of_another_folder_is_nothing(world: World) -> None:
    for key in ("other/a.csv", "data/a.txt", "data/folder/"):
        assert world.begin(world.start(), world.put(key))["result"]["outcome"] == "NOTHING_NEW"


def test_a_person_names_objects(world: World) -> None:
    world.put("data/a.csv", "a")
    world.put("data/b.csv", "b")
    run = world.begin(world.start(), objects=[{"key": "data/b.csv"}, {"key": "data/a.csv"}], trigger=None)
    assert run["trigger"] == "hand"
    assert world.at(run["manifest"])[1:] == ["data/a.csv", "data/b.csv"]


@pytest.mark.parametrize("status", STATUSES)
def test_only_what_came_to_nothing_may_be_named_again(world: World, status: str) -> None:
    first = world.start()
    run = world.begin(first, world.put("data/a.csv"))
    given = {"execution": first if status in ("PREPARING", "QUARANTINED", "WAITING") else "gone"}
    world.workflow.batches.change(run["batch"], lambda batch: _with(batch, status, **given))
    claim.free(world.workflow, first, AT)
    again = world.ask("begin", world.start(), at=LATER, input={"objects": [{"key": "data/a.csv"}]})
    if status in NAMED_AGAIN:
        assert again["batch"] == run["batch"] and again["job"] != run["job"]
        assert [each.status for each in world.batch(run["batch"]).history] == ["PREPARING", "PREPARING"]
    else:
        assert again["result"]["status"] == status


@pytest.mark.parametrize(
    ("given", "fault", "message"),
    [
        ({"objects": [{"key": "data/none.csv"}]}, ObjectAbsent, "none.csv is not there"),
        ({"objects": [{"key": "elsewhere/a.csv"}]}, InputInvalid, r"sources, data/\*.csv"),
        ({"objects": []}, InputInvalid, "objects is an array"),
        ({"objects": "data/a.csv"}, InputInvalid, "objects is an array"),
        ({"objects": [{"Key": "data/a.csv"}]}, InputInvalid, 'objects with a "key"'),
        ([1], InputInvalid, "is an object, not"),
    ],
)
def test_input_that_makes_no_sense_gives_the_turn_away(
    world: World, given: Any, fault: type[Exception], message: str
) -> None:
    with pytest.raises(fault, match=message):
        world.ask("begin", world.start(), input=given)
    assert world.holder is None


KEYS = ["data/a b.csv", 'data/"quoted".csv', "data/größe/日本.csv", "data/a+b%20c&d=e.csv", "data/<x>.csv"]


def test_keys_are_taken_as_they_are(world: World) -> None:
    for key in KEYS:
        world.put(key, key)
    run = world.begin(world.start(), trigger="schedule")
    assert world.at(run["manifest"])[1:] == sorted(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_batch_s_name_is_good_for_keys_tags_and_commands(world: World, key: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+-[0-9a-f]{8}", world.begin(world.start(), world.put(key))["batch"])


def test_more_objects_than_a_page_are_collected_with_their_versions(world: World) -> None:
    for number in range(1005):
        world.put(f"data/{number:04}.csv", "x")
    run = world.begin(world.start(), trigger="schedule")
    objects = world.batch(run["batch"]).objects
    assert len(objects) == 1005 and all(each.version for each in objects)
    assert re.fullmatch(r"2026-01-01-[0-9a-f]{8}", run["batch"])


def test_names_that_collide_are_told_apart(world: World) -> None:
    first = world.start()
    run = world.begin(first, world.put("data/a.csv", "1"))
    other = world.put("data/b.csv", "2")

    # as if the digest of b began with the same eight digits
    def other_objects(batch: Batch) -> Batch:
        return Batch.from_json({**batch.to_json(), "objects": [{**other, "key": "data/c.csv"}]})

    world.workflow.batches.change(run["batch"], other_objects)
    world.stop(first)
    again = world.begin(world.start(), objects=[{"key": "data/a.csv"}], trigger="hand")
    assert re.fullmatch(r"a-[0-9a-f]{16}", again["batch"]) and again["batch"].startswith(run["batch"])


def test_job_names_fit_and_differ(made: Callable[..., World]) -> None:
    world = made(workflow="A workflow, with the longest of names: " + "x" * 60)
    first = world.start()
    run = world.begin(first, world.put("data/a.csv"))
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", run["job"]) and len(run["job"]) <= 48


def _with(batch: Batch, status: str, **changes: Any) -> Batch:
    return Batch.from_json({**batch.to_json(), "status": status, **changes})
