"""PutBucketNotificationConfiguration: which functions and topics hear of which keys.

A configuration is checked before it is kept, as S3 does: two may not claim the same event of the same
key, and every destination's own policy must let this bucket in.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import msgspec

from stepwell.calls import Call
from stepwell.clock import iso
from stepwell.durable import Draft, View
from stepwell.errors import UnsupportedParameter
from stepwell.services.s3 import errors
from stepwell.services.s3.buckets import Bucket, Notification, bucket_of
from stepwell.services.s3.destinations import DESTINATIONS, Destination, check_arn, check_policies, of_arn
from stepwell.services.s3.events import delivery, host_id

_OVERLAP = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes "
    "are overlapping for the same event type."
)


def put(call: Call, draft: Draft) -> None:
    """PutBucketNotificationConfiguration: takes the place of all earlier ones."""
    bucket = bucket_of(call, draft)
    asked = call.params["NotificationConfiguration"]
    if asked.get("QueueConfigurations"):
        raise UnsupportedParameter(
            "PutBucketNotificationConfiguration: QueueConfigurations (queues as destinations) is not "
            "supported by Stepwell; functions, topics, to which queues subscribe, and EventBridge are"
        )
    notifications = tuple(
        _notification(kind, each, draft) for kind in DESTINATIONS for each in asked.get(kind.member) or ()
    )
    if len({each.id for each in notifications}) != len(notifications):
        raise errors.InvalidArgument(
            "Same ID used for multiple configurations. IDs must be unique", "Id", notifications[0].id
        )
    if any(overlap(one, other) for one, other in combinations(notifications, 2)):
        raise errors.InvalidArgument(_OVERLAP, "FilterRule", "")
    if not call.params.get("SkipDestinationValidation"):
        check_policies(bucket.arn, (each.target for each in notifications), draft)
    eventbridge = asked.get("EventBridgeConfiguration") is not None
    draft.put(msgspec.structs.replace(bucket, notifications=notifications, eventbridge=eventbridge))
    topics = (each.target for each in notifications if of_arn(each.target).service == "sns")
    for topic in dict.fromkeys(topics):
        draft.send("delivery", _test(call, draft, bucket, topic))


def get(call: Call, view: View) -> dict[str, Any]:
    """GetBucketNotificationConfiguration."""
    bucket = bucket_of(call, view)
    output: dict[str, Any] = {}
    for each in bucket.notifications:
        kind = of_arn(each.target)
        output.setdefault(kind.member, []).append(_shown(kind, each))
    if bucket.eventbridge:
        output["EventBridgeConfiguration"] = {}
    return output


def _test(call: Call, draft: Draft, bucket: Bucket, topic: str) -> dict[str, Any]:
    """What S3 says at first, so that whoever waits knows that notifications arrive."""
    message = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso(draft.now),
        "Bucket": bucket.name,
        "RequestId": call.request_id,
        "HostId": host_id(call),
    }
    return delivery(draft, bucket, topic, message)


def _notification(kind: Destination, asked: Mapping[str, Any], draft: Draft) -> Notification:
    target = asked[kind.arn]
    check_arn(kind, target)
    rules = ((asked.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
    named = tuple((rule["Name"].capitalize(), rule.get("Value", "")) for rule in rules)
    for name, _ in named:
        if name not in ("Prefix", "Suffix"):
            raise errors.InvalidArgument(
                "filter rule name must be either prefix or suffix", "FilterRule.Name", name
            )
    for name in ("Prefix", "Suffix"):
        if [each for each, _ in named].count(name) > 1:
            raise errors.InvalidArgument(
                f"Cannot specify more than one {name.lower()} rule in a filter.", "FilterRule.Name", name
            )
    return Notification(
        id=asked.get("Id") or draft.uuid(),
        target=target,
        events=tuple(asked["Events"]),
        rules=named,
    )


def _shown(kind: Destination, each: Notification) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Id": each.id,
        kind.arn: each.target,
        "Events": list(each.events),
    }
    if each.rules:
        rules = [{"Name": name, "Value": value} for name, value in each.rules]
        shown["Filter"] = {"Key": {"FilterRules": rules}}
    return shown


def overlap(one: Notification, other: Notification) -> bool:
    """Whether some event of some key would belong to both."""
    if not any(_covers(first, second) for first in one.events for second in other.events):
        return False
    prefixes = one.edge("Prefix"), other.edge("Prefix")
    suffixes = one.edge("Suffix"), other.edge("Suffix")
    return (prefixes[0].startswith(prefixes[1]) or prefixes[1].startswith(prefixes[0])) and (
        suffixes[0].endswith(suffixes[1]) or suffixes[1].endswith(suffixes[0])
    )


def _covers(one: str, other: str) -> bool:
    if one == other:
        return True
    return any(
        wide.endswith("*") and narrow.startswith(wide[:-1]) for wide, narrow in ((one, other), (other, one))
    )
