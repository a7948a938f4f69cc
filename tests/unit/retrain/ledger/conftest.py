"""A server for all tests of the ledger, and a workflow of its own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from retrain.ledger.world import World

from stepwell.testing import Stepwell


@pytest.fixture(scope="package")
def server() -> Iterator[Stepwell]:
    with Stepwell() as stepwell:
        yield stepwell


@pytest.fixture
def world(server: Stepwell) -> World:
    return World(server)


@pytest.fixture
def made(server: Stepwell) -> Callable[..., World]:
    """Makes a workflow with other settings."""

    def make(**settings: Any) -> World:
        return World(server, **settings)

    return make
