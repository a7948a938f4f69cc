"""The pytest plugin: a fixture, and nothing that runs before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from stepwell.testing.stepwell import Stepwell


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "stepwell(start=, region=, account=, iam=, images=, patience=): the server that the fixture makes",
    )


@pytest.fixture
def stepwell(request: pytest.FixtureRequest) -> Iterator[Stepwell]:
    """A server for this test alone, its data in a temporary folder, its clock in the test's hand."""
    from stepwell.testing.stepwell import Stepwell

    marker = request.node.get_closest_marker("stepwell")
    settings: dict[str, Any] = {} if marker is None else dict(marker.kwargs)
    with Stepwell(**settings) as server:
        yield server
