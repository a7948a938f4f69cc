"""Resource policies: who else may invoke a function."""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec.structs import replace

from stepwell import arn
from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.identity import policy
from stepwell.services.lambda_ import names
from stepwell.services.lambda_.errors import (
    InvalidParameterValueException,
    PolicyLengthExceededException,
    PreconditionFailedException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from stepwell.services.lambda_.functions import put
from stepwell.services.lambda_.names import LATEST, Named, rights
from stepwell.services.lambda_.records import Function, configuration, find

#: bytes of a policy (Lambda quotas)
POLICY_LIMIT = 20_480
#: parameter → (operator, condition key), as AWS prints them
_CONDITIONS = {
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
}


def document(statements: list[dict[str, Any]]) -> str:
    """The policy's text."""
    return json.dumps(
        {"Version": "2012-10-17", "Id": "default", "Statement": statements}, separators=(",", ":")
    )


def _principal(text: str) -> Any:
    """The statement's Principal. Raises InvalidParameterValueException."""
    if text == "*":
        return "*"
    if re.fullmatch(r"\d{12}", text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if arn.parse(text) is not None:
        return {"AWS": text}
    if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", text):
        return {"Service": text}
    raise InvalidParameterValueException(
        "The provided principal was invalid. Please check the principal and try again."
    )


def _named(call: Call, view: View) -> tuple[Function, Named, str]:
    """The function, what was named, and the key of its policy."""
    named = names.of(call.params, view)
    function = find(view, named)
    configuration(view, function, named)
    return function, named, "" if named.qualifier == LATEST else named.qualifier or ""


def _check_revision(call: Call, function: Function, place: str) -> None:
    wanted = call.params.get("RevisionId")
    if wanted is not None and wanted != function.policy_revisions.get(place):
        raise PreconditionFailedException(
            "The RevisionId provided does not match the latest RevisionId. "
            "Call the GetPolicy API to retrieve the latest RevisionId"
        )


def _store(draft: Draft, function: Function, place: str, statements: list[dict[str, Any]]) -> None:
    policies = {**function.policies, place: statements}
    revisions = {**function.policy_revisions, place: draft.uuid()}
    if not statements:
        del policies[place], revisions[place]
    put(draft, replace(function, policies=policies, policy_revisions=revisions))


def add_permission(call: Call, draft: Draft) -> dict[str, Any]:
    params = call.params
    function, named, place = _named(call, draft)
    if named.qualifier == LATEST:
        raise InvalidParameterValueException("We currently do not support adding policies for $LATEST.")
    _check_revision(call, function, place)
    sid = params["StatementId"]
    statements = function.policies.get(place, [])
    if any(statement["Sid"] == sid for statement in statements):
        raise ResourceConflictException(
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
            "or remove the existing statement."
        )
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": _principal(params["Principal"]),
        "Action": params["Action"],
        "Resource": named.arn(draft),
    }
    conditions: dict[str, dict[str, str]] = {}
    for name, (operator, key) in _CONDITIONS.items():
        if params.get(name) is not None:
            conditions.setdefault(operator, {})[key] = params[name]
    if conditions:
        statement["Condition"] = conditions
    statements = [*statements, statement]
    if len(document(statements)) > POLICY_LIMIT:
        raise PolicyLengthExceededException(
            f"The final policy size ({len(document(statements))}) is bigger than the limit ({POLICY_LIMIT})."
        )
    try:
        policy.parse(document(statements), kind="resource", name=named.arn(draft))
    except policy.MalformedPolicyDocument as error:
        raise InvalidParameterValueException(error.message) from error
    _store(draft, function, place, statements)
    return {"Statement": json.dumps(statement, separators=(",", ":"))}


def remove_permission(call: Call, draft: Draft) -> None:
    function, _, place = _named(call, draft)
    sid = call.params["StatementId"]
    if place not in function.policies:
        raise ResourceNotFoundException("No policy is associated with the given resource.")
    _check_revision(call, function, place)
    left = [statement for statement in function.policies[place] if statement["Sid"] != sid]
    if len(left) == len(function.policies[place]):
        raise ResourceNotFoundException(f"Statement {sid} is not found in resource policy.")
    _store(draft, function, place, left)


def get_policy(call: Call, view: View) -> dict[str, Any]:
    function, _, place = _named(call, view)
    if place not in function.policies:
        raise ResourceNotFoundException("The resource you requested does not exist.")
    return {
        "Policy": document(function.policies[place]),
        "RevisionId": function.policy_revisions[place],
    }


def policy_of(view: View, function_arn: str) -> policy.Policy | None:
    """The resource policy of a function, or of a version, compiled; None where there is none."""
    parsed = arn.parse(function_arn)
    if parsed is None or parsed.service != "lambda" or not parsed.resource.startswith("function:"):
        return None
    _, name, *qualifier = parsed.resource.split(":")
    function = view.get(Function, name)
    place = "" if not qualifier or qualifier[0] == LATEST else qualifier[0]
    if function is None or place not in function.policies:
        return None
    revision = function.policy_revisions[place]
    known = _COMPILED.get(revision)
    if known is None:
        known = policy.parse(document(function.policies[place]), kind="resource", name=function_arn)
        if len(_COMPILED) >= COMPILED_LIMIT:
            _COMPILED.clear()
        _COMPILED[revision] = known
    return known


#: compiled policies by their revisions, which no two have in common
_COMPILED: dict[str, policy.Policy] = {}
COMPILED_LIMIT = 1024


OPERATIONS = (
    Operation(
        name="AddPermission",
        rights=rights("AddPermission", lambda_Principal="Principal"),
        honoured=words(
            "FunctionName StatementId Action Principal SourceArn SourceAccount PrincipalOrgID "
            "EventSourceToken FunctionUrlAuthType Qualifier RevisionId"
        ),
        decide=add_permission,
    ),
    Operation(
        name="RemovePermission",
        rights=rights("RemovePermission"),
        honoured=words("FunctionName StatementId Qualifier RevisionId"),
        decide=remove_permission,
    ),
    Operation(
        name="GetPolicy",
        rights=rights("GetPolicy"),
        honoured=words("FunctionName Qualifier"),
        read=get_policy,
    ),
)
