"""PutBucketNotificationConfiguration: which functions hear of which keys.

A configuration is checked before it is kept, as S3 does: two may not claim the same event of the same
key, and every function's own policy must let this bucket invoke it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import msgspec

from stepwell import arn
from stepwell.api.callers import root, service_principal
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import AwsError, UnsupportedParameter
from stepwell.identity import evaluate, policy
from stepwell.services.s3 import errors
from stepwell.services.s3.buckets import Bucket, Notification, bucket_of

_OVERLAP = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes "
    "are overlapping for the same event type."
)


def put(call: Call, draft: Draft) -> None:
    """PutBucketNotificationConfiguration: takes the place of all earlier ones."""
    bucket = bucket_of(call, draft)
    asked = call.params["NotificationConfiguration"]
    for kind, noun in (("TopicConfigurations", "topics"), ("QueueConfigurations", "queues")):
        if asked.get(kind):
            raise UnsupportedParameter(
                f"PutBucketNotificationConfiguration: {kind} ({noun} as destinations) is not supported "
                "by Stepwell; functions and EventBridge are"
            )
    notifications = tuple(
        _notification(each, draft) for each in asked.get("LambdaFunctionConfigurations") or ()
    )
    if len({each.id for each in notifications}) != len(notifications):
        raise errors.InvalidArgument(
            "Same ID used for multiple configurations. IDs must be unique", "Id", notifications[0].id
        )
    if any(overlap(one, other) for one, other in combinations(notifications, 2)):
        raise errors.InvalidArgument(_OVERLAP, "FilterRule", "")
    if not call.params.get("SkipDestinationValidation"):
        _check_destinations(bucket, notifications, draft)
    eventbridge = asked.get("EventBridgeConfiguration") is not None
    draft.put(msgspec.structs.replace(bucket, notifications=notifications, eventbridge=eventbridge))


def get(call: Call, view: View) -> dict[str, Any]:
    """GetBucketNotificationConfiguration."""
    bucket = bucket_of(call, view)
    output: dict[str, Any] = {}
    if bucket.notifications:
        output["LambdaFunctionConfigurations"] = [_shown(each) for each in bucket.notifications]
    if bucket.eventbridge:
        output["EventBridgeConfiguration"] = {}
    return output


def _notification(asked: Mapping[str, Any], draft: Draft) -> Notification:
    function = asked["LambdaFunctionArn"]
    parsed = arn.parse(function)
    if parsed is None or parsed.service != "lambda" or not parsed.resource.startswith("function:"):
        raise errors.InvalidArgument("The ARN could not be parsed", "CloudFunction", function)
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
        function=function,
        events=tuple(asked["Events"]),
        rules=named,
    )


def _shown(each: Notification) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Id": each.id,
        "LambdaFunctionArn": each.function,
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


def _check_destinations(bucket: Bucket, notifications: Iterable[Notification], draft: Draft) -> None:
    """Raise InvalidArgument naming every function that this bucket may not invoke."""
    fields: dict[str, str] = {}
    functions = dict.fromkeys(each.function for each in notifications)
    refused = [function for function in functions if not _may_invoke(bucket, function, draft)]
    for number, function in enumerate(refused, 1):
        fields[f"ArgumentName{number}"] = f"{function}, null"
        fields[f"ArgumentValue{number}"] = f"Not authorized to invoke function [{function}]"
    if fields:
        raise AwsError(
            "Unable to validate the following destination configurations",
            code="InvalidArgument",
            fields=fields,
        )


def _may_invoke(bucket: Bucket, function: str, draft: Draft) -> bool:
    document = _policy(function, draft)
    if document is None:
        return False
    request = evaluate.Request(
        action="lambda:InvokeFunction",
        resource=function,
        principal=service_principal("s3.amazonaws.com", draft.account),
        context={"aws:SourceArn": bucket.arn, "aws:SourceAccount": draft.account},
    )
    policies = evaluate.Policies(resource=policy.parse(document, kind="resource", name=function))
    return evaluate.decide(request, policies).allowed


def _policy(function: str, draft: Draft) -> str | None:
    """The function's own policy; None when there is none, or no such function."""
    _, name, *qualifier = function.split(":", 5)[5].split(":")
    params = {"FunctionName": name} | ({"Qualifier": qualifier[0]} if qualifier else {})
    try:
        reply = draft.ask(
            Call(service="lambda", operation="GetPolicy", params=params, caller=root(draft.account))
        )
    except AwsError as error:
        if error.error_code == "ResourceNotFoundException":
            return None
        raise
    return str(reply.output["Policy"])
