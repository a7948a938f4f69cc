"""What a subscription may be: its protocol, its endpoint, its attributes."""

from __future__ import annotations

from collections.abc import Mapping

from stepwell import arn
from stepwell.errors import UnsupportedParameter
from stepwell.services.sns import filters
from stepwell.services.sns.attributes import object_of
from stepwell.services.sns.errors import invalid
from stepwell.services.sns.names import FIFO
from stepwell.services.sns.records import Topic
from stepwell.triggers.posting import is_local

_UNSUPPORTED = ("application", "email", "email-json", "firehose", "sms")
_SETTABLE = frozenset(
    {"DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy"}
)
_NOT_HERE = frozenset({"ReplayPolicy", "ReplayStatus", "SubscriptionRoleArn"})
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "FilterPolicyScope": (filters.ATTRIBUTES, filters.BODY),
    "RawMessageDelivery": ("true", "false"),
}


def check(topic: Topic, protocol: str, endpoint: str) -> None:
    """Raise InvalidParameter for what is no endpoint, UnsupportedParameter for one that gets nothing here."""
    if protocol in _UNSUPPORTED:
        raise UnsupportedParameter(f"Subscribe: the protocol {protocol} is not supported by Stepwell")
    if protocol not in ("http", "https", "lambda", "sqs"):
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if not endpoint:
        raise invalid("Endpoint")
    if protocol in ("http", "https"):
        _check_url(protocol, endpoint)
    else:
        parsed = arn.parse(endpoint)
        if parsed is None or parsed.service != protocol:
            raise invalid(f"{'SQS' if protocol == 'sqs' else 'Lambda'} endpoint ARN")
        if protocol == "lambda" and not parsed.resource.startswith("function:"):
            raise invalid("Lambda endpoint ARN")
        if endpoint.endswith(FIFO) and not topic.fifo:
            raise invalid(
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS "
                "topics"
            )
    if topic.fifo and protocol != "sqs":
        raise invalid(
            f"Invalid parameter: Protocol Reason: {protocol} endpoints can not be subscribed to FIFO SNS "
            "topics"
        )


def _check_url(protocol: str, endpoint: str) -> None:
    if not endpoint.startswith(f"{protocol}://"):
        raise invalid("Endpoint must match the specified protocol")
    if not is_local(endpoint):
        raise UnsupportedParameter(
            f"Subscribe: the endpoint {endpoint} is not supported by Stepwell: messages go to this machine's "
            "own addresses only (localhost, 127.0.0.1, [::1])"
        )


def attributes(topic: Topic, wanted: Mapping[str, str]) -> dict[str, str]:
    """The attributes as they are kept. Raises InvalidParameter."""
    for name, text in wanted.items():
        if name in _NOT_HERE:
            raise UnsupportedParameter(f"The subscription attribute {name} is not supported by Stepwell")
        if name not in _SETTABLE:
            raise invalid("AttributeName")
        if name in _CHOICES and text not in _CHOICES[name]:
            raise invalid(f"{name}: Invalid value [{text}].")
        if name == "DeliveryPolicy" and text:
            object_of(text, name)
        if name == "RedrivePolicy" and text:
            _check_redrive(topic, text)
    return dict(wanted)


def _check_redrive(topic: Topic, text: str) -> None:
    target = object_of(text, "RedrivePolicy").get("deadLetterTargetArn")
    parsed = arn.parse(target) if isinstance(target, str) else None
    if parsed is None or parsed.service != "sqs":
        raise invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if topic.fifo != parsed.resource.endswith(FIFO):
        kind = "FIFO" if topic.fifo else "standard"
        raise invalid(f"RedrivePolicy: must use a {kind} queue as DLQ for a {kind} topic")
