"""The house: where its parts lie, and the services that a server is composed of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from stepwell.api.operations import Service
from stepwell.app import Server
from stepwell.config import Config


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def package(root: Path) -> Path:
    """The package's source."""
    return root / "src" / "stepwell"


@pytest.fixture(scope="session")
def pages(root: Path) -> list[Path]:
    """The documents that people read, without those that `make docs` writes."""
    found = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return sorted(path for path in found if "reference" not in path.parts)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Service]:
    """All services, as the composition root puts them together."""
    folder = tmp_path_factory.mktemp("house")

    async def composed() -> Mapping[str, Service]:
        server = Server(Config(data=folder / "data", cache=folder / "cache", port=0, durable=False))
        await server.start()
        try:
            return dict(server.dispatcher.services)
        finally:
            await server.close()

    return asyncio.run(composed())
