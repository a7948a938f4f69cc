"""Model servers: jobs that listen on a port of the loopback interface.

They live on when the server dies, on the port that their spec records; the server that comes back talks to
the same port. A swap drains: what is under way ends, what is new goes elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from stepwell.workers.connections import Broken, Connections, Response
from stepwell.workers.jobs import Exit, Handle, Jobs, JobSpec, LogBatch, WorkerError

#: how long a healthy server may take until its first /ping succeeds, in seconds
STARTUP = 240.0
#: how long one /ping may take, in seconds
PING = 2.0
#: how long one invocation may take, in seconds
INVOCATION = 60.0
#: between two attempts at a server that starts, in seconds
PING_INTERVAL = 0.05
#: lines of its log that explain why a server did not start
EXPLAINING = 20


class ServerFailed(WorkerError):
    """A model server ended, or never became healthy. The message holds the end of its log."""


class ModelUnavailable(WorkerError):
    """A request found no model server that takes it: it is draining, or gone."""


@dataclass(slots=True, kw_only=True)
class _Traffic:
    """What is going on with one model server."""

    connections: Connections
    under_way: int = 0
    draining: bool = False
    quiet: asyncio.Event = field(default_factory=asyncio.Event)


class Servers:
    """All model servers below one folder of jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self._traffic: dict[str, _Traffic] = {}

    async def start(self, spec: JobSpec, *, startup: float = STARTUP) -> Handle:
        """Start a model server, or attach to the one that has this id; return when it is healthy.

        Without `spec.port` a free port is taken. Raises ServerFailed when it ends or is not healthy within
        `startup` seconds; it is stopped then.
        """
        port = spec.port if spec.port is not None else self._free_port()
        variables = {**spec.variables, "SAGEMAKER_BIND_TO_PORT": str(port)}
        handle = await self.jobs.start(replace(spec, port=port, variables=variables))
        if handle.port is None:
            raise WorkerError(f"{spec.worker_id} was not started as a model server")
        await self.healthy(spec.worker_id, startup)
        return handle

    def _free_port(self) -> int:
        """A port that nobody listens on and no living model server has recorded."""
        taken = {self._port(path.parent.name) for path in self.jobs.root.glob("*/spec.json")}
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port: int = probe.getsockname()[1]
            if port not in taken:
                return port

    def _port(self, worker_id: str) -> int | None:
        """The port that a running server has recorded."""
        if self.jobs.ended(worker_id) is not None:
            return None
        port: int | None = json.loads((self.jobs.folder(worker_id) / "spec.json").read_text())["port"]
        return port

    def _of(self, worker_id: str) -> _Traffic:
        """Raises ModelUnavailable when the server is not known or has ended."""
        found = self._traffic.get(worker_id)
        if found is None:
            port = self._port(worker_id) if self.jobs.known(worker_id) else None
            if port is None:
                raise ModelUnavailable(f"no model server {worker_id} runs")
            found = self._traffic[worker_id] = _Traffic(connections=Connections(port))
        return found

    async def healthy(self, worker_id: str, startup: float = STARTUP) -> None:
        """Return as soon as /ping answers 200. Raises ServerFailed."""
        ending = asyncio.ensure_future(self.jobs.wait(worker_id))
        try:
            async with asyncio.timeout(startup):
                while not ending.done():
                    if await self._ping(worker_id):
                        return
                    await asyncio.wait([ending], timeout=PING_INTERVAL)
        except TimeoutError:
            await self.kill(worker_id)
            reason = f"/ping did not answer 200 within {startup:g} s"
        else:
            reason = describe(ending.result())
        finally:
            ending.cancel()
        raise ServerFailed(f"the model server {reason}\n{await self._last_lines(worker_id)}")

    async def _ping(self, worker_id: str) -> bool:
        try:
            answer = await self._of(worker_id).connections.request("GET", "/ping", {}, b"", PING)
        except (OSError, TimeoutError, Broken, ModelUnavailable):
            return False
        return answer.status == 200

    async def _last_lines(self, worker_id: str) -> str:
        last: list[str] = []
        async for batch in self.jobs.lines(worker_id):
            last = [*last, *(text for _, text in batch.lines)][-EXPLAINING:]
        return "\n".join(last)

    async def invoke(
        self, worker_id: str, headers: Mapping[str, str], body: bytes, *, timeout: float = INVOCATION
    ) -> Response:
        """One POST to /invocations. What the model answers is returned, errors included.

        Raises TimeoutError, and ModelUnavailable when the server drains, is gone or broke off.
        """
        traffic = self._of(worker_id)
        if traffic.draining:
            raise ModelUnavailable(f"{worker_id} takes no new requests")
        traffic.under_way += 1
        try:
            return await traffic.connections.request("POST", "/invocations", headers, body, timeout)
        except TimeoutError:
            raise
        except (OSError, Broken) as error:
            raise ModelUnavailable(f"{worker_id}: {error}") from error
        finally:
            traffic.under_way -= 1
            if traffic.under_way == 0:
                traffic.quiet.set()

    async def drain(self, worker_id: str) -> Exit:
        """Take no new requests, let those under way end, then stop the server. Returns how it ended.

        Raises WorkerError when the server is not known.
        """
        if self.jobs.ended(worker_id) is None:
            traffic = self._of(worker_id)
            traffic.draining = True
            while traffic.under_way:
                traffic.quiet.clear()
                await traffic.quiet.wait()
        return await self.kill(worker_id)

    async def kill(self, worker_id: str) -> Exit:
        """Stop the server, requests under way or not: SIGTERM, then SIGKILL after its grace period."""
        self.jobs.stop(worker_id)
        exit_ = await self.jobs.wait(worker_id)
        traffic = self._traffic.pop(worker_id, None)
        if traffic is not None:
            traffic.connections.close()
        return exit_

    def lines(self, worker_id: str, offset: int = 0) -> AsyncIterator[LogBatch]:
        """Follow a server's log, as `Jobs.lines` does."""
        return self.jobs.lines(worker_id, offset)


def describe(exit_: Exit) -> str:
    """How a worker ended, for a sentence about it."""
    if exit_.reason != "exit":
        return f"ended ({exit_.reason}): {exit_.detail}" if exit_.detail else f"ended ({exit_.reason})"
    return (
        f"exited with status {exit_.code}" if exit_.signal is None else f"was ended by signal {exit_.signal}"
    )
