"""Who can be told of a bucket's changes: functions and topics, if their own policies let the bucket in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from stepwell import arn
from stepwell.api.callers import root, service_principal
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import AwsError
from stepwell.identity import evaluate, policy
from stepwell.services.s3 import errors

PRINCIPAL = "s3.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A kind of destinations."""

    #: the list of configurations, and the member that has the ARN
    member: str
    arn: str
    #: the service, as ARNs name it, and what its resources begin with
    service: str
    begins: str
    #: the argument that errors name
    argument: str
    #: what the bucket must be allowed, and what is said of a destination that does not allow it
    action: str
    refusal: str
    #: its own policy; None when there is none, or no such destination
    policy: Callable[[str, Draft], str | None]


def _of_function(function: str, draft: Draft) -> str | None:
    _, name, *qualifier = function.split(":", 5)[5].split(":")
    params = {"FunctionName": name} | ({"Qualifier": qualifier[0]} if qualifier else {})
    found = _asked("lambda", "GetPolicy", params, draft)
    return None if found is None else str(found["Policy"])


def _of_topic(topic: str, draft: Draft) -> str | None:
    found = _asked("sns", "GetTopicAttributes", {"TopicArn": topic}, draft)
    return None if found is None else str(found["Attributes"]["Policy"])


def _asked(service: str, operation: str, params: dict[str, Any], draft: Draft) -> Any:
    """The answer; None where there is no such thing."""
    try:
        reply = draft.ask(
            Call(service=service, operation=operation, params=params, caller=root(draft.account))
        )
    except AwsError as error:
        if error.http_status == 404:
            return None
        raise
    return reply.output


DESTINATIONS = (
    Destination(
        member="LambdaFunctionConfigurations",
        arn="LambdaFunctionArn",
        service="lambda",
        begins="function:",
        argument="CloudFunction",
        action="lambda:InvokeFunction",
        refusal="Not authorized to invoke function [{}]",
        policy=_of_function,
    ),
    Destination(
        member="TopicConfigurations",
        arn="TopicArn",
        service="sns",
        begins="",
        argument="Topic",
        action="sns:Publish",
        refusal="Permissions on the destination topic do not allow S3 to publish notifications from this "
        "bucket",
        policy=_of_topic,
    ),
)


def of_arn(target: str) -> Destination:
    """The kind of destination that has that ARN, which is one of them."""
    parsed = arn.parse(target)
    assert parsed is not None
    return next(kind for kind in DESTINATIONS if kind.service == parsed.service)


def check_arn(kind: Destination, target: str) -> None:
    """Raise InvalidArgument for what is no ARN of that kind."""
    parsed = arn.parse(target)
    if parsed is None or parsed.service != kind.service or not parsed.resource.startswith(kind.begins):
        raise errors.InvalidArgument("The ARN could not be parsed", kind.argument, target)


def check_policies(bucket: str, targets: Iterable[str], draft: Draft) -> None:
    """Raise InvalidArgument naming every destination that does not let the bucket (its ARN) in."""
    fields: dict[str, str] = {}
    refused = [each for each in dict.fromkeys(targets) if not _lets_in(bucket, each, draft)]
    for number, target in enumerate(refused, 1):
        fields[f"ArgumentName{number}"] = f"{target}, null"
        fields[f"ArgumentValue{number}"] = of_arn(target).refusal.format(target)
    if fields:
        raise AwsError(
            "Unable to validate the following destination configurations",
            code="InvalidArgument",
            fields=fields,
        )


def _lets_in(bucket: str, target: str, draft: Draft) -> bool:
    kind = of_arn(target)
    document = kind.policy(target, draft)
    if document is None:
        return False
    request = evaluate.Request(
        action=kind.action,
        resource=target,
        principal=service_principal(PRINCIPAL, draft.account),
        context={"aws:SourceArn": bucket, "aws:SourceAccount": draft.account},
    )
    policies = evaluate.Policies(resource=policy.parse(document, kind="resource", name=target))
    return evaluate.decide(request, policies).allowed
