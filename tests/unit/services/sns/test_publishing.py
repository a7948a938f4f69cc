"""Messages reach all subscriptions that want them, in the form that each asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import Harness
from publishing import Sns, received, subscribed, texts

from stepwell.errors import AwsError

KIND = {"kind": {"DataType": "String", "StringValue": "order"}}


def test_a_message_comes_as_an_envelope(server: Harness, call: Sns, topic: str) -> None:
    subscription = subscribed(server, topic, "a")
    sent = call("Publish", TopicArn=topic, Message="hällo", Subject="S", MessageAttributes=KIND)
    (message,) = received(server, "a")
    envelope = json.loads(message["Body"])
    assert envelope.pop("Timestamp").endswith("Z")
    assert envelope.pop("UnsubscribeURL").endswith(f"Action=Unsubscribe&SubscriptionArn={subscription}")
    assert {envelope.pop(each) != "" for each in ("Signature", "SigningCertURL")} == {True}
    assert envelope == {
        "Type": "Notification",
        "MessageId": sent["MessageId"],
        "TopicArn": topic,
        "Subject": "S",
        "Message": "hällo",
        "SignatureVersion": "1",
        "MessageAttributes": {"kind": {"Type": "String", "Value": "order"}},
    }
    assert "MessageAttributes" not in message


def test_a_raw_message_comes_as_it_was_published(server: Harness, call: Sns, topic: str) -> None:
    subscribed(server, topic, "a", RawMessageDelivery="true")
    attributes = {**KIND, "bytes": {"DataType": "Binary", "BinaryValue": b"\0\1"}}
    call("Publish", TopicArn=topic, Message='{"a": 1}', MessageAttributes=attributes)
    (message,) = received(server, "a")
    assert message["Body"] == '{"a": 1}'
    assert message["MessageAttributes"] == attributes


@pytest.mark.parametrize(
    ("policy", "scope", "wanted"),
    [
        ({"kind": ["order"]}, "MessageAttributes", ["a", "c"]),
        ({"kind": [{"anything-but": "order"}]}, "MessageAttributes", ["b"]),
        ({"price": [{"numeric": [">", 5]}]}, "MessageAttributes", ["c"]),
        ({"colours": ["red"]}, "MessageAttributes", ["b"]),
        ({"price": [{"exists": False}]}, "MessageAttributes", ["a", "b", "{}", "text"]),
        ({"n": {"m": [1]}}, "MessageBody", ["{}"]),
        ({}, "MessageAttributes", ["a", "b", "c", "{}", "text"]),
    ],
)
def test_a_filter_policy_chooses_messages(
    server: Harness, call: Sns, topic: str, policy: Any, scope: str, wanted: list[str]
) -> None:
    subscribed(server, topic, "q", FilterPolicy=json.dumps(policy), FilterPolicyScope=scope)
    number = {"price": {"DataType": "Number", "StringValue": "7.5"}}
    listed = {"colours": {"DataType": "String.Array", "StringValue": '["red", "blue"]'}}
    other = {"kind": {"DataType": "String", "StringValue": "offer"}}
    for text, attributes in (
        ("a", KIND),
        ("b", {**other, **listed}),
        ("c", {**KIND, **number}),
        ('{"n": {"m": 1}}', {}),
        ("text", {}),
    ):
        call("Publish", TopicArn=topic, Message=text, MessageAttributes=attributes)
    expected = ['{"n": {"m": 1}}' if each == "{}" else each for each in wanted]
    assert sorted(texts(server, "q")) == sorted(expected)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"FilterPolicy": "["}, "FilterPolicy"),
        ({"FilterPolicy": '{"a": "b"}'}, "FilterPolicy"),
        ({"FilterPolicy": '{"a": {"b": ["c"]}}'}, "does not support nested"),
        ({"FilterPolicy": json.dumps({name: [1] for name in "abcdef"})}, "more than 5 keys"),
        ({"FilterPolicyScope": "Elsewhere"}, "FilterPolicyScope"),
        ({"RawMessageDelivery": "perhaps"}, "RawMessageDelivery"),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "q"}'}, "invalid arn"),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:r:0:q.fifo"}'}, "standard queue as DLQ"),
        ({"Nonsense": "1"}, "AttributeName"),
        ({"SubscriptionRoleArn": "r"}, "not supported by Stepwell"),
    ],
)
def test_what_no_subscription_can_have_is_refused(
    server: Harness, call: Sns, topic: str, attributes: dict[str, str], message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        subscribed(server, topic, "q", **attributes)
    assert call("ListSubscriptionsByTopic", TopicArn=topic) == {"Subscriptions": []}


def test_a_message_may_differ_by_protocol(server: Harness, call: Sns, topic: str) -> None:
    subscribed(server, topic, "q")
    for message in ({"default": "d", "sqs": "s"}, {"default": "d", "email": "e"}):
        call("Publish", TopicArn=topic, Message=json.dumps(message), MessageStructure="json")
    assert sorted(texts(server, "q")) == ["d", "s"]


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"Message": ""}, "InvalidParameter", "Empty message"),
        ({"Message": "m", "Subject": ""}, "InvalidParameter", "Subject"),
        ({"Message": "m", "Subject": "a\nb"}, "InvalidParameter", "Subject"),
        ({"Message": "m", "Subject": "a" * 101}, "InvalidParameter", "Subject"),
        ({"Message": "ä" * 131_073}, "InvalidParameter", "Message too long"),
        ({"Message": "m", "MessageStructure": "json"}, "InvalidParameter", "failed to parse"),
        ({"Message": "{}", "MessageStructure": "json"}, "InvalidParameter", "No default entry"),
        ({"Message": "m", "MessageStructure": "xml"}, "InvalidParameter", "MessageStructure"),
        (
            {"Message": "m", "MessageDeduplicationId": "d"},
            "InvalidParameter",
            "not valid for this topic type",
        ),
        (
            {"Message": "m", "MessageAttributes": {"a": {"DataType": "Text"}}},
            "ParameterValueInvalid",
            "prefixes",
        ),
        (
            {"Message": "m", "MessageAttributes": {"a": {"DataType": "String"}}},
            "ParameterValueInvalid",
            "non-empty",
        ),
        (
            {"Message": "m", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "x"}}},
            "ParameterValueInvalid",
            "number",
        ),
        (
            {"Message": "m", "MessageAttributes": {"a": {"DataType": "String.Array", "StringValue": "[[]]"}}},
            "ParameterValueInvalid",
            "String.Array",
        ),
    ],
)
def test_what_is_no_message_is_refused(
    call: Sns, topic: str, params: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(AwsError, match=message) as refusal:
        call("Publish", TopicArn=topic, **params)
    assert refusal.value.error_code == code


def test_a_topic_is_named_once(server: Harness, call: Sns, topic: str) -> None:
    subscribed(server, topic, "q")
    call("Publish", TargetArn=topic, Message="m")
    assert texts(server, "q") == ["m"]
    for params in ({}, {"TopicArn": topic, "TargetArn": topic}):
        with pytest.raises(AwsError, match="TargetArn"):
            call("Publish", Message="m", **params)


def test_each_entry_of_a_batch_is_sent_or_says_why_not(server: Harness, call: Sns, topic: str) -> None:
    subscribed(server, topic, "q")
    entries = [{"Id": "a", "Message": "m"}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "n"}]
    answer = call("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["a", "c"]
    assert answer["Failed"] == [
        {
            "Id": "b",
            "Code": "InvalidParameter",
            "Message": "Invalid parameter: Empty message",
            "SenderFault": True,
        }
    ]
    assert sorted(texts(server, "q")) == ["m", "n"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": str(n), "Message": "m"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a b", "Message": "m"}], "InvalidBatchEntryId"),
        ([{"Id": "a", "Message": "m"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": str(n), "Message": "m" * 200_000} for n in range(2)], "BatchRequestTooLong"),
    ],
)
def test_what_is_no_batch_is_refused(
    server: Harness, call: Sns, topic: str, entries: list[dict[str, str]], code: str
) -> None:
    subscribed(server, topic, "q")
    with pytest.raises(AwsError) as refusal:
        call("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert refusal.value.error_code == code
    assert texts(server, "q") == []


def test_a_fifo_topic_keeps_each_groups_order_and_lets_no_repeat_in(
    server: Harness, call: Sns, fifo: str
) -> None:
    subscribed(server, fifo, "q.fifo", RawMessageDelivery="true")
    sent = [
        call(
            "Publish", TopicArn=fifo, Message=f"{group}{n}", MessageGroupId=group,
            MessageDeduplicationId=f"{group}{n}",
        )
        for n in range(4)
        for group in ("a", "b")
    ]  # fmt: skip
    again = call("Publish", TopicArn=fifo, Message="x", MessageGroupId="a", MessageDeduplicationId="a0")
    assert again == sent[0]
    numbers = [each["SequenceNumber"] for each in sent]
    assert numbers == sorted(set(numbers)) and numbers[0] == "10000000000000000000"
    found = received(server, "q.fifo")
    by_group = {group: [m["Body"] for m in found if m["Body"][0] == group] for group in "ab"}
    assert by_group == {group: [f"{group}{n}" for n in range(4)] for group in "ab"}
    assert {message["Attributes"]["MessageDeduplicationId"] for message in found} == {
        f"{group}{n}" for group in "ab" for n in range(4)
    }
    server.advance(301)
    later = call("Publish", TopicArn=fifo, Message="x", MessageGroupId="a", MessageDeduplicationId="a0")
    assert later["SequenceNumber"] == "10000000000000000008"


def test_content_may_tell_repeats(server: Harness, call: Sns, fifo: str) -> None:
    with pytest.raises(AwsError, match="The MessageGroupId parameter is required for FIFO topics"):
        call("Publish", TopicArn=fifo, Message="m")
    with pytest.raises(AwsError, match="ContentBasedDeduplication enabled or MessageDeduplicationId"):
        call("Publish", TopicArn=fifo, Message="m", MessageGroupId="g")
    call(
        "SetTopicAttributes", TopicArn=fifo, AttributeName="ContentBasedDeduplication", AttributeValue="true"
    )
    ids = [
        call("Publish", TopicArn=fifo, Message=text, MessageGroupId=group)["MessageId"]
        for text, group in (("m", "g"), ("m", "g"), ("m", "h"), ("n", "g"))
    ]
    assert [ids.index(each) for each in ids] == [0, 0, 0, 3]


def test_a_message_that_cannot_arrive_goes_to_the_dead_letter_queue(
    server: Harness, call: Sns, topic: str
) -> None:
    subscription = subscribed(server, topic, "q", RawMessageDelivery="true")
    server.call("sqs", "CreateQueue", QueueName="dead")
    policy = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead"})
    call(
        "SetSubscriptionAttributes",
        SubscriptionArn=subscription,
        AttributeName="RedrivePolicy",
        AttributeValue=policy,
    )
    server.call("sqs", "DeleteQueue", QueueUrl="q")
    call("Publish", TopicArn=topic, Message="m", MessageAttributes=KIND)
    (message,) = received(server, "dead")
    assert (message["Body"], message["MessageAttributes"]) == ("m", KIND)
