"""Topics, their subscriptions and their policies: the calls of their lives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud

ARN = "arn:aws:sns:us-east-1:000000000000:t"
SUBSCRIPTION = f"{ARN}:0f"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
REDRIVE = json.dumps({"deadLetterTargetArn": f"{QUEUE}d"})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
GONE = "NotFound"
TOPIC = "aws:sns/topic:Topic"


def _set(name: str, text: str) -> tuple[str, dict[str, str]]:
    return "SetTopicAttributes", {"TopicArn": ARN, "AttributeName": name, "AttributeValue": text}


def _set_on(name: str, text: str) -> tuple[str, dict[str, str]]:
    return (
        "SetSubscriptionAttributes",
        {"SubscriptionArn": SUBSCRIPTION, "AttributeName": name, "AttributeValue": text},
    )


LIVES = [
    Life(
        token=TOPIC,
        inputs={"name": "t", "displayName": "T", "signatureVersion": 2, "tagsAll": {"a": "1", "b": "2"}},
        id=ARN,
        answers={
            "CreateTopic": {"TopicArn": ARN},
            "GetTopicAttributes": {
                "Attributes": {
                    "TopicArn": ARN,
                    "Owner": "000000000000",
                    "DisplayName": "T",
                    "SignatureVersion": "2",
                    "Policy": POLICY,
                }
            },
            "ListTagsForResource": {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]},
        },
        creating=[
            (
                "CreateTopic",
                {
                    "Name": "t",
                    "Attributes": {"SignatureVersion": "2", "DisplayName": "T"},
                    "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
                },
            )
        ],
        # the policy is the one that it was born with
        reads={
            "name": "t",
            "arn": ARN,
            "owner": "000000000000",
            "beginningArchiveTime": "",
            "fifoTopic": False,
            "displayName": "T",
            "signatureVersion": 2,
            "tagsAll": {"a": "1", "b": "2"},
        },
        changed={"displayName": None, "signatureVersion": None, "policy": POLICY, "tagsAll": {"a": "3"}},
        updating=[
            _set("Policy", POLICY),
            _set("DisplayName", ""),
            _set("SignatureVersion", "1"),
            ("TagResource", {"ResourceArn": ARN, "Tags": [{"Key": "a", "Value": "3"}]}),
            ("UntagResource", {"ResourceArn": ARN, "TagKeys": ["b"]}),
        ],
        deleting=[("DeleteTopic", {"TopicArn": ARN})],
        gone={"GetTopicAttributes": GONE, "DeleteTopic": GONE},
    ),
    Life(
        token="aws:sns/topicSubscription:TopicSubscription",
        inputs={
            "topic": ARN,
            "protocol": "sqs",
            "endpoint": QUEUE,
            "rawMessageDelivery": True,
            "redrivePolicy": REDRIVE,
        },
        id=SUBSCRIPTION,
        answers={
            "Subscribe": {"SubscriptionArn": SUBSCRIPTION},
            "GetSubscriptionAttributes": {
                "Attributes": {
                    "TopicArn": ARN,
                    "Protocol": "sqs",
                    "Endpoint": QUEUE,
                    "Owner": "000000000000",
                    "ConfirmationWasAuthenticated": "true",
                    "PendingConfirmation": "false",
                    "RawMessageDelivery": "true",
                    "RedrivePolicy": REDRIVE,
                }
            },
        },
        creating=[
            (
                "Subscribe",
                {
                    "TopicArn": ARN,
                    "Protocol": "sqs",
                    "Endpoint": QUEUE,
                    "Attributes": {"RedrivePolicy": REDRIVE, "RawMessageDelivery": "true"},
                    "ReturnSubscriptionArn": True,
                },
            )
        ],
        reads={
            "arn": SUBSCRIPTION,
            "topic": ARN,
            "protocol": "sqs",
            "endpoint": QUEUE,
            "ownerId": "000000000000",
            "confirmationWasAuthenticated": True,
            "pendingConfirmation": False,
            "rawMessageDelivery": True,
            "redrivePolicy": REDRIVE,
        },
        changed={"rawMessageDelivery": False, "redrivePolicy": None, "filterPolicy": '{"a": ["b"]}'},
        updating=[
            _set_on("FilterPolicy", '{"a": ["b"]}'),
            _set_on("RawMessageDelivery", "false"),
            _set_on("RedrivePolicy", ""),
        ],
        deleting=[("Unsubscribe", {"SubscriptionArn": SUBSCRIPTION})],
        gone={"GetSubscriptionAttributes": GONE, "Unsubscribe": GONE},
    ),
    Life(
        token="aws:sns/topicPolicy:TopicPolicy",
        inputs={"arn": ARN, "policy": POLICY},
        id=ARN,
        answers={"GetTopicAttributes": {"Attributes": {"Owner": "000000000000", "Policy": POLICY}}},
        creating=[_set("Policy", POLICY)],
        reads={"arn": ARN, "owner": "000000000000", "policy": POLICY},
        changed={"policy": "{}"},
        updating=[_set("Policy", "{}")],
        deleting=[_set("Policy", "")],
        gone={"GetTopicAttributes": GONE, "SetTopicAttributes": GONE},
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.token)
def test_the_life_of_each_type_takes_just_these_calls(life: Life, cloud: Cloud, script: Any) -> None:
    play(life, cloud, script)


@pytest.mark.parametrize(
    ("inputs", "fault"),
    [
        ({"name": "t", "fifoTopic": True}, "a FIFO topic has fifoTopic and a name that ends in .fifo"),
        ({"name": "t.fifo"}, "a FIFO topic has fifoTopic and a name that ends in .fifo"),
        ({"contentBasedDeduplication": True}, "contentBasedDeduplication is of FIFO topics only"),
        ({"archivePolicy": "{}"}, "messages are not archived here"),
    ],
)
def test_what_no_topic_can_be_is_refused(inputs: dict[str, Any], fault: str) -> None:
    (found,) = schema.check(TYPES[TOPIC], inputs, "us-east-1")
    assert fault in found


def test_a_subscription_that_an_interrupted_create_left_is_found(cloud: Cloud, script: Any) -> None:
    kind = TYPES["aws:sns/topicSubscription:TopicSubscription"]
    assert kind.find is not None
    entry = {"Protocol": "sqs", "Endpoint": QUEUE, "SubscriptionArn": SUBSCRIPTION}
    inputs = {"topic": ARN, "protocol": "sqs", "endpoint": QUEUE}
    for listed, found in (
        ([entry], SUBSCRIPTION),
        ([{**entry, "SubscriptionArn": "PendingConfirmation"}], None),
    ):
        script.answers = {"ListSubscriptionsByTopic": {"Subscriptions": listed}}
        assert kind.find(cloud, inputs) == found
