"""A FIFO queue gives each group's messages in order, one lot at a time, and lets repeats in once."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Harness
from queueing import Sqs, bodies, counts, receive

from stepwell.errors import AwsError


def send(call: Sqs, queue: str, group: str, *texts: str) -> list[dict[str, Any]]:
    return [
        call(
            "SendMessage",
            QueueUrl=queue,
            MessageBody=text,
            MessageGroupId=group,
            MessageDeduplicationId=f"{group}-{text}",
        )
        for text in texts
    ]


def delete(call: Sqs, queue: str, message: dict[str, Any]) -> None:
    call("DeleteMessage", QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def test_a_group_in_flight_blocks_its_next_messages_and_no_other_group(
    server: Harness, call: Sqs, fifo: str
) -> None:
    send(call, fifo, "g", "1", "2", "3")
    (first, second) = receive(call, fifo, MaxNumberOfMessages=2)
    assert [first["Body"], second["Body"]] == ["1", "2"]
    send(call, fifo, "h", "a")
    assert bodies(call, fifo) == ["a"]
    delete(call, fifo, first)
    assert bodies(call, fifo) == []
    delete(call, fifo, second)
    assert bodies(call, fifo) == ["3"]
    assert counts(call, fifo) == (0, 2, 0)


def test_what_comes_back_comes_before_what_follows(server: Harness, call: Sqs, fifo: str) -> None:
    send(call, fifo, "g", "1", "2")
    (first,) = receive(call, fifo, MaxNumberOfMessages=1)
    server.advance(30)
    with pytest.raises(AwsError, match="receipt handle has expired"):
        delete(call, fifo, first)
    again = receive(call, fifo)
    assert [message["Body"] for message in again] == ["1", "2"]
    call(
        "ChangeMessageVisibility", QueueUrl=fifo, ReceiptHandle=again[0]["ReceiptHandle"], VisibilityTimeout=0
    )
    assert bodies(call, fifo) == []
    server.advance(30)
    assert bodies(call, fifo) == ["1", "2"]


def test_a_repeat_is_let_in_once_for_five_minutes(server: Harness, call: Sqs, fifo: str) -> None:
    (first, repeat) = send(call, fifo, "g", "1", "1")
    assert (first["MessageId"], first["SequenceNumber"]) == (repeat["MessageId"], repeat["SequenceNumber"])
    (message,) = receive(call, fifo)
    delete(call, fifo, message)
    server.advance(299)
    send(call, fifo, "g", "1")
    assert bodies(call, fifo) == []
    server.advance(1)
    (later,) = send(call, fifo, "g", "1")
    assert bodies(call, fifo) == ["1"]
    assert len(later["SequenceNumber"]) == 20 and later["SequenceNumber"] > first["SequenceNumber"]


def test_forgotten_ids_do_not_pile_up(server: Harness, call: Sqs, fifo: str) -> None:
    send(call, fifo, "g", *"abcdef")
    server.advance(301)
    send(call, fifo, "g", *"123")
    rows = server.store.writer()._connection.execute(
        "SELECT kind, count(*) FROM records WHERE kind LIKE 'seen%' GROUP BY kind"
    )
    assert sorted(rows.fetchall()) == [("seen", 3), ("seen-until", 3)]


@pytest.mark.parametrize(("scope", "both"), [("queue", ["x"]), ("messageGroup", ["x", "x"])])
def test_repeats_are_told_by_content_in_the_queue_or_the_group(
    call: Sqs, scope: str, both: list[str]
) -> None:
    attributes = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "true",
        "DeduplicationScope": scope,
    }
    url = call("CreateQueue", QueueName="content.fifo", Attributes=attributes)["QueueUrl"]
    for group in "gh":
        call("SendMessage", QueueUrl=url, MessageBody="x", MessageGroupId=group)
    assert bodies(call, url) == both


@pytest.mark.parametrize(
    "params",
    [
        {"MessageDeduplicationId": "1"},
        {"MessageGroupId": "g"},
        {"MessageGroupId": "g", "MessageDeduplicationId": "1", "DelaySeconds": 5},
    ],
)
def test_a_fifo_queue_needs_group_and_id_and_takes_no_delay(
    call: Sqs, fifo: str, params: dict[str, Any]
) -> None:
    with pytest.raises(AwsError) as refusal:
        call("SendMessage", QueueUrl=fifo, MessageBody="x", **params)
    assert refusal.value.former in ("MissingParameter", "InvalidParameterValue")


def test_a_delay_of_the_queue_holds_its_groups_back(server: Harness, call: Sqs, fifo: str) -> None:
    call("SetQueueAttributes", QueueUrl=fifo, Attributes={"DelaySeconds": "10"})
    send(call, fifo, "g", "1")
    server.advance(5)
    send(call, fifo, "g", "2")
    assert (bodies(call, fifo), counts(call, fifo)) == ([], (0, 0, 2))
    server.advance(5)
    (first,) = receive(call, fifo)
    assert first["Body"] == "1"
    server.advance(5)
    assert bodies(call, fifo) == []
    delete(call, fifo, first)
    assert bodies(call, fifo) == ["2"]


def test_sequence_numbers_go_on_after_a_purge(call: Sqs, fifo: str) -> None:
    (first,) = send(call, fifo, "g", "1")
    call("PurgeQueue", QueueUrl=fifo)
    (second,) = send(call, fifo, "g", "2")
    assert second["SequenceNumber"] > first["SequenceNumber"]
    assert bodies(call, fifo) == ["2"]
