"""What queues' attributes say, read."""

from __future__ import annotations

import json
from collections.abc import Mapping

from stepwell.services.sqs.records import Queue

#: the least, the most, and what a queue has unless told (API reference, CreateQueue)
NUMBERS: Mapping[str, tuple[int, int, int]] = {
    "DelaySeconds": (0, 900, 0),
    "MaximumMessageSize": (1024, 1_048_576, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600, 345_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20, 0),
    "VisibilityTimeout": (0, 43_200, 30),
}
#: those that only FIFO queues have, and what these have unless told
OF_FIFO: Mapping[str, str] = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoQueue": "true",
    "FifoThroughputLimit": "perQueue",
}


def number(queue: Queue, name: str) -> int:
    """A numeric attribute's value."""
    text = queue.attributes.get(name)
    return NUMBERS[name][2] if text is None else int(text)


def choice(queue: Queue, name: str) -> str:
    """A FIFO queue's attribute."""
    return queue.attributes.get(name, OF_FIFO[name])


def redrive(queue: Queue) -> tuple[str, int] | None:
    """The ARN of its dead-letter queue, and after how many receives a message goes there."""
    text = queue.attributes.get("RedrivePolicy")
    if text is None:
        return None
    found = json.loads(text)
    return found["deadLetterTargetArn"], int(found["maxReceiveCount"])
