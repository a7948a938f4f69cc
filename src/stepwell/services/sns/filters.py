"""Filter policies: which of a topic's messages a subscription wants.

The policies are EventBridge's patterns, over the message's attributes or over its body (SNS developer guide,
"Amazon SNS subscription filter policies").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from stepwell.services.sns.attributes import object_of
from stepwell.services.sns.errors import invalid
from stepwell.services.sns.messages import Message
from stepwell.services.sns.records import Subscription
from stepwell.triggers.patterns import InvalidPattern, Pattern, compile_pattern

BODY = "MessageBody"
ATTRIBUTES = "MessageAttributes"
#: fields of one policy (SNS developer guide, "Filter policy constraints")
_MOST_FIELDS = 5


def check(attributes: Mapping[str, str]) -> None:
    """Raise InvalidParameter for a policy that no message could be held against in its scope."""
    text = attributes.get("FilterPolicy")
    if text is None:
        return
    found = object_of(text, "FilterPolicy")
    if attributes.get("FilterPolicyScope", ATTRIBUTES) == ATTRIBUTES:
        nested = any(isinstance(value, dict) for value in found.values())
        if nested:
            raise invalid("Filter policy scope MessageAttributes does not support nested filter policy")
    if _fields(found) > _MOST_FIELDS:
        raise invalid(f"FilterPolicy: Filter policy can not have more than {_MOST_FIELDS} keys")
    try:
        _compiled(text)
    except InvalidPattern as error:
        raise invalid(f"FilterPolicy: {error}") from error


def _fields(policy: Any) -> int:
    """The fields that a policy names, at any depth."""
    if not isinstance(policy, dict):
        return 1
    alternatives = policy.get("$or")
    listed = alternatives if isinstance(alternatives, list) else []
    within = [*(each for name, each in policy.items() if name != "$or"), *listed]
    return sum(_fields(each) for each in within)


def wants(subscription: Subscription, message: Message) -> bool:
    """Whether a subscription gets a message."""
    text = subscription.attributes.get("FilterPolicy")
    pattern = None if text is None else _compiled(text)
    if pattern is None:
        return True
    if subscription.attributes.get("FilterPolicyScope", ATTRIBUTES) == ATTRIBUTES:
        return pattern.matches(_values(message))
    try:
        body = json.loads(message.text(subscription.protocol))
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and pattern.matches(body)


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Pattern | None:
    """None for the empty policy, which every message fits."""
    found = json.loads(text)
    return compile_pattern(found) if found else None


def _values(message: Message) -> dict[str, Any]:
    """The attributes as patterns see them: numbers, lists and texts; bytes fit nothing."""
    found: dict[str, Any] = {}
    for name, each in message.attributes.items():
        kind = each.type.partition(".")[0]
        if each.text is None:
            continue
        if kind == "Number" or each.type == "String.Array":
            found[name] = json.loads(each.text)
        else:
            found[name] = each.text
    return found
