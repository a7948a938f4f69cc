"""Deliveries: each arrives, or is kept with its failure; a repeat changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import ACCOUNT, Harness

from stepwell.api.operations import Operation, Service, words
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import AwsError
from stepwell.triggers import deliveries

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:start"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:retrain"
MESSAGE = {
    "id": "11111111-2222-4333-8444-555555555555",
    "target": FUNCTION,
    "payload": {"Records": [{"a": "ü"}]},
    "source_arn": "arn:aws:s3:::data",
    "principal": "s3.amazonaws.com",
}


class Targets:
    """Functions and machines that answer what the test says."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        #: raised by the next calls, in order
        self.failures: list[AwsError] = []

    def take(self, call: Call, draft: Draft) -> dict[str, Any]:
        self.calls.append(call)
        if self.failures:
            raise self.failures.pop(0)
        return {}

    def services(self) -> list[Service]:
        rows = {
            "lambda": ("Invoke", "FunctionName InvocationType Payload Qualifier"),
            "stepfunctions": ("StartExecution", "stateMachineArn name input"),
        }
        return [
            Service(name, [Operation(name=operation, rights=(), honoured=words(fields), decide=self.take)])
            for name, (operation, fields) in rows.items()
        ]


@pytest.fixture
def targets() -> Targets:
    return Targets()


@pytest.fixture
def server(tmp_path: Path, targets: Targets) -> Iterator[Harness]:
    with Harness(tmp_path) as harness:
        yield serve(harness, targets)


def serve(harness: Harness, targets: Targets) -> Harness:
    kinds = deliveries.effects(dispatch=harness.dispatcher.dispatch, account=ACCOUNT)
    return harness.serve(targets.services(), effects=kinds, timers=deliveries.timers())


def send(server: Harness, **changes: Any) -> None:
    server.decide(lambda draft: draft.send("delivery", {**MESSAGE, **changes}))
    server.settle()


def given_up(server: Harness) -> list[deliveries.FailedDelivery]:
    return server.read(deliveries.failed)


def busy() -> AwsError:
    return AwsError("later", code="TooManyRequestsException", status=429)


def test_a_function_is_invoked_asynchronously_by_the_service_for_the_resource(server, targets):
    send(server)
    (call,) = targets.calls
    assert (call.service, call.operation) == ("lambda", "Invoke")
    assert call.params["FunctionName"] == FUNCTION
    assert call.params["InvocationType"] == "Event"
    assert json.loads(call.params["Payload"]) == MESSAGE["payload"]
    assert (call.caller.kind, call.caller.arn) == ("service", "s3.amazonaws.com")
    assert call.origin.source_arn == "arn:aws:s3:::data"
    assert call.request_id == MESSAGE["id"]


def test_a_version_or_alias_becomes_the_qualifier(server, targets):
    send(server, target=f"{FUNCTION}:live")
    (call,) = targets.calls
    assert (call.params["FunctionName"], call.params["Qualifier"]) == (FUNCTION, "live")


def test_an_execution_is_named_by_the_delivery_and_started_as_the_role(server, targets):
    role = f"arn:aws:iam::{ACCOUNT}:role/starter"
    send(server, target=MACHINE, role=role)
    (call,) = targets.calls
    assert (call.operation, call.params["stateMachineArn"]) == ("StartExecution", MACHINE)
    assert call.params["name"] == MESSAGE["id"]
    assert json.loads(call.params["input"]) == MESSAGE["payload"]
    assert (call.caller.kind, call.caller.role) == ("role", role)


def test_an_execution_that_is_there_already_is_a_delivery_made(server, targets):
    targets.failures = [AwsError("there", code="ExecutionAlreadyExists")]
    send(server, target=MACHINE)
    assert given_up(server) == []


def test_a_repeat_after_a_crash_is_taken_once(tmp_path, targets):
    with Harness(tmp_path) as harness:
        serve(harness, targets)
        body = {**MESSAGE, "began": harness.clock.now(), "attempt": 1}

        async def deliver_twice():
            (call,) = deliveries.calls_of(body, ACCOUNT, "token")
            await harness.dispatcher.dispatch(call)
            await harness.dispatcher.dispatch(call)

        harness.run(deliver_twice())
    assert len(targets.calls) == 1


def test_a_delivery_outlives_the_server(tmp_path, targets):
    with Harness(tmp_path) as harness:
        harness.serve([], timers={})
        harness.decide(lambda draft: draft.timer("later", harness.clock.now() + 5, "delivery", {**MESSAGE}))
    with Harness(tmp_path) as harness:
        serve(harness, targets).advance(5)
    assert [call.request_id for call in targets.calls] == [MESSAGE["id"]]


def test_what_may_pass_is_tried_again_ever_later(server, targets):
    targets.failures = [busy(), AwsError("broken", code="ServiceException", status=500), busy()]
    send(server)
    assert len(targets.calls) == 1
    for wait, count in ((0.9, 1), (0.1, 2), (1.9, 2), (0.1, 3), (3.9, 3), (0.1, 4)):
        server.advance(wait)
        assert len(targets.calls) == count
    assert {call.request_id for call in targets.calls} == {MESSAGE["id"]}
    server.advance(86_400)
    assert len(targets.calls) == 4
    assert given_up(server) == []


def test_what_will_not_pass_is_kept_with_its_failure(server, targets, caplog):
    targets.failures = [AwsError("Function not found", code="ResourceNotFoundException", status=404)]
    send(server)
    (lost,) = given_up(server)
    assert (lost.id, lost.target, lost.payload) == (MESSAGE["id"], FUNCTION, MESSAGE["payload"])
    assert (lost.code, lost.message, lost.attempts) == ("ResourceNotFoundException", "Function not found", 1)
    assert "gave up delivering" in caplog.text


@pytest.mark.parametrize(
    ("limits", "attempts"), [({"attempts": 3}, 3), ({"attempts": 1}, 1), ({"age": 3.5}, 3), ({"age": 0}, 1)]
)
def test_a_delivery_is_given_up_after_its_attempts_or_age(server, targets, limits, attempts):
    targets.failures = [busy() for _ in range(9)]
    send(server, **limits)
    for _ in range(10):
        server.advance(1)
    assert len(targets.calls) == attempts
    assert [lost.attempts for lost in given_up(server)] == [attempts]


@pytest.mark.parametrize("target", ["nonsense", "arn:aws:kinesis:us-east-1:000000000000:stream/s"])
def test_a_target_that_takes_no_deliveries_is_given_up(server, targets, target):
    send(server, target=target)
    assert [lost.code for lost in given_up(server)] == ["InvalidTarget"]
    assert targets.calls == []


def test_given_up_deliveries_are_listed_oldest_first_in_pages(server, targets):
    for number in range(3):
        targets.failures = [AwsError("no", code="AccessDeniedException")]
        send(server, id=str(number))
        server.advance(1)
    first = server.read(lambda view: deliveries.failed(view, limit=2))
    rest = server.read(lambda view: deliveries.failed(view, after=first[-1].key))
    assert [lost.id for lost in (*first, *rest)] == ["0", "1", "2"]
