"""A server with SQS only, on a manual clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Harness
from queueing import Sqs

from stepwell.services import sqs


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Harness]:
    parts = sqs.Parts(addresses=sqs.Addresses("http://127.0.0.1:4566"))
    with Harness(tmp_path) as harness:
        yield harness.serve([sqs.service(parts)], timers=sqs.timers(parts))


@pytest.fixture
def call(server: Harness) -> Sqs:
    """One call: its operation, its parameters."""
    return lambda operation, **params: server.call("sqs", operation, **params)


@pytest.fixture
def queue(call: Sqs) -> str:
    """The URL of a standard queue."""
    url: str = call("CreateQueue", QueueName="jobs")["QueueUrl"]
    return url


@pytest.fixture
def fifo(call: Sqs) -> str:
    """The URL of a FIFO queue."""
    url: str = call("CreateQueue", QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    return url
