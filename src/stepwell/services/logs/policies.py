"""Resource policies: which AWS services may write to the account's log groups, EventBridge before all."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, ClassVar

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.identity import policy
from stepwell.services.logs import paging
from stepwell.services.logs.errors import (
    InvalidParameterException,
    LimitExceededException,
    ResourceNotFoundException,
)

#: policies of an account (CloudWatch Logs quotas)
LIMIT = 10


class ResourcePolicy(Record, frozen=True, kw_only=True):
    """A policy of the account's log groups."""

    SERVICE: ClassVar[str] = "logs"
    KIND: ClassVar[str] = "resource-policy"

    name: str
    #: JSON text
    document: str
    #: seconds since the epoch
    updated: float

    @property
    def key(self) -> str:
        return self.name

    @property
    def shown(self) -> dict[str, Any]:
        return {
            "policyName": self.name,
            "policyDocument": self.document,
            "lastUpdatedTime": round(self.updated * 1000),
        }


def put(call: Call, draft: Draft) -> dict[str, Any]:
    """PutResourcePolicy: takes the place of one of that name."""
    params = call.params
    missing = [each for each in ("policyName", "policyDocument") if not params.get(each)]
    if missing:
        raise InvalidParameterException(f"{missing[0]} must be specified.")
    name = params["policyName"]
    try:
        _compiled((params["policyDocument"],))
    except policy.MalformedPolicyDocument as error:
        raise InvalidParameterException(f"Invalid policyDocument: {error.message}") from error
    count = sum(each.name != name for each in draft.scan(ResourcePolicy))
    if count >= LIMIT:
        raise LimitExceededException("Resource limit exceeded.")
    kept = ResourcePolicy(name=name, document=params["policyDocument"], updated=draft.now)
    draft.put(kept)
    return {"resourcePolicy": kept.shown}


def delete(call: Call, draft: Draft) -> None:
    """DeleteResourcePolicy."""
    name = call.params.get("policyName")
    if not name or draft.get(ResourcePolicy, name) is None:
        raise ResourceNotFoundException(f"Policy with name [{name}] does not exist")
    draft.delete(ResourcePolicy, name)


def describe(call: Call, view: View) -> dict[str, Any]:
    """DescribeResourcePolicies, by name."""
    found = view.scan(ResourcePolicy, after=paging.start(call.params))
    return paging.page(call.params, "resourcePolicies", found, lambda each: each.key, lambda each: each.shown)


def policy_of(view: View) -> policy.Policy | None:
    """All resource policies of the account as one, compiled; None where there is none."""
    documents = tuple(each.document for each in view.scan(ResourcePolicy))
    return _compiled(documents) if documents else None


@lru_cache(maxsize=64)
def _compiled(documents: tuple[str, ...]) -> policy.Policy:
    if len(documents) == 1:
        return policy.parse(documents[0], kind="resource", name="log resource policy")
    statements: list[Any] = []
    for document in documents:
        found = json.loads(document)["Statement"]
        statements += found if isinstance(found, list) else [found]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return policy.parse(text, kind="resource", name="log resource policies")


OPERATIONS = (
    Operation(
        name="PutResourcePolicy",
        rights=(Right(action="logs:PutResourcePolicy"),),
        honoured=words("policyName policyDocument"),
        decide=put,
    ),
    Operation(
        name="DeleteResourcePolicy",
        rights=(Right(action="logs:DeleteResourcePolicy"),),
        honoured=words("policyName"),
        decide=delete,
    ),
    Operation(
        name="DescribeResourcePolicies",
        rights=(Right(action="logs:DescribeResourcePolicies"),),
        honoured=words("nextToken limit"),
        read=describe,
    ),
)
