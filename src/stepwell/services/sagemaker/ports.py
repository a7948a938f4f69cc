"""What this service needs of `workers`, no more: the seams at which tests put fakes and others put Ray."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stepwell.api.context import Context, LogSink
from stepwell.services.sagemaker.captures import Captures
from stepwell.workers.environments import Environment
from stepwell.workers.jobs import Exit, Handle, JobSpec, LogBatch
from stepwell.workers.routing import Router
from stepwell.workers.worker_roles import WorkerCredentials


class Jobs(Protocol):
    """Supervised processes that outlive the server (`workers.jobs.Jobs`)."""

    def folder(self, worker_id: str) -> Path: ...

    def known(self, worker_id: str) -> bool: ...

    def staging(self, worker_id: str) -> Path | None: ...

    async def start(self, spec: JobSpec) -> Handle: ...

    def ended(self, worker_id: str) -> Exit | None: ...

    async def wait(self, worker_id: str) -> Exit: ...

    def stop(self, worker_id: str) -> None: ...

    def lines(self, worker_id: str, offset: int = 0) -> AsyncIterator[LogBatch]: ...

    def forget(self, worker_id: str) -> None: ...


class Environments(Protocol):
    """What images stand for (`workers.environments.Environments`)."""

    def ready(self, image: str) -> Environment | None: ...

    async def build(self, image: str, progress: Callable[[str], None]) -> Environment: ...


class Servers(Protocol):
    """Model servers (`workers.servers.Servers`)."""

    async def start(self, spec: JobSpec, *, startup: float) -> Handle: ...

    async def drain(self, worker_id: str) -> Exit: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What work on jobs and endpoints is done with."""

    context: Context
    jobs: Jobs
    servers: Servers
    router: Router
    environments: Environments
    logs: LogSink
    credentials: WorkerCredentials
    captures: Captures
    #: waits between two attempts at a server that died, in seconds
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
