"""A server without its edges: real SQLite, real blobs, the real loop, and a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from answers import check_shape

from stepwell.api.callers import root
from stepwell.api.context import Context
from stepwell.api.dispatch import Dispatcher
from stepwell.api.models import operation_model
from stepwell.api.operations import Operation, Service
from stepwell.calls import Call, Caller, Reply
from stepwell.clock import ManualClock
from stepwell.config import Config
from stepwell.durable import Draft, Effect, EffectKind, Loop, Performers, Timer, View
from stepwell.errors import AwsError
from stepwell.store.blobs import FileBlobs
from stepwell.store.sqlite import SqliteStore

ACCOUNT = "000000000000"
T = TypeVar("T")


class AllowAll:
    """Lets every call through: tests of authorisation have their own."""

    def unlimited(self, call: Call) -> bool:
        return True

    def __call__(self, call: Call, operation: Operation, view: View) -> None:
        """Nobody is refused."""

    def disclose(self, call: Call, operation: Operation, error: AwsError, view: View) -> None:
        """Everybody may know."""


class Harness:
    """Serves services to a test, which calls them one after the other, or several through `run`.

    with Harness(tmp_path) as server:
        server.serve([s3.service()], timers=...)
        server.call("s3", "CreateBucket", Bucket="b")
    """

    def __init__(self, folder: Path, *, region: str = "us-east-1") -> None:
        self.clock = ManualClock()
        self.config = Config(data=folder, region=region, durable=False)
        self.store = SqliteStore(folder / "stepwell.db", account=ACCOUNT, region=region, durable=False)
        for name in ("blobs", "tmp"):
            (folder / name).mkdir(exist_ok=True)
        self.blobs = FileBlobs(folder / "blobs", folder / "tmp", self._small_blob, durable=False)
        self.dispatcher = Dispatcher(store=self.store, authorise=AllowAll())
        self.events = asyncio.new_event_loop()
        self.events.set_default_executor(ThreadPoolExecutor(max_workers=4))
        #: whoever calls, unless a call names another
        self.caller: Caller = root(ACCOUNT)
        self.context = Context(
            config=self.config,
            clock=self.clock,
            blobs=self.blobs,
            dispatch=self.dispatcher.dispatch,
            decide=self.dispatcher.decide,
            read=self.dispatcher.read,
            permits=lambda caller, action, resource, view, keys=None, /: self.may(caller, action, resource),
            denied=lambda call, action, resources, view, /: {},
        )
        #: whether a caller has a right that a service needs beside a call; tests replace it
        self.may: Callable[[Caller, str, str], bool] = lambda caller, action, resource: True
        self._count = 0

    def serve(
        self,
        services: Iterable[Service],
        *,
        effects: Iterable[EffectKind] = (),
        timers: Mapping[str, Callable[[Timer, Draft], None]] | None = None,
    ) -> Harness:
        """Bind the parts together and start the loop."""
        self._performers = Performers({kind.name: kind for kind in effects})
        self._loop = Loop(
            store=self.store,
            clock=self.clock,
            timers=timers or {},
            started=self._started,
            settled=self._settled,
            ask=self.dispatcher.ask,
            seed=1,
        )
        self._performers.bind(self._loop.submit)
        self.dispatcher.bind(services=services, loop=self._loop, events=self.events, context=self.context)
        self._loop.start()
        return self

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """The output of one call. Raises AwsError."""
        return dict(self.reply(service, operation, **params).output)

    def reply(self, service: str, operation: str, **params: Any) -> Reply:
        """The whole reply of one call."""
        return self.run(self.dispatch(service, operation, **params))

    async def dispatch(self, service: str, operation: str, **params: Any) -> Reply:
        """One call, for tests that make several at once through `run`; its answer must fit AWS's model."""
        self._count += 1
        reply = await self.dispatcher.dispatch(
            Call(
                service=service,
                operation=operation,
                params=params,
                caller=self.caller,
                request_id=f"REQUEST{self._count:09d}",
            )
        )
        check_shape(operation_model(service, operation).output_shape, reply.output, operation)
        return reply

    def run(self, work: Awaitable[T]) -> T:
        """Run `work` on the event loop."""
        return self.events.run_until_complete(work)

    def decide(self, decision: Callable[[Draft], T]) -> T:
        """Commit a decision of the test's own."""
        return self.run(self.dispatcher.decide(decision))

    def read(self, read: Callable[[View], T]) -> T:
        """Look at what is committed."""
        return self.run(self.dispatcher.read(read))

    def advance(self, seconds: float) -> None:
        """Move the clock, and let everything happen that is due then."""
        self.clock.advance(seconds)
        self.settle()

    def settle(self) -> None:
        """Wait until no effect runs and no timer is due.

        What one look saw finished may have been followed by more in the same commit, hence two.
        """
        calm = 0
        while calm < 2:
            idle = not self._performers._running
            due = self.run(self._next_due())
            idle = idle and not self._performers._running and (due is None or due > self.clock.now())
            calm = calm + 1 if idle else 0

    async def _next_due(self) -> float | None:
        """When the next timer is due, asked after a commit: a decision sees not what is decided beside it."""
        answer: asyncio.Future[float | None] = self.events.create_future()

        def committed(value: Any, problem: BaseException | None) -> None:
            self.events.call_soon_threadsafe(answer.set_result, self._loop.next_due())

        self._loop.submit(lambda draft: None, committed)
        return await answer

    def __enter__(self) -> Harness:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.stop()
        self.run(self._performers.close())
        self.run(self.events.shutdown_default_executor())
        self.events.close()
        self.store.close()

    def _started(self, effects: list[Effect]) -> None:
        for effect in effects:
            self.events.call_soon_threadsafe(self._performers.start, effect)

    def _settled(self, tokens: set[str]) -> None:
        for token in tokens:
            self.events.call_soon_threadsafe(self._performers.cancel, token)

    def _small_blob(self, digest: str) -> bytes | None:
        with self.store.reader() as view:
            return view.small_blob(digest)
