"""The claim: one run at a time, whatever S3 answers and whoever was stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from retrain.ledger.world import AT, World

from stepwell.retrain.ledger import claim, documents
from stepwell.retrain.ledger.faults import Busy, ClaimLost, Conflict

LATER = "2026-01-01T01:00:00.000Z"


class Interrupted:
    """S3 that does something else before, or instead of, the first writes."""

    def __init__(self, s3: Any, *steps: Callable[..., Any]) -> None:
        self._s3 = s3
        self._steps = list(steps)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, **given: Any) -> Any:
        if self._steps:
            self._steps.pop(0)(**given)
        return self._s3.put_object(**given)


def refused(code: str) -> Callable[..., None]:
    """A step by which S3 refuses a write with an error's code."""

    def step(**given: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "PutObject")

    return step


def test_the_turn_is_taken_and_given_away(world: World) -> None:
    execution = world.start()
    claim.take(world.workflow, execution, AT)
    assert world.document(claim.KEY) == {"execution": execution, "since": AT}
    claim.held(world.workflow, execution)
    claim.free(world.workflow, execution, LATER)
    assert world.document(claim.KEY) == {"execution": None, "since": LATER}
    with pytest.raises(ClaimLost):
        claim.held(world.workflow, execution)


def test_taking_again_changes_nothing(world: World) -> None:
    execution = world.start()
    claim.take(world.workflow, execution, AT)
    claim.take(world.workflow, execution, LATER)
    assert world.document(claim.KEY)["since"] == AT


def test_the_turn_of_a_run_that_goes_on_is_nobody_else_s(world: World) -> None:
    holder, other = world.start(), world.start()
    claim.take(world.workflow, holder, AT)
    with pytest.raises(Busy, match=f"{holder} has its turn, which began at {AT}"):
        claim.take(world.workflow, other, LATER)
    claim.free(world.workflow, other, LATER)
    assert world.holder == holder


def test_the_turn_of_a_run_that_ended_is_free(world: World) -> None:
    holder, other = world.start(), world.start()
    claim.take(world.workflow, holder, AT)
    world.stop(holder)
    claim.take(world.workflow, other, LATER)
    assert world.holder == other
    with pytest.raises(ClaimLost):
        claim.held(world.workflow, holder)


@pytest.mark.parametrize("gone", ["of-another-machine:1", "{machine}:no-such-execution"])
def test_the_turn_of_a_run_that_is_forgotten_is_free(world: World, gone: str) -> None:
    machine = world.machine.rpartition(":")[2]
    arn = f"arn:aws:states:us-east-1:000000000000:execution:{gone.format(machine=machine)}"
    claim.take(world.workflow, arn, AT)
    other = world.start()
    claim.take(world.workflow, other, LATER)
    assert world.holder == other


def test_who_is_slower_by_a_moment_waits(world: World) -> None:
    """Both read that the turn is free; S3 lets one of them write."""
    fast, slow = world.start(), world.start()
    s3 = Interrupted(world.s3, lambda **given: claim.take(world.workflow, fast, AT))
    with pytest.raises(Busy, match=fast):
        claim.take(world.with_(s3=s3).workflow, slow, AT)
    assert world.holder == fast


def test_a_write_whose_answer_was_lost_counts(world: World) -> None:
    execution = world.start()
    s3 = Interrupted(world.s3, lambda **given: world.s3.put_object(**given))
    claim.take(world.with_(s3=s3).workflow, execution, AT)
    assert world.holder == execution


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "PreconditionFailed"])
def test_another_writer_in_the_same_moment_is_no_fault(world: World, code: str) -> None:
    execution = world.start()
    s3 = Interrupted(world.s3, refused(code), refused(code))
    claim.take(world.with_(s3=s3).workflow, execution, AT)
    s3 = Interrupted(world.s3, refused(code), refused(code))
    claim.free(world.with_(s3=s3).workflow, execution, AT)
    assert world.holder is None


def test_too_many_at_once_wait(world: World) -> None:
    steps = [refused("ConditionalRequestConflict")] * documents.TRIES
    with pytest.raises(Busy, match="too many"):
        claim.take(world.with_(s3=Interrupted(world.s3, *steps)).workflow, world.start(), AT)
    assert world.holder is None


def test_what_is_no_conflict_is_told(world: World) -> None:
    s3 = Interrupted(world.s3, refused("AccessDenied"))
    with pytest.raises(ClientError, match="AccessDenied"):
        claim.take(world.with_(s3=s3).workflow, world.start(), AT)


def test_giving_away_what_was_taken_over_meanwhile_takes_nothing(world: World) -> None:
    stopped, other = world.start(), world.start()
    claim.take(world.workflow, stopped, AT)
    world.stop(stopped)
    s3 = Interrupted(world.s3, lambda **given: claim.take(world.workflow, other, LATER))
    claim.free(world.with_(s3=s3).workflow, stopped, LATER)
    assert world.holder == other


def test_a_document_is_written_once_and_then_read(world: World) -> None:
    def kept(value: Any) -> Any:
        return documents.kept(
            world.s3, world.bucket, "d.json", value, lambda there: there["of"] == value["of"]
        )

    first = {"of": 1, "text": "größe"}
    assert kept(first) == first
    assert kept({"of": 1, "text": "later"}) == first
    assert kept({"of": 2}) == {"of": 2} == world.document("d.json")


def test_a_document_that_is_gone_can_not_be_replaced(world: World) -> None:
    with pytest.raises(Conflict):
        documents.replace(world.s3, world.bucket, "none.json", {}, '"0"')
