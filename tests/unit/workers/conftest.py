"""Folders and workers for tests that run real processes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from stepwell.workers import containment
from stepwell.workers.jobs import Exit, Jobs, JobSpec

T = TypeVar("T")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with something in it that no worker may see."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "secret").write_text("the server's key")
    return folder


@pytest.fixture
def make_jobs(data: Path) -> Callable[[], Jobs]:
    """A server's view of the jobs; each call is a server that has just started."""

    def make() -> Jobs:
        return Jobs(
            root=data / "workers" / "jobs", data=data, endpoint="http://127.0.0.1:4566", region="eu-west-1"
        )

    return make


def python_job(worker_id: str, code: str, **changes: Any) -> JobSpec:
    """A job that runs `code` in this Python."""
    return JobSpec(
        worker_id=worker_id,
        command=(sys.executable, "-I", "-c", code),
        read=containment.python_paths(Path(sys.executable)),
        **changes,
    )


def run_job(jobs: Jobs, spec: JobSpec) -> tuple[Exit, list[str]]:
    """Start a job, wait for its end, and collect what it printed."""

    async def work() -> tuple[Exit, list[str]]:
        await jobs.start(spec)
        exit_ = await jobs.wait(spec.worker_id)
        return exit_, await printed(jobs, spec.worker_id)

    return run(work())


async def printed(jobs: Jobs, worker_id: str) -> list[str]:
    lines: list[str] = []
    async for batch in jobs.lines(worker_id):
        lines += [text for _, text in batch.lines]
    return lines


def run(work: Awaitable[T], seconds: float = 30) -> T:
    """Run to the end on a loop of its own, the kind that a server has; a test that hangs fails."""

    async def limited() -> T:
        async with asyncio.timeout(seconds):
            return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(limited())
