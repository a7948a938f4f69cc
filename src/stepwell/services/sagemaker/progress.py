"""Passes on what a long preparation says, as fast as it can be taken and no faster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Progress:
    """Called with messages, on the event loop's thread or any other.

    Every message goes to `say`; `show`, which may be slow, gets the latest there is.
    """

    def __init__(self, show: Callable[[str], Awaitable[None]], say: Callable[[str], None]) -> None:
        self._show = show
        self._say = say
        self._events = asyncio.get_running_loop()
        self._latest: str | None = None
        self._showing: asyncio.Task[None] | None = None

    def __call__(self, message: str) -> None:
        self._say(message)
        self._events.call_soon_threadsafe(self._take, message)

    def _take(self, message: str) -> None:
        self._latest = message
        if self._showing is None or self._showing.done():
            self._showing = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        while self._latest is not None:
            message, self._latest = self._latest, None
            await self._show(message)

    def abandon(self) -> None:
        """Show nothing more: whoever prepared was cancelled, and the server may be going."""
        if self._showing is not None:
            self._showing.cancel()

    async def close(self) -> None:
        """Return when what was said is shown."""
        await asyncio.sleep(0)
        if self._showing is not None:
            await self._showing
