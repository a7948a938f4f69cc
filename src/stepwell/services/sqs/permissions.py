"""A queue's policy: who else may use it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.identity import policy
from stepwell.services.sqs import names
from stepwell.services.sqs.errors import InvalidParameterValue, OverLimit
from stepwell.services.sqs.records import Queue, by_arn, find

#: what a permission may be about (API reference, AddPermission)
_ACTIONS = frozenset(
    {
        *("*", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"),
        *("ListDeadLetterSourceQueues", "PurgeQueue", "ReceiveMessage", "SendMessage"),
    }
)
#: actions of one permission
_MOST_ACTIONS = 7


def add(call: Call, draft: Draft) -> None:
    """AddPermission: one statement more."""
    params = call.params
    queue = find(draft, params["QueueUrl"])
    arn = names.queue_arn(draft, queue.name)
    label, actions = params["Label"], params["Actions"]
    unknown = sorted(set(actions) - _ACTIONS)
    if unknown:
        raise InvalidParameterValue(
            f"Value SQS:{unknown[0]} for parameter ActionName is invalid. Reason: Only the queue owner is "
            "allowed to invoke this action."
        )
    if len(actions) > _MOST_ACTIONS:
        raise OverLimit(f"{len(actions)} Actions were found, maximum allowed is {_MOST_ACTIONS}.")
    document = _document(queue, arn)
    if any(each.get("Sid") == label for each in document["Statement"]):
        raise InvalidParameterValue(f"Value {label} for parameter Label is invalid. Reason: Already exists.")
    principals = [f"arn:aws:iam::{account}:root" for account in params["AWSAccountIds"]]
    document["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": principals if len(principals) > 1 else principals[0]},
            "Action": [f"SQS:{each}" for each in actions],
            "Resource": arn,
        }
    )
    text = json.dumps(document, separators=(",", ":"))
    try:
        policy.parse(text, kind="resource", name=arn)
    except policy.MalformedPolicyDocument as error:
        raise InvalidParameterValue(error.message) from error
    _keep(draft, queue, text)


def remove(call: Call, draft: Draft) -> None:
    """RemovePermission: one statement less; without the last one the queue has no policy."""
    params = call.params
    queue = find(draft, params["QueueUrl"])
    document = _document(queue, names.queue_arn(draft, queue.name))
    left = [each for each in document["Statement"] if each.get("Sid") != params["Label"]]
    if len(left) == len(document["Statement"]):
        raise InvalidParameterValue(
            f"Value {params['Label']} for parameter Label is invalid. Reason: can't find label on existing "
            "policy."
        )
    text = json.dumps({**document, "Statement": left}, separators=(",", ":")) if left else None
    _keep(draft, queue, text)


def policy_of(view: View, arn: str) -> policy.Policy | None:
    """The policy of the queue with that ARN, compiled; None where there is none."""
    queue = by_arn(view, arn)
    text = queue.attributes.get("Policy") if queue is not None else None
    return None if text is None else _compiled(text, arn)


@lru_cache(maxsize=1024)
def _compiled(text: str, name: str) -> policy.Policy:
    return policy.parse(text, kind="resource", name=name)


def _document(queue: Queue, arn: str) -> dict[str, Any]:
    text = queue.attributes.get("Policy")
    if text is None:
        return {"Version": "2012-10-17", "Id": f"{arn}/SQSDefaultPolicy", "Statement": []}
    found: dict[str, Any] = json.loads(text)
    listed = found["Statement"]
    return {**found, "Statement": list(listed) if isinstance(listed, list) else [listed]}


def _keep(draft: Draft, queue: Queue, text: str | None) -> None:
    others = {name: value for name, value in queue.attributes.items() if name != "Policy"}
    kept = others if text is None else {**others, "Policy": text}
    draft.put(replace(queue, attributes=kept, modified=draft.now))


OPERATIONS = (
    Operation(
        name="AddPermission",
        rights=(names.right("AddPermission"),),
        honoured=words("QueueUrl Label AWSAccountIds Actions"),
        decide=add,
    ),
    Operation(
        name="RemovePermission",
        rights=(names.right("RemovePermission"),),
        honoured=words("QueueUrl Label"),
        decide=remove,
    ),
)
