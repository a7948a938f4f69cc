"""A server with SNS and SQS, on a manual clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ACCOUNT, Harness
from publishing import Sns

from stepwell.services import sns, sqs
from stepwell.triggers import deliveries

ENDPOINT = "http://127.0.0.1:4566"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Harness]:
    parts = sqs.Parts(addresses=sqs.Addresses(ENDPOINT))
    with Harness(tmp_path) as harness:
        yield harness.serve(
            [sqs.service(parts), sns.service(sns.Parts(endpoint=ENDPOINT))],
            effects=deliveries.effects(dispatch=harness.dispatcher.dispatch, account=ACCOUNT),
            timers={**sqs.timers(parts), **deliveries.timers()},
        )


@pytest.fixture
def call(server: Harness) -> Sns:
    """One call to SNS: its operation, its parameters."""
    return lambda operation, **params: server.call("sns", operation, **params)


@pytest.fixture
def topic(call: Sns) -> str:
    """The ARN of a standard topic."""
    found: str = call("CreateTopic", Name="news")["TopicArn"]
    return found


@pytest.fixture
def fifo(call: Sns) -> str:
    """The ARN of a FIFO topic."""
    found: str = call("CreateTopic", Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    return found
