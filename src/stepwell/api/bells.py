"""Wakes those who wait for messages and tasks: long polling asks only when there may be an answer.

A ring is a hint and nothing more: decisions ring before their commit, and whoever wakes asks the loop again,
which answers after that commit. A lost ring would cost only time, for every wait ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Bell:
    """One who waits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake it; from any thread."""
        self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, seconds: float) -> None:
        """Return when rung, or after that time."""
        try:
            await asyncio.wait_for(self._rung.wait(), seconds)
        except TimeoutError:
            return


class Bells:
    """Who waits at which queue (or activity), by its name."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Bell, ...]] = {}
        #: whether the server ends: nobody waits any more
        self.closed = False

    @contextmanager
    def hung(self, queue: str) -> Iterator[Bell]:
        """A bell that rings for a queue, for as long as the block lasts."""
        bell = Bell()
        # tuples are replaced, never changed: the loop's thread reads them meanwhile
        self._waiting[queue] = (*self._waiting.get(queue, ()), bell)
        try:
            yield bell
        finally:
            left = tuple(each for each in self._waiting[queue] if each is not bell)
            if left:
                self._waiting[queue] = left
            else:
                del self._waiting[queue]

    def waiting(self, queue: str) -> int:
        """How many wait at a queue."""
        return len(self._waiting.get(queue, ()))

    def ring(self, queue: str) -> None:
        """There may be something to receive; from any thread."""
        for bell in self._waiting.get(queue, ()):
            bell.ring()

    def close(self) -> None:
        """Let everybody go: the server ends."""
        self.closed = True
        for queue in list(self._waiting):
            self.ring(queue)
