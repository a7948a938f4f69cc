"""What a delivery calls: a table from the kind of its target to the calls that make it.

A target is a function, a state machine, a log group, a Run Command document, a queue or a topic. What a call
answers when the target has the event already counts as success: deliveries are made at least once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from stepwell import arn
from stepwell.errors import AwsError

Body = Mapping[str, Any]
#: service and operation (botocore's names), parameters
Request = tuple[str, str, dict[str, Any]]


def _invoke(target: arn.Arn, body: Body) -> list[Request]:
    _, name, *qualifier = target.resource.split(":")
    params = {
        "FunctionName": arn.build("lambda", target.region, target.account, f"function:{name}"),
        "InvocationType": "Event",
        "Payload": json.dumps(body["payload"]).encode(),
    }
    return [("lambda", "Invoke", params | ({"Qualifier": qualifier[0]} if qualifier else {}))]


def _start(target: arn.Arn, body: Body) -> list[Request]:
    params = {
        "stateMachineArn": str(target),
        "name": body["id"],
        "input": json.dumps(body["payload"]),
    }
    return [("stepfunctions", "StartExecution", params)]


def _log(target: arn.Arn, body: Body) -> list[Request]:
    """A stream of its own for each event, as AWS does."""
    group = target.resource.removeprefix("log-group:").removesuffix(":*")
    place = {"logGroupName": group, "logStreamName": body["id"]}
    payload = body["payload"]
    message = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    events = [{"timestamp": round(body["began"] * 1000), "message": message}]
    return [("logs", "CreateLogStream", place), ("logs", "PutLogEvents", {**place, "logEvents": events})]


def _command(target: arn.Arn, body: Body) -> list[Request]:
    """The input is the document's parameters: each a list of texts."""
    payload = body["payload"]
    if not isinstance(payload, dict):
        raise AwsError("the input for Run Command is no JSON object of parameters", code="InvalidParameters")
    parameters = {
        name: [str(each) for each in value] if isinstance(value, list) else [str(value)]
        for name, value in payload.items()
    }
    params = {
        "DocumentName": target.resource.removeprefix("document/"),
        "Targets": body["run_command"],
        "Parameters": parameters,
    }
    return [("ssm", "SendCommand", params)]


def _send(target: arn.Arn, body: Body) -> list[Request]:
    params: dict[str, Any] = {
        "QueueUrl": f"https://sqs.{target.region}.amazonaws.com/{target.account}/{target.resource}",
        "MessageBody": _text(body),
    }
    if body.get("message_group"):
        params["MessageGroupId"] = body["message_group"]
    if target.resource.endswith(".fifo"):
        params["MessageDeduplicationId"] = body.get("deduplication") or body["id"]
    if body.get("attributes"):
        params["MessageAttributes"] = {name: _attribute(each) for name, each in body["attributes"].items()}
    return [("sqs", "SendMessage", params)]


def _publish(target: arn.Arn, body: Body) -> list[Request]:
    params = {"TopicArn": str(target), "Message": _text(body)}
    return [("sns", "Publish", params | ({"Subject": body["subject"]} if body.get("subject") else {}))]


def _text(body: Body) -> str:
    payload = body["payload"]
    return payload if body.get("plain") else json.dumps(payload)


def _attribute(value: str | Mapping[str, str]) -> dict[str, Any]:
    """A message's attribute, from its text alone or from its type with text or bytes."""
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    if "text" in value:
        return {"DataType": value["type"], "StringValue": value["text"]}
    return {"DataType": value["type"], "BinaryValue": base64.b64decode(value["data"])}


#: the target's service, as ARNs name it → its resources begin with, the calls, the operation that they need
TARGETS: Mapping[str, tuple[str, Callable[[arn.Arn, Body], list[Request]], tuple[str, str]]] = {
    "lambda": ("function:", _invoke, ("lambda", "Invoke")),
    "logs": ("log-group:", _log, ("logs", "PutLogEvents")),
    "sns": ("", _publish, ("sns", "Publish")),
    "sqs": ("", _send, ("sqs", "SendMessage")),
    "ssm": ("document/", _command, ("ssm", "SendCommand")),
    "states": ("stateMachine:", _start, ("stepfunctions", "StartExecution")),
}
#: codes that say that an earlier try arrived
ARRIVED = frozenset({"ExecutionAlreadyExists", "ResourceAlreadyExistsException"})


def requests(body: Body) -> list[Request]:
    """The calls of a delivery, in order. Raises AwsError for a target of an unknown kind."""
    target = arn.parse(body["target"])
    if target is None or needed(body["target"]) is None:
        raise AwsError(f"{body['target']} cannot get deliveries", code="InvalidTarget")
    return TARGETS[target.service][1](target, body)


def needed(target: str) -> tuple[str, str] | None:
    """The service and operation that deliver to `target`; None for a kind that gets no deliveries."""
    parsed = arn.parse(target)
    found = TARGETS.get(parsed.service) if parsed is not None else None
    if parsed is None or found is None or not parsed.resource.startswith(found[0]):
        return None
    return found[2]
