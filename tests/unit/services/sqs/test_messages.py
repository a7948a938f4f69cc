"""A message is given to one receiver at a time, until it is deleted, given up, or too old."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import pytest
from harness import Harness
from queueing import Sqs, bodies, counts, receive

from stepwell.errors import AwsError

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def send(call: Sqs, queue: str, *bodies: str, **params: Any) -> None:
    for body in bodies:
        call("SendMessage", QueueUrl=queue, MessageBody=body, **params)


def test_a_message_is_hidden_while_it_is_in_flight_and_comes_back_after(
    server: Harness, call: Sqs, queue: str
) -> None:
    send(call, queue, "a", "b")
    first = receive(call, queue, AttributeNames=["All"])
    assert [message["Body"] for message in first] == ["a", "b"]
    assert first[0]["Attributes"]["ApproximateReceiveCount"] == "1"
    assert (bodies(call, queue), counts(call, queue)) == ([], (0, 2, 0))
    server.advance(30)
    again = receive(call, queue, MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in again] == ["2", "2"]
    call("DeleteMessage", QueueUrl=queue, ReceiptHandle=again[0]["ReceiptHandle"])
    call("DeleteMessage", QueueUrl=queue, ReceiptHandle=again[0]["ReceiptHandle"])
    # given to another since: left alone
    call("DeleteMessage", QueueUrl=queue, ReceiptHandle=first[1]["ReceiptHandle"])
    server.advance(30)
    assert (bodies(call, queue), counts(call, queue)) == (["b"], (0, 1, 0))


def test_a_delayed_message_comes_when_its_delay_is_over(server: Harness, call: Sqs, queue: str) -> None:
    send(call, queue, "late", DelaySeconds=10)
    send(call, queue, "now")
    assert (bodies(call, queue), counts(call, queue)) == (["now"], (0, 1, 1))
    server.advance(10)
    assert bodies(call, queue) == ["late"]


def test_a_receiver_may_change_how_long_a_message_is_hidden(server: Harness, call: Sqs, queue: str) -> None:
    send(call, queue, "a")
    (message,) = receive(call, queue, VisibilityTimeout=5)
    handle = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}
    call("ChangeMessageVisibility", **handle, VisibilityTimeout=60)
    server.advance(59)
    assert bodies(call, queue) == []
    with pytest.raises(AwsError, match="beyond the limit"):
        call("ChangeMessageVisibility", **handle, VisibilityTimeout=43_200)
    call("ChangeMessageVisibility", **handle, VisibilityTimeout=0)
    with pytest.raises(AwsError) as refusal:
        call("ChangeMessageVisibility", **handle, VisibilityTimeout=5)
    assert refusal.value.former == "AWS.SimpleQueueService.MessageNotInflight"
    assert bodies(call, queue) == ["a"]


def test_a_strange_receipt_handle_is_refused(call: Sqs, queue: str, fifo: str) -> None:
    send(call, fifo, "a", MessageGroupId="g", MessageDeduplicationId="1")
    (message,) = receive(call, fifo)
    for handle in ("", "nonsense", message["ReceiptHandle"]):
        with pytest.raises(AwsError) as refusal:
            call("DeleteMessage", QueueUrl=queue, ReceiptHandle=handle)
        assert refusal.value.error_code == "ReceiptHandleIsInvalid"


def test_too_old_messages_go_by_themselves(server: Harness, call: Sqs, queue: str, fifo: str) -> None:
    for url, params in ((queue, {}), (fifo, {"MessageGroupId": "g", "MessageDeduplicationId": "1"})):
        call("SetQueueAttributes", QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
        send(call, url, "old", **params)
    server.advance(30)
    send(call, queue, "young")
    server.advance(30)
    assert (bodies(call, queue), bodies(call, fifo)) == (["young"], [])
    assert counts(call, fifo) == (0, 0, 0)
    call("SetQueueAttributes", QueueUrl=queue, Attributes={"MessageRetentionPeriod": "600"})
    server.advance(60)
    assert bodies(call, queue) == ["young"]
    server.advance(600)
    assert counts(call, queue) == (0, 0, 0)


def test_a_message_that_is_received_too_often_goes_to_the_dead_letters(
    server: Harness, call: Sqs, queue: str
) -> None:
    dead = call("CreateQueue", QueueName="dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": ARN + "dead", "maxReceiveCount": 2}
    call("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(policy)})
    send(call, queue, "poison")
    (first,) = receive(call, queue)
    server.advance(30)
    assert bodies(call, queue) == ["poison"]
    server.advance(30)
    send(call, queue, "good")
    assert (bodies(call, queue), counts(call, queue)) == (["good"], (0, 1, 0))
    (letter,) = receive(call, dead, AttributeNames=["All"])
    assert (letter["MessageId"], letter["Body"]) == (first["MessageId"], "poison")
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == ARN + "jobs"
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"

    server.advance(30)
    task = call("StartMessageMoveTask", SourceArn=ARN + "dead")
    assert task["TaskHandle"]
    server.settle()
    (done,) = call("ListMessageMoveTasks", SourceArn=ARN + "dead")["Results"]
    assert (done["Status"], done["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    assert sorted(bodies(call, queue)) == ["good", "poison"]
    with pytest.raises(AwsError, match="Dead Letter Queue"):
        call("StartMessageMoveTask", SourceArn=ARN + "jobs")


def test_a_move_task_keeps_its_rate_and_can_be_cancelled(server: Harness, call: Sqs, queue: str) -> None:
    call("CreateQueue", QueueName="dead")
    policy = {"deadLetterTargetArn": ARN + "dead", "maxReceiveCount": 2}
    call("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(policy)})
    send(call, "dead", *"abcdef")
    start = {"SourceArn": ARN + "dead", "MaxNumberOfMessagesPerSecond": 2}
    handle = call("StartMessageMoveTask", **start, DestinationArn=ARN + "jobs")["TaskHandle"]
    with pytest.raises(AwsError, match="already a task running"):
        call("StartMessageMoveTask", **start)
    server.settle()
    assert bodies(call, queue) == ["a", "b"]
    server.advance(1)
    assert bodies(call, queue) == ["c", "d"]
    assert call("CancelMessageMoveTask", TaskHandle=handle) == {"ApproximateNumberOfMessagesMoved": 4}
    server.advance(5)
    assert bodies(call, queue) == []
    with pytest.raises(AwsError, match="Only active"):
        call("CancelMessageMoveTask", TaskHandle=handle)


def test_attributes_come_back_as_asked_for_with_their_sums(call: Sqs, queue: str) -> None:
    attributes = {
        "shop.n": {"DataType": "Number", "StringValue": "7"},
        "shop.raw": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff"},
        "who": {"DataType": "String", "StringValue": "Änna"},
    }
    sent = call("SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes=attributes)
    assert sent["MD5OfMessageBody"] == hashlib.md5(b"x").hexdigest()
    (message,) = receive(call, queue, MessageAttributeNames=["All"], VisibilityTimeout=0)
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    (message,) = receive(call, queue, MessageAttributeNames=["shop.*"], VisibilityTimeout=0)
    assert sorted(message["MessageAttributes"]) == ["shop.n", "shop.raw"]
    (message,) = receive(call, queue, MessageAttributeNames=["who"], VisibilityTimeout=0)
    # length, name, length, type, 1 for text, length, value: worked out by hand from the developer guide
    parts = b"\0\0\0\3who" + b"\0\0\0\6String" + b"\1" + b"\0\0\0\5" + "Änna".encode()
    assert message["MD5OfMessageAttributes"] == hashlib.md5(parts).hexdigest()
    (message,) = receive(call, queue)
    assert "MessageAttributes" not in message


@pytest.mark.parametrize(
    ("params", "former"),
    [
        ({"MessageBody": ""}, "MissingParameter"),
        ({"MessageBody": "bell \x07"}, "InvalidMessageContents"),
        ({"MessageBody": "x" * 1025}, "InvalidParameterValue"),
        ({"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
        ({"MessageBody": "x", "MessageDeduplicationId": "1"}, "InvalidParameterValue"),
        ({"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "String"}}}, "InvalidParameterValue"),
        (
            {"MessageBody": "x", "MessageAttributes": {"aws.a": {"DataType": "String", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
    ],
)
def test_a_message_that_breaks_a_limit_is_refused(
    call: Sqs, queue: str, params: dict[str, Any], former: str
) -> None:
    call("SetQueueAttributes", QueueUrl=queue, Attributes={"MaximumMessageSize": "1024"})
    with pytest.raises(AwsError) as refusal:
        call("SendMessage", QueueUrl=queue, **params)
    assert refusal.value.former == former
    assert counts(call, queue) == (0, 0, 0)


def test_entries_of_a_batch_succeed_and_fail_by_themselves(call: Sqs, queue: str) -> None:
    entries = [{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": "\x07"}]
    answer = call("SendMessageBatch", QueueUrl=queue, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["a"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("b", "InvalidMessageContents", True)
    (message,) = receive(call, queue)
    handles = [{"Id": "a", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "b", "ReceiptHandle": "no"}]
    changed = [{**each, "VisibilityTimeout": 90} for each in handles]
    answer = call("ChangeMessageVisibilityBatch", QueueUrl=queue, Entries=changed)
    assert (answer["Successful"], answer["Failed"][0]["Code"]) == ([{"Id": "a"}], "ReceiptHandleIsInvalid")
    answer = call("DeleteMessageBatch", QueueUrl=queue, Entries=handles)
    assert (answer["Successful"], len(answer["Failed"])) == ([{"Id": "a"}], 1)
    assert counts(call, queue) == (0, 0, 0)


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([str(n) for n in range(11)], "TooManyEntriesInBatchRequest"),
        (["a", "a"], "BatchEntryIdsNotDistinct"),
        (["a b"], "InvalidBatchEntryId"),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(call: Sqs, queue: str, ids: list[str], code: str) -> None:
    with pytest.raises(AwsError) as refusal:
        call("SendMessageBatch", QueueUrl=queue, Entries=[{"Id": id_, "MessageBody": "x"} for id_ in ids])
    assert (refusal.value.error_code, refusal.value.former) == (code, f"AWS.SimpleQueueService.{code}")


def test_who_waits_is_woken_by_a_message_and_not_before(server: Harness, call: Sqs, queue: str) -> None:
    async def both() -> tuple[Any, list[str]]:
        order: list[str] = []

        async def wait() -> Any:
            reply = await server.dispatch("sqs", "ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=20)
            order.append("received")
            return reply.output["Messages"][0]["Body"]

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        order.append("sent")
        await server.dispatch("sqs", "SendMessage", QueueUrl=queue, MessageBody="wake up")
        return await asyncio.wait_for(waiting, 5), order

    assert server.run(both()) == ("wake up", ["sent", "received"])


def test_who_waits_in_vain_gets_nothing_after_the_time(server: Harness, call: Sqs, queue: str) -> None:
    assert call("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1) == {}
    with pytest.raises(AwsError) as refusal:
        call("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=21)
    assert refusal.value.former == "InvalidParameterValue"


def test_a_receive_reads_as_little_of_a_long_queue_as_of_a_short_one(
    server: Harness, call: Sqs, queue: str
) -> None:
    """Steps of SQLite's machine, which do not depend on how busy the computer is."""
    for part in range(5):
        entries = [{"Id": str(n), "MessageBody": f"{part}-{n}"} for n in range(10)]
        call("SendMessageBatch", QueueUrl=queue, Entries=entries)

    def steps() -> int:
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        connection = server.store.writer()._connection
        connection.set_progress_handler(step, 1)
        receive(call, queue, MaxNumberOfMessages=1)
        connection.set_progress_handler(None, 0)
        return count

    short = steps()
    for part in range(100):
        entries = [{"Id": str(n), "MessageBody": f"{part}-{n}"} for n in range(10)]
        call("SendMessageBatch", QueueUrl=queue, Entries=entries)
    assert steps() < 1.5 * short


def test_what_a_call_must_have_is_told_in_sqs_s_words(call: Sqs, queue: str) -> None:
    with pytest.raises(AwsError, match="must contain the parameter MessageBody") as refusal:
        call("SendMessage", QueueUrl=queue)
    assert refusal.value.former == "MissingParameter"
