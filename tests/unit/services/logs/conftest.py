"""The logs service in a server without edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Harness

from stepwell.services import logs


@pytest.fixture
def segments_for() -> Callable[[Harness], logs.Segments]:
    """Makes the segment files of a server."""
    return lambda harness: logs.Segments(
        harness.config.data / "logs",
        clock=harness.clock,
        submit=harness.dispatcher.submit,
        permits=harness.context.permits,
        durable=False,
    )


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Harness]:
    with Harness(tmp_path) as harness:
        yield harness


@pytest.fixture
def segments(bare: Harness, segments_for: Callable[[Harness], logs.Segments]) -> logs.Segments:
    return segments_for(bare)


@pytest.fixture
def server(bare: Harness, segments: logs.Segments) -> Harness:
    return bare.serve([logs.service(segments)], effects=logs.effects(segments, bare.context))
