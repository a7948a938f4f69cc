"""Approvals: a person's decision reaches the run that waits, once, whichever comes first."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from retrain.ledger.world import APPROVED, PENDING, World

from stepwell.retrain.ledger import approvals
from stepwell.retrain.ledger.faults import InputInvalid
from stepwell.retrain.ledger.workflow import client
from stepwell.testing import Execution

REJECTED = "Rejected"


class Waiting:
    """A run that waits for a decision about a package."""

    def __init__(self, world: World, asks: str = "approve") -> None:
        self.world = world
        self.package = world.package(PENDING)
        queue = world.stepwell.client("sqs").create_queue(QueueName=f"{world.bucket}-{asks}")["QueueUrl"]
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
            "TimeoutSeconds": 3600,
            "End": True,
        }
        machine = world.stepwell.machine(
            f"{world.bucket}-{asks}", {"StartAt": "AwaitDecision", "States": {"AwaitDecision": task}}
        )
        self.execution: Execution = world.stepwell.start(machine)
        world.stepwell.settle()
        self.token = self.execution.task_token("AwaitDecision")
        group, _, version = self.package.rpartition("model-package/")[2].partition("/")
        self.key = f"approvals/{group}-{version}.json"
        self.event = {
            "token": self.token,
            "execution": self.execution.arn,
            "package": self.package,
            "asks": asks,
            "evidence": "s3://b/evidence.json",
        }

    def leave(self) -> str | None:
        """The run leaves its token."""
        return self.world.tell(**self.event)

    def change(self) -> str | None:
        """EventBridge tells that the package changed."""
        detail = {"ModelPackageArn": self.package, "ModelApprovalStatus": "whatever it was then"}
        return self.world.tell(**{"detail-type": "SageMaker Model Package State Change", "detail": detail})

    def left(self) -> Any:
        return self.world.document(self.key)

    def output(self) -> Any:
        self.world.stepwell.settle()
        return self.execution.output


@pytest.mark.parametrize(
    ("status", "asks", "action"),
    [
        (APPROVED, "approve", "approve"),
        (APPROVED, "release", "release"),
        (REJECTED, "approve", "reject"),
        (REJECTED, "release", "reject"),
    ],
)
def test_a_decision_answers_the_run_that_waits(world: World, status: str, asks: str, action: str) -> None:
    waiting = Waiting(world, asks)
    assert waiting.leave() is None
    assert waiting.left() == {name: waiting.event[name] for name in ("token", "package", "execution", "asks")}
    world.decide(waiting.package, status, 'because of "this"')
    assert waiting.change() == action
    output = waiting.output()
    assert output["action"] == action and output["reason"] == 'because of "this"'
    assert output["by"].startswith("arn:aws:iam::") and output["at"].endswith("Z")
    assert waiting.left() is None


def test_a_decision_that_was_faster_than_the_token_counts(world: World) -> None:
    waiting = Waiting(world)
    world.decide(waiting.package, APPROVED)
    assert waiting.change() is None
    assert waiting.leave() == "approve"
    assert waiting.output() == {**waiting.output(), "action": "approve", "reason": ""}


def test_the_package_as_it_is_counts_and_not_as_a_late_event_had_it(world: World) -> None:
    waiting = Waiting(world)
    waiting.leave()
    assert waiting.change() is None and waiting.left() is not None
    world.decide(waiting.package, REJECTED)
    world.decide(waiting.package, APPROVED)
    assert waiting.change() == "approve"


def test_a_second_event_finds_nobody(world: World) -> None:
    waiting = Waiting(world)
    waiting.leave()
    world.decide(waiting.package, APPROVED)
    assert [waiting.change(), waiting.change()] == ["approve", None]


def gone_by_time(waiting: Waiting) -> None:
    waiting.world.stepwell.advance("2 hours")


def gone_by_stop(waiting: Waiting) -> None:
    waiting.world.stop(waiting.execution.arn)


def gone_by_answer(waiting: Waiting) -> None:
    waiting.execution.send_success("AwaitDecision", {})
    waiting.world.stepwell.settle()


@pytest.mark.parametrize("end", [gone_by_time, gone_by_stop, gone_by_answer])
def test_a_decision_that_comes_too_late_is_no_fault(world: World, end: Callable[[Waiting], None]) -> None:
    waiting = Waiting(world)
    waiting.leave()
    end(waiting)
    world.decide(waiting.package, APPROVED)
    assert waiting.change() is None
    assert waiting.left() is None


def test_a_token_that_is_none_is_forgotten(world: World) -> None:
    waiting = Waiting(world)
    world.decide(waiting.package, APPROVED)
    assert world.tell(**{**waiting.event, "token": "no token"}) is None
    assert waiting.left() is None


def test_a_package_that_nobody_waits_for_is_nothing(world: World) -> None:
    package = world.package(APPROVED)
    assert world.tell(detail={"ModelPackageArn": package}) is None


def test_a_token_that_a_retry_left_meanwhile_is_kept(world: World) -> None:
    waiting = Waiting(world)
    waiting.leave()
    world.decide(waiting.package, APPROVED)

    class Late:
        """Step Functions, while whose answer is under way the run leaves a newer token."""

        def send_task_success(self, **given: Any) -> None:
            world.put(waiting.key, json.dumps({"token": "newer"}))

    other = world.with_(states=Late())
    assert other.tell(detail={"ModelPackageArn": waiting.package}) == "approve"
    assert waiting.left() == {"token": "newer"}


def test_an_event_of_another_kind_is_refused(world: World) -> None:
    with pytest.raises(InputInvalid, match="neither a token nor a model package"):
        world.tell(detail={})


def test_the_function_reads_its_bucket_off_its_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Waiting(world)
    for name, value in {
        **world.stepwell.environment,
        "BUCKET": world.bucket,
        "SETTINGS": "code/settings.json",
    }.items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    world.decide(waiting.package, APPROVED)
    assert approvals.handler(waiting.event, None) == {"answered": "approve"}
