"""Topics' attributes: what they may be, what they default to, what they show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stepwell.durable import View
from stepwell.errors import UnsupportedParameter
from stepwell.identity import policy
from stepwell.services.sns import names
from stepwell.services.sns.errors import invalid
from stepwell.services.sns.records import Topic, subscriptions

#: those that only FIFO topics have, and what these have unless told
OF_FIFO: Mapping[str, str] = {
    "ContentBasedDeduplication": "false",
    "FifoThroughputScope": "Topic",
    "FifoTopic": "true",
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "ContentBasedDeduplication": ("true", "false"),
    "FifoThroughputScope": ("Topic", "MessageGroup"),
    "FifoTopic": ("true", "false"),
    "SignatureVersion": ("1", "2"),
    "TracingConfig": ("PassThrough", "Active"),
}
#: the protocols whose deliveries AWS can log
_LOGGED = ("Application", "Firehose", "HTTP", "Lambda", "SQS")
#: kept and shown, and without effect here
_KEPT = frozenset(
    {
        "KmsMasterKeyId",
        *(f"{each}SuccessFeedbackRoleArn" for each in _LOGGED),
        *(f"{each}SuccessFeedbackSampleRate" for each in _LOGGED),
        *(f"{each}FailureFeedbackRoleArn" for each in _LOGGED),
    }
)
_SETTABLE = frozenset({*_CHOICES, *_KEPT, "DeliveryPolicy", "DisplayName", "Policy"})
#: those of AWS's that have no counterpart here
_UNSUPPORTED = frozenset({"ArchivePolicy", "BeginningArchiveTime", "DataProtectionPolicy"})
_LONGEST_DISPLAY_NAME = 100
#: how often and how slowly HTTP endpoints are tried, unless told (SNS developer guide, "Message delivery
#: retries", "Applying a delivery policy")
RETRIES = 3
_HEALTHY = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": RETRIES,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
#: what whoever owns a topic may do with it
_OWNERS = (
    *("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic"),
    *("Subscribe", "ListSubscriptionsByTopic", "Publish"),
)


def check(view: View, topic: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """The attributes as they are kept. Raises InvalidParameter, UnsupportedParameter."""
    fifo = topic.endswith(names.FIFO)
    kept: dict[str, str] = {}
    for name, text in wanted.items():
        if name in _UNSUPPORTED:
            raise UnsupportedParameter(f"The topic attribute {name} is not supported by Stepwell")
        if name not in _SETTABLE or (name in OF_FIFO and not fifo and text != "false"):
            raise invalid("AttributeName" if name not in OF_FIFO else f"Attributes Reason: {name}")
        if name in _CHOICES and text not in _CHOICES[name]:
            raise invalid(f"Attributes Reason: {name}: Invalid value [{text}]")
        if name == "DisplayName" and len(text) > _LONGEST_DISPLAY_NAME:
            raise invalid("Attributes Reason: DisplayName: longer than 100 characters")
        if name == "DeliveryPolicy" and text:
            object_of(text, "DeliveryPolicy")
        if name == "Policy" and text:
            check_policy(text, names.topic_arn(view, topic))
        if fifo or name not in OF_FIFO:
            kept[name] = text
    return kept


def object_of(text: str, member: str) -> dict[str, Any]:
    """The JSON object that a text is. Raises InvalidParameter."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise invalid(f"{member}: failed to parse JSON.")
    return found


def check_policy(text: str, arn: str) -> policy.Policy:
    """The policy, compiled. Raises InvalidParameter."""
    try:
        return policy.parse(text, kind="resource", name=arn)
    except policy.MalformedPolicyDocument as error:
        raise invalid(f"Policy Error: {error.message}") from error


def laid_over(old: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """The attributes after some were set; an empty text takes one away."""
    return {name: text for name, text in {**old, **wanted}.items() if text != ""}


def policy_text(topic: Topic, arn: str, account: str) -> str:
    """The topic's policy, or the one that it is born with: its owner's services may use it."""
    found = topic.attributes.get("Policy")
    if found is not None:
        return found
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{each}" for each in _OWNERS],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    document = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return json.dumps(document, separators=(",", ":"))


def delivery_policy(text: str | None) -> dict[str, Any]:
    """The policy in effect for HTTP endpoints, as AWS completes it."""
    given = (json.loads(text) if text else {}).get("http", {})
    return {
        "http": {
            "defaultHealthyRetryPolicy": {**_HEALTHY, **(given.get("defaultHealthyRetryPolicy") or {})},
            "disableSubscriptionOverrides": bool(given.get("disableSubscriptionOverrides", False)),
            "defaultRequestPolicy": {
                "headerContentType": "text/plain; charset=UTF-8",
                **(given.get("defaultRequestPolicy") or {}),
            },
        }
    }


def shown(topic: Topic, view: View) -> dict[str, str]:
    """All attributes, as GetTopicAttributes answers them."""
    arn = names.topic_arn(view, topic.name)
    pending = [each.pending for each in subscriptions(view, topic.name)]
    effective = delivery_policy(topic.attributes.get("DeliveryPolicy"))
    return {
        "DisplayName": "",
        **(OF_FIFO if topic.fifo else {}),
        **topic.attributes,
        "EffectiveDeliveryPolicy": json.dumps(effective, separators=(",", ":")),
        "Owner": view.account,
        "Policy": policy_text(topic, arn, view.account),
        "SubscriptionsConfirmed": str(len(pending) - sum(pending)),
        "SubscriptionsDeleted": "0",
        "SubscriptionsPending": str(sum(pending)),
        "TopicArn": arn,
    }
