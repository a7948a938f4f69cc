"""A topic's policy: who else may use it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.identity import policy
from stepwell.services.sns import attributes, names
from stepwell.services.sns.errors import NotFound, invalid
from stepwell.services.sns.records import Topic, by_arn, find

#: what a permission may be about (SNS developer guide, "Amazon SNS API permissions")
_ACTIONS = frozenset(
    {
        *("AddPermission", "DeleteTopic", "GetDataProtectionPolicy", "GetTopicAttributes"),
        *("ListSubscriptionsByTopic", "ListTagsForResource", "Publish", "PutDataProtectionPolicy"),
        *("RemovePermission", "SetTopicAttributes", "Subscribe"),
    }
)


def add(call: Call, draft: Draft) -> None:
    """AddPermission: one statement more."""
    params = call.params
    topic = find(draft, params["TopicArn"])
    arn = names.topic_arn(draft, topic.name)
    label, actions = params["Label"], params["ActionName"]
    if not set(actions) <= _ACTIONS:
        raise invalid("Policy statement action out of service scope!")
    document = _document(topic, draft)
    if any(each.get("Sid") == label for each in document["Statement"]):
        raise invalid("Statement already exists")
    principals = [f"arn:aws:iam::{account}:root" for account in params["AWSAccountId"]]
    document["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": principals if len(principals) > 1 else principals[0]},
            "Action": [f"SNS:{each}" for each in actions],
            "Resource": arn,
        }
    )
    _keep(draft, topic, document)


def remove(call: Call, draft: Draft) -> None:
    """RemovePermission: one statement less."""
    topic = find(draft, call.params["TopicArn"])
    document = _document(topic, draft)
    left = [each for each in document["Statement"] if each.get("Sid") != call.params["Label"]]
    if len(left) == len(document["Statement"]):
        raise NotFound("There is no permission with that label")
    _keep(draft, topic, {**document, "Statement": left})


def policy_of(view: View, arn: str) -> policy.Policy | None:
    """The policy of the topic with that ARN, compiled; None where there is no such topic."""
    topic = by_arn(view, arn)
    return None if topic is None else _compiled(attributes.policy_text(topic, arn, view.account), arn)


@lru_cache(maxsize=1024)
def _compiled(text: str, name: str) -> policy.Policy:
    return policy.parse(text, kind="resource", name=name)


def _document(topic: Topic, view: View) -> dict[str, Any]:
    arn = names.topic_arn(view, topic.name)
    found: dict[str, Any] = json.loads(attributes.policy_text(topic, arn, view.account))
    listed = found["Statement"]
    return {**found, "Statement": list(listed) if isinstance(listed, list) else [listed]}


def _keep(draft: Draft, topic: Topic, document: dict[str, Any]) -> None:
    kept = {**topic.attributes}
    if document["Statement"]:
        kept["Policy"] = json.dumps(document, separators=(",", ":"))
        attributes.check_policy(kept["Policy"], names.topic_arn(draft, topic.name))
    else:
        kept.pop("Policy", None)
    draft.put(replace(topic, attributes=kept))


OPERATIONS = (
    Operation(
        name="AddPermission",
        rights=(names.topic_right("AddPermission"),),
        honoured=words("TopicArn Label AWSAccountId ActionName"),
        decide=add,
    ),
    Operation(
        name="RemovePermission",
        rights=(names.topic_right("RemovePermission"),),
        honoured=words("TopicArn Label"),
        decide=remove,
    ),
)
