"""What each protocol's endpoints get: a message's delivery to one subscription (`triggers.deliveries`).

Nobody but AWS can sign as AWS does: the members for signatures are there, and what they say is that these
messages are not AWS's, so that whoever verifies them refuses them.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from stepwell.clock import iso
from stepwell.durable import View
from stepwell.services.sns import attributes, names
from stepwell.services.sns.messages import Attribute, Message
from stepwell.services.sns.records import Subscription, Topic

#: tries and seconds after which SQS and Lambda are given up (SNS developer guide, "Message delivery retries")
_ATTEMPTS = 100_015
_AGE = 23 * 86_400
_AGENT = "Amazon Simple Notification Service Agent"
_UNSIGNED = base64.b64encode(b"not signed by AWS").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message on its way from its topic."""

    message: Message
    topic: Topic
    #: names the message
    id: str
    #: seconds since the epoch
    at: float
    #: of FIFO topics
    sequence: str | None = None


def notification(sent: Sent, subscription: Subscription, view: View, endpoint: str) -> dict[str, Any]:
    """The delivery of a message; `endpoint` is the server's own address."""
    text = sent.message.text(subscription.protocol)
    envelope = _envelope(sent, text, subscription, view, endpoint)
    common = _common(sent.topic, subscription, view)
    if sent.topic.fifo:
        common["lane"] = f"{subscription.arn(view)}#{sent.message.group}"
    if subscription.protocol == "lambda":
        return {
            **common,
            "payload": {"Records": [_record(envelope, subscription, view)]},
            **_limits(),
            **_dead_letter(sent, subscription, {"payload": _printed(envelope)}),
        }
    shown: dict[str, Any] = {"payload": text if subscription.raw else _printed(envelope), "plain": True}
    if subscription.protocol == "sqs":
        if subscription.raw:
            shown["attributes"] = {name: _transport(each) for name, each in sent.message.attributes.items()}
        shown |= {"message_group": sent.message.group, "deduplication": sent.message.deduplication}
        return {**common, **shown, **_limits(), **_dead_letter(sent, subscription, shown)}
    return {
        **common,
        **shown,
        **_http(sent.topic, subscription, view, "Notification", sent.id),
        **_dead_letter(sent, subscription, shown),
    }


def confirmation(
    topic: Topic, subscription: Subscription, view: View, endpoint: str, message_id: str, now: float
) -> dict[str, Any]:
    """The delivery that asks an HTTP endpoint whether it wants a topic's messages."""
    arn = names.topic_arn(view, topic.name)
    asked = {"Action": "ConfirmSubscription", "TopicArn": arn, "Token": subscription.token}
    envelope = {
        "Type": "SubscriptionConfirmation",
        "MessageId": message_id,
        "Token": subscription.token,
        "TopicArn": arn,
        "Message": (
            f"You have chosen to subscribe to the topic {arn}.\nTo confirm the subscription, visit the "
            "SubscribeURL included in this message."
        ),
        "SubscribeURL": f"{endpoint}/?{urlencode(asked)}",
        "Timestamp": iso(now),
        **_signature(topic, view, "URL"),
    }
    return {
        **_common(topic, subscription, view),
        "payload": _printed(envelope),
        "plain": True,
        **_http(topic, subscription, view, "SubscriptionConfirmation", message_id),
    }


def _common(topic: Topic, subscription: Subscription, view: View) -> dict[str, Any]:
    return {
        "target": subscription.endpoint,
        "source_arn": names.topic_arn(view, topic.name),
        "principal": names.PRINCIPAL,
    }


def _limits() -> dict[str, Any]:
    return {"attempts": _ATTEMPTS, "age": _AGE}


def _envelope(sent: Sent, text: str, subscription: Subscription, view: View, endpoint: str) -> dict[str, Any]:
    """As SQS and HTTP endpoints get it."""
    leaving = {"Action": "Unsubscribe", "SubscriptionArn": subscription.arn(view)}
    found: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": sent.id,
        "SequenceNumber": sent.sequence,
        "TopicArn": names.topic_arn(view, sent.topic.name),
        "Subject": sent.message.subject,
        "Message": text,
        "Timestamp": iso(sent.at),
        **({} if sent.topic.fifo else _signature(sent.topic, view, "URL")),
        "UnsubscribeURL": f"{endpoint}/?{urlencode(leaving, safe=':')}",
        "MessageAttributes": {name: _shown(each) for name, each in sent.message.attributes.items()} or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _record(envelope: dict[str, Any], subscription: Subscription, view: View) -> dict[str, Any]:
    """As functions get it: `SigningCertUrl`, `UnsubscribeUrl`, and members without a value."""
    renamed = {f"{name[:-3]}Url" if name.endswith("URL") else name: each for name, each in envelope.items()}
    return {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn(view),
        "Sns": {"Subject": None, "MessageAttributes": {}, **renamed},
    }


def _signature(topic: Topic, view: View, spelling: str) -> dict[str, str]:
    return {
        "SignatureVersion": topic.attributes.get("SignatureVersion", "1"),
        "Signature": _UNSIGNED,
        f"SigningCert{spelling}": f"https://sns.{view.region}.amazonaws.com/not-signed-by-aws.pem",
    }


def _printed(envelope: dict[str, Any]) -> str:
    return json.dumps(envelope, indent=2, separators=(",", " : "), ensure_ascii=False)


def _shown(each: Attribute) -> dict[str, str]:
    value = each.text if each.text is not None else base64.b64encode(each.data or b"").decode()
    return {"Type": each.type, "Value": value}


def _transport(each: Attribute) -> dict[str, str]:
    """As deliveries carry it to a queue."""
    if each.text is not None:
        return {"type": each.type, "text": each.text}
    return {"type": each.type, "data": base64.b64encode(each.data or b"").decode()}


def _http(topic: Topic, subscription: Subscription, view: View, kind: str, message_id: str) -> dict[str, Any]:
    """An HTTP request's headers, and how often it is tried."""
    effective = attributes.delivery_policy(topic.attributes.get("DeliveryPolicy"))["http"]
    retries = effective["defaultHealthyRetryPolicy"]
    own = subscription.attributes.get("DeliveryPolicy")
    if own is not None and not effective["disableSubscriptionOverrides"]:
        retries = {**retries, **(json.loads(own).get("healthyRetryPolicy") or {})}
    headers = {
        "Content-Type": effective["defaultRequestPolicy"]["headerContentType"],
        "User-Agent": _AGENT,
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": message_id,
        "x-amz-sns-topic-arn": names.topic_arn(view, topic.name),
    }
    if kind == "Notification":
        headers["x-amz-sns-subscription-arn"] = subscription.arn(view)
        if subscription.raw:
            headers["x-amz-sns-rawdelivery"] = "true"
    return {"headers": headers, "attempts": int(retries["numRetries"]) + 1}


def _dead_letter(sent: Sent, subscription: Subscription, shown: dict[str, Any]) -> dict[str, Any]:
    """Where it goes when it is given up: as the endpoint would have got it, or a function's envelope."""
    text = subscription.attributes.get("RedrivePolicy")
    if text is None:
        return {}
    letter = {
        "plain": True,
        "message_group": sent.message.group,
        "deduplication": sent.message.deduplication,
        "attributes": shown.get("attributes"),
    }
    queue = json.loads(text)["deadLetterTargetArn"]
    return {"dead_letter": {"queue": queue, "event": shown["payload"], "letter": letter}}
