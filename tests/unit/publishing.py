"""SNS as tests use it: subscribed queues, and what has come into them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness import Harness

#: one call: its operation, its parameters
Sns = Callable[..., dict[str, Any]]


def queue(server: Harness, name: str) -> str:
    """A queue, FIFO by its name; gives its ARN."""
    attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    server.call("sqs", "CreateQueue", QueueName=name, Attributes=attributes)
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def subscribed(server: Harness, topic: str, name: str, **attributes: str) -> str:
    """A new queue, subscribed with these attributes; gives the subscription's ARN."""
    found: str = server.call(
        "sns",
        "Subscribe",
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue(server, name),
        Attributes=attributes,
    )["SubscriptionArn"]
    return found


def received(server: Harness, name: str) -> list[dict[str, Any]]:
    """The messages that a queue has got, once no delivery is under way."""
    server.settle()
    answer = server.call(
        "sqs", "ReceiveMessage", QueueUrl=name, MaxNumberOfMessages=10,
        MessageAttributeNames=["All"], AttributeNames=["All"],
    )  # fmt: skip
    return list(answer.get("Messages", []))


def texts(server: Harness, name: str) -> list[str]:
    """What the envelopes in a queue say."""
    return [json.loads(message["Body"])["Message"] for message in received(server, name)]
