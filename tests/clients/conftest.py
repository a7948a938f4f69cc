"""Terraform, installed once for all of its tests; a server for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running
from terraform import Installed, install


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Terraform and the AWS provider, where they lie on this machine."""
    mirror = os.environ.get("STEPWELL_TF_MIRROR")
    if not mirror:
        pytest.skip("STEPWELL_TF_MIRROR names no folder of Terraform providers")
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on the PATH")
    return install(Path(mirror), tmp_path_factory.mktemp("terraform"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A server for one test alone."""
    running = Running(tmp_path / "data")
    running.start()
    yield running
    running.stop()
