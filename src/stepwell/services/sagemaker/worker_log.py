"""A worker's lines on their way to CloudWatch Logs: each once, also when the server was away meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from stepwell.calls import Caller
from stepwell.services.sagemaker.ports import Parts

Lines = Sequence[tuple[float, str]]
#: beside the worker's folder of what the job sees: how far its log was passed on
CURSOR = "followed"


class Listener(Protocol):
    """Who hears a worker's lines."""

    async def feed(self, lines: Lines) -> None:
        """Take lines."""
        ...

    async def close(self) -> None:
        """There are no more."""
        ...


class WorkerLog:
    """The log of one worker."""

    def __init__(self, parts: Parts, worker_id: str, *, group: str, stream: str) -> None:
        """group, stream: where CloudWatch Logs has it."""
        self._sink = parts.logs
        self._context = parts.context
        self._jobs = parts.jobs
        self._worker_id = worker_id
        self._group = group
        self._stream = stream
        self._writable: bool | None = None
        #: hear of every line from the first, also of those that were passed on before
        self.listeners: list[Listener] = []

    async def open(self, caller: Caller) -> None:
        """Ask, once, whether the worker's role may write here; without the right, nothing is kept."""
        if self._writable is not None:
            return
        self._writable = await self._context.read(
            lambda view: self._sink.writable(view, caller, self._group, self._stream)
        )

    def say(self, message: str) -> None:
        """A line of the server's own, before the job has any."""
        self._keep([(self._context.now, message)])

    async def follow(self) -> None:
        """Pass the log on until the job has ended and all of it is passed on.

        After a restart listeners may hear some lines twice, in order; the sink gets none twice.
        """
        try:
            await self._follow()
        finally:
            for listener in self.listeners:
                await listener.close()

    async def _follow(self) -> None:
        cursor = self._jobs.folder(self._worker_id) / CURSOR
        done = read_cursor(cursor)
        if done:
            async for batch in self._jobs.lines(self._worker_id):
                await self._tell(batch.lines)
                if batch.offset >= done:
                    break
        async for batch in self._jobs.lines(self._worker_id, done):
            await self._tell(batch.lines)
            self._keep(list(batch.lines))
            cursor.write_text(str(batch.offset))

    def _keep(self, lines: list[tuple[float, str]]) -> None:
        if self._writable:
            self._sink.write(self._group, self._stream, lines)

    async def _tell(self, lines: Lines) -> None:
        for listener in self.listeners:
            await listener.feed(lines)


def read_cursor(path: Path) -> int:
    """How far a log was passed on, in bytes; 0 for one that was not, or for a torn cursor."""
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0
