"""Queues and the policies declared apart from them: the calls of their lives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import preparation, schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud

ARN = "arn:aws:sqs:us-east-1:000000000000:"
REDRIVE = json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 3})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
GONE = "AWS.SimpleQueueService.NonExistentQueue"
QUEUE = "aws:sqs/queue:Queue"


def lives(endpoint: str) -> list[Life]:
    url = f"{endpoint}/000000000000"
    return [
        Life(
            token=QUEUE,
            inputs={
                "name": "q",
                "delaySeconds": 5,
                "redrivePolicy": REDRIVE,
                "sqsManagedSseEnabled": True,
                "tagsAll": {"a": "1", "b": "2"},
            },
            id=f"{url}/q",
            answers={
                "GetQueueAttributes": {
                    "Attributes": {
                        "QueueArn": f"{ARN}q",
                        "DelaySeconds": "5",
                        "VisibilityTimeout": "30",
                        "SqsManagedSseEnabled": "true",
                        "RedrivePolicy": REDRIVE,
                        "Policy": POLICY,
                    }
                },
                "ListQueueTags": {"Tags": {"a": "1", "b": "2"}},
            },
            creating=[
                (
                    "CreateQueue",
                    {
                        "QueueName": "q",
                        "Attributes": {
                            "DelaySeconds": "5",
                            "SqsManagedSseEnabled": "true",
                            "RedrivePolicy": REDRIVE,
                        },
                        "tags": {"a": "1", "b": "2"},
                    },
                )
            ],
            # the policy is somebody else's
            reads={
                "name": "q",
                "url": f"{url}/q",
                "arn": f"{ARN}q",
                "fifoQueue": False,
                "delaySeconds": 5,
                "visibilityTimeoutSeconds": 30,
                "sqsManagedSseEnabled": True,
                "redrivePolicy": REDRIVE,
                "tagsAll": {"a": "1", "b": "2"},
            },
            changed={
                "delaySeconds": None,
                "redrivePolicy": None,
                "visibilityTimeoutSeconds": 60,
                "tagsAll": {"a": "3"},
            },
            updating=[
                (
                    "SetQueueAttributes",
                    {
                        "QueueUrl": f"{url}/q",
                        "Attributes": {"VisibilityTimeout": "60", "DelaySeconds": "0", "RedrivePolicy": ""},
                    },
                ),
                ("TagQueue", {"QueueUrl": f"{url}/q", "Tags": {"a": "3"}}),
                ("UntagQueue", {"QueueUrl": f"{url}/q", "TagKeys": ["b"]}),
            ],
            deleting=[("DeleteQueue", {"QueueUrl": f"{url}/q"})],
            gone={"GetQueueAttributes": GONE, "DeleteQueue": GONE},
        ),
        *(
            Life(
                token=token,
                inputs={"queueUrl": f"{url}/q", name: text},
                id=f"{url}/q",
                answers={"GetQueueAttributes": {"Attributes": {api: text}}},
                creating=[("SetQueueAttributes", {"QueueUrl": f"{url}/q", "Attributes": {api: text}})],
                reads={"queueUrl": f"{url}/q", name: text},
                changed={name: "{}"},
                updating=[("SetQueueAttributes", {"QueueUrl": f"{url}/q", "Attributes": {api: "{}"}})],
                deleting=[("SetQueueAttributes", {"QueueUrl": f"{url}/q", "Attributes": {api: ""}})],
                gone={"GetQueueAttributes": GONE, "SetQueueAttributes": GONE},
            )
            for token, name, api, text in (
                ("aws:sqs/queuePolicy:QueuePolicy", "policy", "Policy", POLICY),
                ("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy", "RedrivePolicy", REDRIVE),
                (
                    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
                    "redriveAllowPolicy",
                    "RedriveAllowPolicy",
                    '{"redrivePermission": "denyAll"}',
                ),
            )
        ),
    ]


@pytest.mark.parametrize("number", range(4))
def test_the_life_of_each_type_takes_just_these_calls(number: int, cloud: Cloud, script: Any) -> None:
    play(lives(cloud.endpoint)[number], cloud, script)


@pytest.mark.parametrize(
    ("inputs", "fault"),
    [
        ({"name": "q", "fifoQueue": True}, "a FIFO queue has fifoQueue and a name that ends in .fifo"),
        ({"name": "q.fifo"}, "a FIFO queue has fifoQueue and a name that ends in .fifo"),
        ({"contentBasedDeduplication": True}, "contentBasedDeduplication is of FIFO queues only"),
        ({"kmsMasterKeyId": "k", "sqsManagedSseEnabled": True}, "exclude each other"),
    ],
)
def test_what_no_queue_can_be_is_refused(inputs: dict[str, Any], fault: str) -> None:
    (found,) = schema.check(TYPES[QUEUE], inputs, "us-east-1")
    assert fault in found


def test_an_automatic_name_of_a_fifo_queue_ends_as_it_must() -> None:
    urn = "urn:pulumi:s::p::aws:sqs/queue:Queue::" + "q" * 90
    kind = TYPES[QUEUE]
    name = preparation.named(urn, kind, {"fifoQueue": True}, seed="s", generation=0)["name"]
    assert name.endswith(".fifo") and len(name) == 80
    plain = preparation.named(urn, kind, {"fifoQueue": False}, seed="s", generation=0)["name"]
    assert len(plain) == 80 and not plain.endswith(".fifo")
