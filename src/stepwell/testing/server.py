"""The server in this process: the real one, with mocks in front of its tasks, on a clock that stands.

Its event loop has a thread of its own; a test's thread hands coroutines to it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import Any, TypeVar

from stepwell.api.callers import root
from stepwell.api.operations import Service
from stepwell.app import Server
from stepwell.calls import Call
from stepwell.clock import ManualClock
from stepwell.config import Config
from stepwell.durable import EffectKind, View
from stepwell.durable.loop import TimerHandler
from stepwell.engine.turn import TASK_EFFECT
from stepwell.testing.activity import Activity
from stepwell.testing.errors import StillBusy
from stepwell.testing.mocks import Mocks

T = TypeVar("T")

#: seconds between two looks whether the server still lives
LOOK = 1.0


class InProcess(Server):
    """A server whose tasks may be mocked, and whose calm can be waited for."""

    clock: ManualClock

    def __init__(self, config: Config, clock: ManualClock, patience: float) -> None:
        super().__init__(config, clock)
        #: seconds of real time that real work under way may take
        self.patience = patience
        self.activity = Activity()
        self.mocks = Mocks()
        #: what ended the core, where something did
        self.fault: BaseException | None = None

    async def calm(self) -> float | None:
        """Wait until nothing is under way and nothing is due; gives when the next is due.

        Raises StillBusy, and what a function of a mock raised.
        """
        try:
            async with asyncio.timeout(self.patience):
                while True:
                    await self.activity.pause()
                    begun = self.activity.begun
                    due = await self._next_due()
                    later = due is None or due > self.clock.now()
                    if later and self.activity.begun == begun and not self.activity.busy():
                        break
        except TimeoutError:
            doing = "; ".join(self.activity.busy()) or "one thing after the other at the same moment"
            told = f"after {self.patience:g} s of real time the server still does: {doing}"
            raise StillBusy(told) from None
        if self.mocks.raised:
            raise self.mocks.raised.pop(0)
        return due

    async def _next_due(self) -> float | None:
        """When the next timer is due once all that came in is decided; wakes the core, too.

        Asked after the commit: a decision would not see what is decided beside it. Effects that the commit
        started have begun before this is answered.
        """
        events = asyncio.get_running_loop()
        answer: asyncio.Future[float | None] = events.create_future()

        def told(due: float | None) -> None:
            if not answer.done():
                answer.set_result(due)

        def committed(value: Any, problem: BaseException | None) -> None:
            events.call_soon_threadsafe(told, self.loop.next_due())

        self.loop.submit(lambda draft: None, committed)
        return await answer

    async def advance(self, target: float, until: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Let all that is due up to `target` happen, each at its own time; with `until`, only so far."""
        due = await self.calm()
        while True:
            if until is not None and await until():
                return
            if due is None or due > target:
                break
            self.clock.move(due)
            due = await self.calm()
        self.clock.move(target)
        await self.calm()

    async def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """One call as the account's root, past HTTP. Raises AwsError."""
        caller = root(self.config.account)
        reply = await self.dispatcher.dispatch(
            Call(service=service, operation=operation, params=params, caller=caller)
        )
        return dict(reply.output)

    async def end(self) -> None:
        """End with all workers."""
        self._stop_all = True
        await self.close()

    def _parts(self) -> tuple[list[Service], list[EffectKind], dict[str, TimerHandler]]:
        services, effects, timers = super()._parts()
        kinds = [
            self.mocks.around(kind, self.engine) if kind.name == TASK_EFFECT else kind for kind in effects
        ]
        watched = [self.activity.watched(kind) for kind in kinds]
        return services, watched, {**timers, **self.mocks.timers(self.engine)}

    def _crashed(self) -> None:
        self.fault = sys.exc_info()[1]


class Thread:
    """An `InProcess` server on an event loop of its own thread."""

    def __init__(self, server: InProcess) -> None:
        self.server = server
        self._events = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._events.run_forever, name="stepwell", daemon=True)
        self._thread.start()
        try:
            self.run(server.start())
        except BaseException:
            self._end()
            raise

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out a coroutine of the server and give what it gives."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("the server waits for itself")
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._events)
        try:
            while not wait_for([future], timeout=LOOK).done:
                if self.server.fault is not None:
                    raise RuntimeError("the server's core failed") from self.server.fault
            return future.result()
        except BaseException:
            # Ctrl-C, a test's time-out: nobody waits any more
            future.cancel()
            raise

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One call as the account's root, past HTTP. Raises AwsError."""
        return self.run(self.server.call(service, operation, params))

    def read(self, read: Callable[[View], T]) -> T:
        """Look at what is committed, from this thread."""
        with self.server.store.reader() as view:
            return read(view)

    def close(self) -> None:
        """End the server and its thread."""
        try:
            self.run(self.server.end())
        finally:
            self._end()

    def _end(self) -> None:
        self._events.call_soon_threadsafe(self._events.stop)
        self._thread.join()
        self._events.run_until_complete(self._events.shutdown_default_executor())
        self._events.close()
