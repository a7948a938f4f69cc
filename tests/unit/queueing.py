"""SQS as tests use it: calls, and what is in a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: one call: its operation, its parameters
Sqs = Callable[..., dict[str, Any]]


def receive(call: Sqs, queue: str, **params: Any) -> list[dict[str, Any]]:
    """All that can be received, up to ten messages."""
    params = {"MaxNumberOfMessages": 10, **params}
    found: list[dict[str, Any]] = call("ReceiveMessage", QueueUrl=queue, **params).get("Messages", [])
    return found


def bodies(call: Sqs, queue: str, **params: Any) -> list[str]:
    return [message["Body"] for message in receive(call, queue, **params)]


def counts(call: Sqs, queue: str) -> tuple[int, int, int]:
    """Visible, in flight, delayed."""
    found = call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    names = ("", "NotVisible", "Delayed")
    a, b, c = (int(found[f"ApproximateNumberOfMessages{name}"]) for name in names)
    return a, b, c
