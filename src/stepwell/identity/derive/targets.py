"""Who starts what: the role of an EventBridge rule's targets, and what lets S3 invoke a function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stepwell.identity.derive.needs import Need, Place, needs
from stepwell.identity.derive.resources import machine

#: the right that a target's kind takes of the rule's role, by the beginning of its ARN's resource.
#: Functions, queues, topics and log groups have policies of their own instead
_KINDS: tuple[tuple[str, str, str], ...] = (
    ("states", "stateMachine:", "states:StartExecution"),
    ("events", "event-bus/", "events:PutEvents"),
    ("kinesis", "stream/", "kinesis:PutRecord"),
    ("firehose", "deliverystream/", "firehose:PutRecord"),
    ("sagemaker", "pipeline/", "sagemaker:StartPipelineExecution"),
    ("batch", "job-queue/", "batch:SubmitJob"),
)


def target_role(
    targets: Iterable[Mapping[str, Any]], *, account: str, region: str, partition: str = "aws"
) -> tuple[Need, ...]:
    """What the role of a rule's targets takes; `targets` are PutTargets' own."""
    place = Place(account=account, region=region, partition=partition)
    found: list[Need] = []
    for target in targets:
        arn, why = str(target.get("Arn", "")), str(target.get("Id", "target"))
        _, _, service, _, _, resource = (*arn.split(":", 5), *[""] * 6)[:6]
        for kind, beginning, action in _KINDS:
            if service == kind and resource.startswith(beginning):
                found += needs(action, machine(arn, place, []), why=why)
        if service == "ssm" and resource.startswith("document/"):
            on = [arn, place.arn("ec2:instance/*"), place.arn("ssm:managed-instance/*")]
            found += needs("ssm:SendCommand", on, why=why)
    return tuple(sorted(set(found)))


def notification(function: str, bucket: str, account: str) -> dict[str, Any]:
    """The statement of a function's policy that lets S3 invoke it for one bucket of one account.

    function, bucket: ARNs. The account is asked for too, since a bucket's ARN does not tell its owner.
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": function,
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": bucket},
        },
    }
