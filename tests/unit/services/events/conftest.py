"""EventBridge on a harness, with targets that say what they got."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import ACCOUNT, Harness

from stepwell.api.operations import Operation, Service, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import AwsError
from stepwell.services.events import EventBridge, Parts
from stepwell.triggers import deliveries, events

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"
#: service → operation, the fields that it takes
TARGETS = {
    "lambda": [("Invoke", "FunctionName InvocationType Payload Qualifier")],
    "stepfunctions": [("StartExecution", "stateMachineArn name input")],
    "logs": [
        ("CreateLogStream", "logGroupName logStreamName"),
        ("PutLogEvents", "logGroupName logStreamName logEvents"),
    ],
    "ssm": [("SendCommand", "DocumentName Targets Parameters")],
    "sqs": [("SendMessage", "QueueUrl MessageBody MessageAttributes MessageGroupId MessageDeduplicationId")],
}


class World:
    """What is around EventBridge: targets, and roles that trust it."""

    def __init__(self, harness: Harness, without: tuple[str, ...] = ()) -> None:
        self.harness = harness
        self.without = without
        self.calls: list[Call] = []
        #: raised by the next calls, in order
        self.failures: list[AwsError] = []
        #: (caller, action, resource) that are not permitted
        self.forbidden: list[tuple[str, str]] = []
        self.trusting = {ROLE: "events.amazonaws.com"}
        #: the only rule that the roles trust EventBridge with; empty: all
        self.source = ""

    def serve(self) -> World:
        bridge = EventBridge(Parts(permits=self._permits, serves=self._serves))
        self.harness.serve(
            [bridge.service(), *self._targets(), self._iam()],
            effects=deliveries.effects(dispatch=self.harness.dispatcher.dispatch, account=ACCOUNT),
            timers={**deliveries.timers(), **bridge.timers(), **events.timers([bridge.on_event])},
        )
        return self

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.harness.call("events", operation, **params)

    def rule(self, name: str, pattern: Any = None, *targets: dict[str, Any], **params: Any) -> str:
        """A rule with its targets; gives its ARN."""
        asked = dict(params) if pattern is None else {**params, "EventPattern": json.dumps(pattern)}
        arn = self.call("PutRule", Name=name, **asked)["RuleArn"]
        if targets:
            place = {"EventBusName": params["EventBusName"]} if "EventBusName" in params else {}
            self.call("PutTargets", Rule=name, Targets=list(targets), **place)
        return str(arn)

    def put(self, detail: Any = None, *, source: str = "shop", kind: str = "Order", **entry: Any) -> str:
        """One event; gives its id once all that follows has happened."""
        full = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail or {}), **entry}
        answer = self.call("PutEvents", Entries=[full])
        self.harness.settle()
        assert answer["FailedEntryCount"] == 0, answer
        return str(answer["Entries"][0]["EventId"])

    def payloads(self) -> list[Any]:
        """What functions and machines got, in order."""
        return [json.loads(call.params.get("Payload") or call.params["input"]) for call in self.calls]

    def given_up(self) -> list[deliveries.FailedDelivery]:
        return self.harness.read(deliveries.failed)

    def _permits(self, caller: Any, action: str, resource: str, view: View, keys: Any = None) -> bool:
        return (action, resource) not in self.forbidden

    def _serves(self, service: str, operation: str) -> bool:
        return service in TARGETS and service not in self.without

    def _targets(self) -> list[Service]:
        return [
            Service(
                name,
                [
                    Operation(name=operation, rights=(), honoured=words(fields), decide=self._take)
                    for operation, fields in rows
                ],
            )
            for name, rows in TARGETS.items()
        ]

    def _take(self, call: Call, draft: Draft) -> dict[str, Any]:
        self.calls.append(call)
        if self.failures:
            raise self.failures.pop(0)
        return {}

    def _iam(self) -> Service:
        def role(call: Call, view: View) -> dict[str, Any]:
            arn = f"arn:aws:iam::{ACCOUNT}:role/{call.params['RoleName']}"
            if arn not in self.trusting:
                raise AwsError("no such role", code="NoSuchEntity")
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": self.trusting[arn]},
                "Action": "sts:AssumeRole",
                **({"Condition": {"ArnLike": {"aws:SourceArn": self.source}}} if self.source else {}),
            }
            trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            return {"Role": {"Arn": arn, "RoleName": "r", "AssumeRolePolicyDocument": trust}}

        return Service("iam", [Operation(name="GetRole", rights=(), honoured=("RoleName",), read=role)])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Harness(tmp_path) as harness:
        yield World(harness).serve()
