"""Subscriptions: made, confirmed, shown, changed, listed, ended."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.sns import filters, letters, names, subscribers
from stepwell.services.sns.attributes import delivery_policy, laid_over
from stepwell.services.sns.errors import SubscriptionLimitExceeded, invalid
from stepwell.services.sns.parts import Parts
from stepwell.services.sns.records import Subscription, Topic, find, find_subscription, subscriptions
from stepwell.triggers import deliveries

#: subscriptions of one FIFO topic (SNS quotas), and of a standard one here: one decision reaches them all
_MOST_FIFO = 100
_MOST = 10_000
#: seconds for which a subscription can be confirmed
_PATIENCE = 2 * 86_400.0
_PENDING = "PendingConfirmation"


def subscribe(parts: Parts, call: Call, draft: Draft) -> dict[str, Any]:
    """Subscribe; for an endpoint that is subscribed already with these attributes, its subscription."""
    params = call.params
    topic = find(draft, params["TopicArn"])
    protocol, endpoint = params["Protocol"], params.get("Endpoint") or ""
    subscribers.check(topic, protocol, endpoint)
    wanted = laid_over({}, subscribers.attributes(topic, params.get("Attributes") or {}))
    filters.check(wanted)
    found = None
    for number, each in enumerate(subscriptions(draft, topic.name), 1):
        if (each.protocol, each.endpoint) == (protocol, endpoint):
            found = each
            break
        if number >= (_MOST_FIFO if topic.fifo else _MOST):
            raise SubscriptionLimitExceeded("The topic has as many subscriptions as it may have.")
    if found is None:
        found = _new(call, draft, topic, wanted)
    elif any(found.attributes.get(name) != text for name, text in wanted.items()):
        raise invalid("Attributes Reason: Subscription already exists with different attributes")
    if found.pending:
        asked = letters.confirmation(topic, found, draft, parts.endpoint, draft.uuid(), draft.now)
        deliveries.begin(draft, asked)
        if not params.get("ReturnSubscriptionArn"):
            return {"SubscriptionArn": "pending confirmation"}
    return {"SubscriptionArn": found.arn(draft)}


def _new(call: Call, draft: Draft, topic: Topic, wanted: dict[str, str]) -> Subscription:
    protocol = call.params["Protocol"]
    owned = protocol in ("lambda", "sqs")
    subscription = Subscription(
        topic=topic.name,
        id=draft.uuid(),
        protocol=protocol,
        endpoint=call.params["Endpoint"],
        principal=call.caller.arn,
        created=draft.now,
        token="" if owned else draft.unique() + draft.unique(),
        authenticated=owned,
        attributes=wanted,
    )
    draft.put(subscription)
    return subscription


def confirm(call: Call, draft: Draft) -> dict[str, Any]:
    """ConfirmSubscription, by the token that the endpoint got."""
    params = call.params
    topic = find(draft, params["TopicArn"])
    token = params["Token"]
    found = next((each for each in subscriptions(draft, topic.name) if token and each.token == token), None)
    if found is None or draft.now - found.created > _PATIENCE:
        raise invalid("Token")
    signed = params.get("AuthenticateOnUnsubscribe") == "true"
    draft.put(replace(found, token="", authenticated=signed))
    return {"SubscriptionArn": found.arn(draft)}


def unsubscribe(call: Call, draft: Draft) -> None:
    """Unsubscribe; messages under way still arrive."""
    names_ = names.parsed(call.params["SubscriptionArn"], draft, "SubscriptionArn")
    if len(names_) != 2:
        raise invalid(f"SubscriptionArn Reason: An ARN must have at least 7 elements, not {len(names_) + 5}")
    found = draft.get(Subscription, "/".join(names_))
    if found is not None:
        draft.delete(Subscription, found.key)


def get(call: Call, view: View) -> dict[str, Any]:
    """GetSubscriptionAttributes."""
    found = find_subscription(view, call.params["SubscriptionArn"])
    shown = {"RawMessageDelivery": "false", **found.attributes}
    if "FilterPolicy" in shown:
        shown.setdefault("FilterPolicyScope", filters.ATTRIBUTES)
    else:
        shown.pop("FilterPolicyScope", None)
    if found.protocol in ("http", "https"):
        topic = view.get(Topic, found.topic)
        effective = delivery_policy(topic.attributes.get("DeliveryPolicy") if topic is not None else None)
        own = json.loads(found.attributes.get("DeliveryPolicy", "{}"))
        healthy = effective["http"]["defaultHealthyRetryPolicy"] | (own.get("healthyRetryPolicy") or {})
        shown["EffectiveDeliveryPolicy"] = json.dumps({"healthyRetryPolicy": healthy}, separators=(",", ":"))
    return {
        "Attributes": {
            **shown,
            "ConfirmationWasAuthenticated": "true" if found.authenticated else "false",
            "Endpoint": found.endpoint,
            "Owner": view.account,
            "PendingConfirmation": "true" if found.pending else "false",
            "Protocol": found.protocol,
            "SubscriptionArn": found.arn(view),
            "SubscriptionPrincipal": found.principal,
            "TopicArn": names.topic_arn(view, found.topic),
        }
    }


def set_(call: Call, draft: Draft) -> None:
    """SetSubscriptionAttributes: one; without a value it is taken away."""
    params = call.params
    found = find_subscription(draft, params["SubscriptionArn"])
    topic = find(draft, names.topic_arn(draft, found.topic))
    wanted = {params["AttributeName"]: params.get("AttributeValue") or ""}
    attributes = laid_over(found.attributes, subscribers.attributes(topic, wanted))
    filters.check(attributes)
    draft.put(replace(found, attributes=attributes))


def list_all(call: Call, view: View) -> dict[str, Any]:
    """ListSubscriptions, by topic."""
    return _page(call, view, view.scan(Subscription, after=names.PAGES.start(call.params)))


def list_of_topic(call: Call, view: View) -> dict[str, Any]:
    """ListSubscriptionsByTopic."""
    topic = find(view, call.params["TopicArn"])
    return _page(call, view, subscriptions(view, topic.name, names.PAGES.start(call.params)))


def _page(call: Call, view: View, found: Iterable[Subscription]) -> dict[str, Any]:
    return names.PAGES.page(
        call.params,
        "Subscriptions",
        found,
        lambda each: each.key,
        lambda each: {
            "SubscriptionArn": _PENDING if each.pending else each.arn(view),
            "Owner": view.account,
            "Protocol": each.protocol,
            "Endpoint": each.endpoint,
            "TopicArn": names.topic_arn(view, each.topic),
        },
    )


def operations(parts: Parts) -> tuple[Operation, ...]:
    """The operations of this noun."""
    return (
        Operation(
            name="Subscribe",
            rights=(
                names.topic_right("Subscribe", **{"sns:Endpoint": "Endpoint", "sns:Protocol": "Protocol"}),
            ),
            honoured=words("TopicArn Protocol Endpoint Attributes ReturnSubscriptionArn"),
            decide=partial(subscribe, parts),
        ),
        Operation(
            name="ConfirmSubscription",
            rights=(names.topic_right("ConfirmSubscription"),),
            honoured=words("TopicArn Token AuthenticateOnUnsubscribe"),
            decide=confirm,
        ),
        Operation(
            name="Unsubscribe",
            rights=(Right(action="sns:Unsubscribe"),),
            honoured=("SubscriptionArn",),
            decide=unsubscribe,
        ),
        Operation(
            name="GetSubscriptionAttributes",
            rights=(Right(action="sns:GetSubscriptionAttributes"),),
            honoured=("SubscriptionArn",),
            read=get,
        ),
        Operation(
            name="SetSubscriptionAttributes",
            rights=(Right(action="sns:SetSubscriptionAttributes"),),
            honoured=words("SubscriptionArn AttributeName AttributeValue"),
            decide=set_,
        ),
        Operation(
            name="ListSubscriptions",
            rights=(Right(action="sns:ListSubscriptions"),),
            honoured=("NextToken",),
            read=list_all,
        ),
        Operation(
            name="ListSubscriptionsByTopic",
            rights=(names.topic_right("ListSubscriptionsByTopic"),),
            honoured=words("TopicArn NextToken"),
            read=list_of_topic,
        ),
    )
