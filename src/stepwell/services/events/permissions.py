"""A bus's policy: who else may put events on it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import ValidationException
from stepwell.identity import policy
from stepwell.services.events import names
from stepwell.services.events.errors import PolicyLengthExceededException, ResourceNotFoundException
from stepwell.services.events.records import Bus, find_bus

#: bytes of a policy (EventBridge quotas)
POLICY_LIMIT = 10_240


def document(statements: list[dict[str, Any]]) -> str:
    """The policy's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def put_permission(call: Call, draft: Draft) -> None:
    """PutPermission: one statement, or with `Policy` all of them."""
    params = call.params
    bus = find_bus(draft, names.bus_name(params))
    arn = names.bus_arn(draft.region, draft.account, bus.name)
    if "Policy" in params:
        statements = _statements(params["Policy"])
    else:
        missing = [each for each in ("Action", "Principal", "StatementId") if each not in params]
        if missing:
            raise ValidationException(f"Parameter {missing[0]} must be specified.")
        statement = _statement(params, arn)
        statements = [each for each in bus.statements if each.get("Sid") != statement["Sid"]] + [statement]
    text = document(statements)
    if len(text) > POLICY_LIMIT:
        raise PolicyLengthExceededException(f"The policy is longer than {POLICY_LIMIT} characters.")
    try:
        policy.parse(text, kind="resource", name=arn)
    except policy.MalformedPolicyDocument as error:
        raise ValidationException(f"Parameter Policy is not valid. Reason: {error.message}") from error
    draft.put(replace(bus, statements=statements, updated=draft.now))


def remove_permission(call: Call, draft: Draft) -> None:
    """RemovePermission: one statement, or all."""
    params = call.params
    bus = find_bus(draft, names.bus_name(params))
    if params.get("RemoveAllPermissions"):
        draft.put(replace(bus, statements=[], updated=draft.now))
        return
    if "StatementId" not in params:
        raise ValidationException("Parameter StatementId is required.")
    if not bus.statements:
        raise ResourceNotFoundException("EventBus does not have a policy.")
    left = [each for each in bus.statements if each.get("Sid") != params["StatementId"]]
    if len(left) == len(bus.statements):
        raise ResourceNotFoundException("Statement with the provided id does not exist.")
    draft.put(replace(bus, statements=left, updated=draft.now))


def policy_of(view: View, arn: str) -> policy.Policy | None:
    """The policy of the bus with that ARN, compiled; None where there is none."""
    bus = view.get(Bus, names.bus_name({"EventBusName": arn}))
    return _compiled(document(bus.statements), arn) if bus is not None and bus.statements else None


@lru_cache(maxsize=256)
def _compiled(text: str, name: str) -> policy.Policy:
    return policy.parse(text, kind="resource", name=name)


def _statements(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)["Statement"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValidationException("Parameter Policy is not valid. Reason: it has no statements.") from None
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in listed):
        raise ValidationException("Parameter Policy is not valid. Reason: a statement is no object.")
    return listed


def _statement(params: Any, arn: str) -> dict[str, Any]:
    account = params["Principal"]
    statement: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if account == "*" else {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": params["Action"],
        "Resource": arn,
    }
    if (condition := params.get("Condition")) is not None:
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return statement


OPERATIONS = (
    Operation(
        name="PutPermission",
        rights=(names.bus_right("PutPermission"),),
        honoured=words("EventBusName Action Principal StatementId Condition Policy"),
        decide=put_permission,
    ),
    Operation(
        name="RemovePermission",
        rights=(names.bus_right("RemovePermission"),),
        honoured=words("EventBusName StatementId RemoveAllPermissions"),
        decide=remove_permission,
    ),
)
