"""Servers for acceptance tests: one that all share, and one for a test of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from declaring import Program
from running import Running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server for tests that leave it as they find it, up to names of their own."""
    running = Running(tmp_path_factory.mktemp("server") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Running]:
    """A server for one test alone."""
    running = Running(tmp_path / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def program(server: Running, tmp_path: Path, request: pytest.FixtureRequest) -> Program:
    """A program named after its test."""
    return Program(server, tmp_path, request.node.name.removeprefix("test_").replace("_", "-")[:30])
