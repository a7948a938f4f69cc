"""Queues are created once, found by URL and name, and their attributes keep to AWS's ranges."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import Harness
from queueing import Sqs

from stepwell.errors import AwsError

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def test_a_queue_is_created_once_and_keeps_its_url(call: Sqs, queue: str) -> None:
    assert queue == "http://127.0.0.1:4566/000000000000/jobs"
    assert call("CreateQueue", QueueName="jobs")["QueueUrl"] == queue
    assert call("CreateQueue", QueueName="jobs", Attributes={"VisibilityTimeout": "30"})["QueueUrl"] == queue
    with pytest.raises(AwsError, match="different value for attribute DelaySeconds") as refusal:
        call("CreateQueue", QueueName="jobs", Attributes={"DelaySeconds": "5"})
    assert (refusal.value.error_code, refusal.value.former) == ("QueueNameExists", "QueueAlreadyExists")
    assert call("GetQueueUrl", QueueName="jobs")["QueueUrl"] == queue


@pytest.mark.parametrize("name", ["", "a" * 81, "with space", "a.b", "only.fifo", "ä"])
def test_what_is_no_name_of_a_standard_queue_is_refused(call: Sqs, name: str) -> None:
    with pytest.raises(AwsError) as refusal:
        call("CreateQueue", QueueName=name)
    assert refusal.value.former == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("jobs", None),
        ("https://sqs.us-east-1.amazonaws.com/000000000000/jobs", None),
        ("http://other:1/000000000000/jobs", None),
        ("http://other:1/111111111111/jobs", "QueueDoesNotExist"),
        ("http://127.0.0.1:4566/000000000000/none", "QueueDoesNotExist"),
        ("http://127.0.0.1:4566/a/b/c", "InvalidAddress"),
    ],
)
def test_a_url_means_its_account_and_name_whatever_its_host(
    call: Sqs, queue: str, url: str, code: str | None
) -> None:
    if code is None:
        assert call("ListQueueTags", QueueUrl=url) == {}
    else:
        with pytest.raises(AwsError) as refusal:
            call("ListQueueTags", QueueUrl=url)
        assert refusal.value.error_code == code


def test_queues_are_listed_by_prefix_and_in_pages(call: Sqs) -> None:
    for name in ("b1", "a2", "a1", "a3"):
        call("CreateQueue", QueueName=name)
    first = call("ListQueues", QueueNamePrefix="a", MaxResults=2)
    second = call("ListQueues", QueueNamePrefix="a", MaxResults=2, NextToken=first["NextToken"])
    urls = first["QueueUrls"] + second["QueueUrls"]
    assert [url.rpartition("/")[2] for url in urls] == ["a1", "a2", "a3"]
    assert "NextToken" not in second
    assert call("ListQueues", QueueNamePrefix="z") == {}


def test_attributes_that_are_not_set_have_awss_defaults(call: Sqs, queue: str, fifo: str) -> None:
    found = call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    times = {found.pop("CreatedTimestamp"), found.pop("LastModifiedTimestamp")}
    assert len(times) == 1
    assert found == {
        "QueueArn": ARN + "jobs",
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0",
        "VisibilityTimeout": "30",
        "SqsManagedSseEnabled": "true",
    }
    names = ["FifoQueue", "DeduplicationScope", "QueueArn"]
    found = call("GetQueueAttributes", QueueUrl=fifo, AttributeNames=names)["Attributes"]
    assert found == {"FifoQueue": "true", "DeduplicationScope": "queue", "QueueArn": ARN + "jobs.fifo"}
    assert call("GetQueueAttributes", QueueUrl=queue) == {}


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"VisibilityTimeout": "-1"}, "InvalidAttributeValue"),
        ({"DelaySeconds": "soon"}, "InvalidAttributeValue"),
        ({"MaximumMessageSize": "1023"}, "InvalidAttributeValue"),
        ({"SqsManagedSseEnabled": "yes"}, "InvalidAttributeValue"),
        ({"Colour": "red"}, "InvalidAttributeName"),
        ({"QueueArn": ARN + "x"}, "InvalidAttributeName"),
        ({"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ({"Policy": "{"}, "InvalidParameterValueException"),
        ({"RedrivePolicy": "{}"}, "InvalidParameterValueException"),
        (
            {"RedrivePolicy": json.dumps({"deadLetterTargetArn": ARN + "none", "maxReceiveCount": 1})},
            "InvalidParameterValueException",
        ),
        (
            {"RedrivePolicy": json.dumps({"deadLetterTargetArn": ARN + "jobs.fifo", "maxReceiveCount": 1})},
            "InvalidParameterValueException",
        ),
        (
            {"RedrivePolicy": json.dumps({"deadLetterTargetArn": ARN + "jobs", "maxReceiveCount": 0})},
            "InvalidParameterValueException",
        ),
        ({"RedriveAllowPolicy": '{"redrivePermission": "some"}'}, "InvalidParameterValueException"),
        ({"RedriveAllowPolicy": '{"redrivePermission": "byQueue"}'}, "InvalidParameterValueException"),
    ],
)
def test_a_wrong_attribute_is_refused_and_changes_nothing(
    call: Sqs, queue: str, fifo: str, attributes: dict[str, str], code: str
) -> None:
    before = call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])
    with pytest.raises(AwsError) as refusal:
        call("SetQueueAttributes", QueueUrl=queue, Attributes={"DelaySeconds": "3"} | attributes)
    assert refusal.value.error_code == code
    assert call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"]) == before


def test_a_dead_letter_queue_says_whose_letters_it_takes(call: Sqs, queue: str) -> None:
    dead = call("CreateQueue", QueueName="dead")["QueueUrl"]
    policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": ARN + "dead", "maxReceiveCount": "3"})}
    allow: dict[str, Any] = {"redrivePermission": "byQueue", "sourceQueueArns": [ARN + "other"]}
    call("SetQueueAttributes", QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(allow)})
    with pytest.raises(AwsError, match="permission"):
        call("SetQueueAttributes", QueueUrl=queue, Attributes=policy)
    call("SetQueueAttributes", QueueUrl=dead, Attributes={"RedriveAllowPolicy": ""})
    call("SetQueueAttributes", QueueUrl=queue, Attributes=policy)
    shown = call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]
    assert json.loads(shown["RedrivePolicy"])["maxReceiveCount"] == 3
    assert call("ListDeadLetterSourceQueues", QueueUrl=dead)["queueUrls"] == [queue]


def test_permissions_are_statements_of_the_policy(call: Sqs, queue: str) -> None:
    given: dict[str, Any] = {"QueueUrl": queue, "Label": "one", "AWSAccountIds": ["111111111111"]}
    call("AddPermission", **given, Actions=["SendMessage"])
    with pytest.raises(AwsError, match="Already exists"):
        call("AddPermission", **given, Actions=["SendMessage"])
    with pytest.raises(AwsError, match="Only the queue owner"):
        call("AddPermission", **{**given, "Label": "two"}, Actions=["CreateQueue"])
    found = call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"]
    (statement,) = json.loads(found)["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["SQS:SendMessage"], ARN + "jobs")
    call("RemovePermission", QueueUrl=queue, Label="one")
    assert call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["Policy"]) == {}
    with pytest.raises(AwsError, match="can't find label"):
        call("RemovePermission", QueueUrl=queue, Label="one")


def test_tags_are_added_replaced_and_taken_away(call: Sqs, queue: str) -> None:
    call("TagQueue", QueueUrl=queue, Tags={"a": "1", "b": "2"})
    call("TagQueue", QueueUrl=queue, Tags={"a": "3"})
    call("UntagQueue", QueueUrl=queue, TagKeys=["b", "c"])
    assert call("ListQueueTags", QueueUrl=queue) == {"Tags": {"a": "3"}}


def test_a_deleted_or_purged_queue_leaves_no_message_and_no_record(
    server: Harness, call: Sqs, queue: str
) -> None:
    for number in range(250):
        call("SendMessage", QueueUrl=queue, MessageBody=str(number))
    call("PurgeQueue", QueueUrl=queue)
    assert call("ReceiveMessage", QueueUrl=queue) == {}
    with pytest.raises(AwsError) as refusal:
        call("PurgeQueue", QueueUrl=queue)
    assert refusal.value.former == "AWS.SimpleQueueService.PurgeQueueInProgress"
    server.settle()
    call("DeleteQueue", QueueUrl=queue)
    server.settle()
    rows = server.store.writer()._connection.execute("SELECT service, kind FROM records").fetchall()
    assert rows == []
    with pytest.raises(AwsError) as refusal:
        call("SendMessage", QueueUrl=queue, MessageBody="x")
    assert refusal.value.former == "AWS.SimpleQueueService.NonExistentQueue"
