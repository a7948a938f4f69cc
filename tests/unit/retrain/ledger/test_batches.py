"""Batches: a status changes as the table allows, and its history is kept whoever writes at once."""

from __future__ import annotations

from typing import Any

import pytest
from retrain.ledger.world import AT, World

from stepwell.retrain.ledger.batches import Batch, Entry, accepted, next_order
from stepwell.retrain.ledger.faults import BatchUnknown, Conflict, MoveRefused
from stepwell.retrain.ledger.objects import Object
from stepwell.retrain.ledger.statuses import NAMED_AGAIN, OPEN, PENDING_AGAIN, STATUSES


def batch(name: str = "a", status: str = "PREPARING", **more: Any) -> Batch:
    given = {
        "execution": "arn:e",
        "trigger": "upload",
        "collected": False,
        "objects": (Object(key=f"data/{name}.csv", version="1", etag=f"e{name}", size=3),),
        "created": AT,
        "history": (Entry(status="PREPARING", at=AT, by="arn:e", why="Begun."),),
        **more,
    }
    return Batch(name=name, status=status, **given)


def moves() -> list[tuple[str, str]]:
    return [(before, after) for before in STATUSES for after in STATUSES]


@pytest.mark.parametrize(("before", "after"), moves(), ids=lambda value: value)
def test_only_the_table_s_moves_are_made(before: str, after: str) -> None:
    was = batch(status=before)
    if after in STATUSES[before][0]:
        moved = was.moved(after, at="later", by="ada", why="so")
        assert moved.status == after
        assert moved.history == (*was.history, Entry(status=after, at="later", by="ada", why="so"))
    else:
        with pytest.raises(MoveRefused, match=f"a is {before} .* not {after}"):
            was.moved(after, at="later", by="ada", why="so")


def test_every_status_that_is_named_is_in_the_table() -> None:
    named = {each for allowed, _ in STATUSES.values() for each in allowed}
    assert named == set(STATUSES)
    assert {*OPEN, *NAMED_AGAIN} <= set(STATUSES) and set(PENDING_AGAIN) <= set(NAMED_AGAIN)


def test_what_is_begun_again_can_become_preparing() -> None:
    assert {name for name, (allowed, _) in STATUSES.items() if "PREPARING" in allowed} == set(NAMED_AGAIN)


def test_a_record_is_read_as_it_was_written(world: World) -> None:
    made = batch(
        rows=3, columns=("x", "y"), digests={"train.csv": "d"}, outcome={"decision": "KEEP"}, order=2
    )
    world.workflow.batches.create(made)
    assert world.batch("a") == made


def test_a_record_is_made_once(world: World) -> None:
    world.workflow.batches.create(batch())
    with pytest.raises(Conflict):
        world.workflow.batches.create(batch(status="ACCEPTED"))
    assert world.status("a") == "PREPARING"


def test_a_record_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match=r"form stepwell\.batch/1: stepwell\.batch/2"):
        Batch.from_json({**batch().to_json(), "schema": "stepwell.batch/2"})


def test_a_batch_that_there_isn_t(world: World) -> None:
    with pytest.raises(BatchUnknown, match="no batch nothing in"):
        world.batch("nothing")
    assert world.workflow.batches.find("nothing") is None


def test_all_batches_in_the_order_of_their_beginning(world: World) -> None:
    for name, created in (("b", "2026-01-02"), ("c", "2026-01-01"), ("a", "2026-01-02")):
        world.workflow.batches.create(batch(name, created=created))
        world.put(f"batches/{name}/train.csv")
    # a folder without a record: a job's output whose batch was deleted by hand
    world.put("batches/d/train.csv")
    assert [each.name for each in world.workflow.batches.all()] == ["c", "a", "b"]


def test_two_writers_at_once_lose_nothing(world: World) -> None:
    world.workflow.batches.create(batch())
    asked = 0

    def step(found: Batch) -> Batch:
        nonlocal asked
        asked += 1
        if asked == 1:
            world.workflow.batches.withdraw("a", by="ada", why="wrong", at=AT)
        return found.moved("ACCEPTED", at=AT, by="run", why="so", order=1)

    world.workflow.batches.change("a", step)
    assert asked == 2
    assert [each.by for each in world.batch("a").history] == ["arn:e", "ada", "run"]


def test_writers_that_never_leave_off_are_told(world: World) -> None:
    world.workflow.batches.create(batch())
    asked = 0

    def step(found: Batch) -> Batch:
        nonlocal asked
        asked += 1
        world.put(
            "batches/a/batch.json",
            world.s3.get_object(Bucket=world.bucket, Key="batches/a/batch.json")["Body"].read() + b" ",
        )
        return found.moved("FAILED", at=AT, by="run", why="so")

    with pytest.raises(Conflict, match="10 times"):
        world.workflow.batches.change("a", step)
    assert asked == 10


@pytest.mark.parametrize("status", STATUSES)
def test_whatever_it_is_a_batch_can_be_withdrawn_once(world: World, status: str) -> None:
    world.workflow.batches.create(batch(status=status))
    if status == "WITHDRAWN":
        with pytest.raises(MoveRefused, match="a is WITHDRAWN"):
            world.workflow.batches.withdraw("a", by="ada", why="wrong", at=AT)
    else:
        found = world.workflow.batches.withdraw("a", by="ada", why="wrong", at=AT)
        assert found.history[-1] == Entry(status="WITHDRAWN", at=AT, by="ada", why="wrong")
        assert world.status("a") == "WITHDRAWN"


@pytest.mark.parametrize("status", STATUSES)
def test_only_what_was_set_aside_can_be_accepted(world: World, status: str) -> None:
    world.workflow.batches.create(batch("other", status="ACCEPTED", order=4))
    world.workflow.batches.create(batch(status=status))
    if status == "SET_ASIDE":
        found = world.workflow.batches.accept("a", by="ada", why="it is right", at=AT)
        assert found.order == 5 and found.history[-1].by == "ada"
        assert [each.name for each in accepted(world.workflow.batches.all())] == ["other", "a"]
    else:
        with pytest.raises(MoveRefused):
            world.workflow.batches.accept("a", by="ada", why="it is right", at=AT)


@pytest.mark.parametrize(("was", "may"), [("ACCEPTED", True), ("SET_ASIDE", True), ("PREPARING", False)])
def test_a_withdrawal_is_taken_back_where_the_batch_had_been_judged(
    world: World, was: str, may: bool
) -> None:
    judged = batch()
    world.workflow.batches.create(
        judged if was == "PREPARING" else judged.moved(was, at=AT, by="run", why="so")
    )
    world.workflow.batches.withdraw("a", by="ada", why="wrong", at=AT)
    if may:
        assert world.workflow.batches.accept("a", by="ada", why="not wrong", at=AT).status == "ACCEPTED"
    else:
        with pytest.raises(MoveRefused, match="withdrawn before it was judged"):
            world.workflow.batches.accept("a", by="ada", why="not wrong", at=AT)


@pytest.mark.parametrize("other", [*OPEN, "ACCEPTED"])
def test_rows_are_not_accepted_twice(world: World, other: str) -> None:
    world.workflow.batches.create(batch("a", status="SET_ASIDE"))
    world.workflow.batches.create(batch("b", status=other, objects=batch("a").objects))
    with pytest.raises(MoveRefused, match=f"objects of a are in b too, which is {other}"):
        world.workflow.batches.accept("a", by="ada", why="so", at=AT)


def test_places_are_never_given_twice() -> None:
    known = [batch("a", status="WITHDRAWN", order=7), batch("b", status="ACCEPTED", order=2), batch("c")]
    assert next_order(known) == 8
    assert next_order([]) == 1


def test_a_batch_knows_when_it_was_begun_last() -> None:
    again = batch(status="FAILED").moved("PREPARING", at="later", by="e", why="Begun.")
    assert again.created == AT and again.begun == "later"
