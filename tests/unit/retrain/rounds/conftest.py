"""A server for all tests of rounds, and a monitor of its own for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from retrain.rounds.watching import Watching

from stepwell.testing import Stepwell


@pytest.fixture(scope="package")
def server() -> Iterator[Stepwell]:
    with Stepwell() as stepwell:
        yield stepwell


@pytest.fixture
def watching(server: Stepwell) -> Watching:
    return Watching(server)
