"""Where every call ends, whoever makes it: look up, validate, authorise, hand to its handler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import msgspec

from stepwell.api.context import Context
from stepwell.api.fields import refuse_unknown
from stepwell.api.models import operation_model
from stepwell.api.operations import Answer, Operation, Service
from stepwell.api.validate import validate
from stepwell.calls import Call, Reply
from stepwell.durable.draft import Draft
from stepwell.durable.loop import Decision, Loop
from stepwell.durable.ports import Store, View
from stepwell.errors import AwsError, UnsupportedOperation

log = logging.getLogger(__name__)
T = TypeVar("T")


#: threads that read snapshots, each with a connection of its own
READERS = 4


class Authorise(Protocol):
    """Raises AccessDenied when the call must not be made."""

    def unlimited(self, call: Call, /) -> bool:
        """Whether no policy limits the caller, so that none need be read."""
        ...

    def __call__(self, call: Call, operation: Operation, view: View, /) -> None: ...

    def disclose(self, call: Call, operation: Operation, error: AwsError, view: View, /) -> None:
        """Raise AccessDenied when the caller may not learn what `error` tells."""
        ...


class Dispatcher:
    """The server's operations behind one function, `dispatch`."""

    def __init__(self, *, store: Store, authorise: Authorise) -> None:
        self._store = store
        self._authorise = authorise
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._services: dict[str, Service] = {}
        self._loop: Loop | None = None
        self._events: asyncio.AbstractEventLoop | None = None
        self._context: Context | None = None

    def bind(
        self, *, services: Iterable[Service], loop: Loop, events: asyncio.AbstractEventLoop, context: Context
    ) -> None:
        """Complete the circle: services need the dispatcher, which needs the services."""
        self._services = {service.name: service for service in services}
        self._loop = loop
        self._events = events
        self._context = context

    @property
    def services(self) -> Mapping[str, Service]:
        return self._services

    def service_known(self, name: str) -> bool:
        """Whether the service (botocore's name) is served here."""
        return name in self._services

    async def dispatch(self, call: Call) -> Reply:
        """Answer `call`. Raises AwsError."""
        operation = self._admit(call)
        try:
            return await self._answer(call, operation)
        except AwsError as error:
            if operation.disclosure is not None and not self._authorise.unlimited(call):
                told = error
                await self.read(lambda view: self._authorise.disclose(call, operation, told, view))
            raise

    async def _answer(self, call: Call, operation: Operation) -> Reply:
        assert self._context is not None
        if operation.read is not None:
            handler = operation.read
            return await self.read(lambda view: self._read(call, operation, handler, view))
        if not self._authorise.unlimited(call):
            await self.read(lambda view: self._authorise(call, operation, view))
        if operation.act is not None:
            return reply_of(await operation.act(call, self._context))
        assert operation.decide is not None
        decide: Callable[..., Answer] = operation.decide
        prepared: tuple[Any, ...] = ()
        if operation.prepare is not None:
            prepared = (await operation.prepare(call, self._context),)
        return await self.decide(lambda draft: once(call, draft, lambda: decide(call, draft, *prepared)))

    def ask(self, call: Call, view: View) -> Reply:
        """Answer a read-only call from `view`, inside a decision. Raises AwsError."""
        operation = self._admit(call)
        if operation.read is None:
            raise UnsupportedOperation(f"{call.operation} is not read-only: it cannot be asked in a decision")
        return self._read(call, operation, operation.read, view)

    async def decide(self, decision: Callable[[Draft], T]) -> T:
        """Submit a decision to the loop and wait for its commit."""
        assert self._loop is not None and self._events is not None
        future: asyncio.Future[T] = self._events.create_future()
        self._loop.submit(decision, _Release(self._events, future))
        return await future

    def submit(self, decision: Decision) -> None:
        """Submit a decision and wait for nothing."""
        assert self._loop is not None
        self._loop.submit(decision)

    async def read(self, read: Callable[[View], T]) -> T:
        """Run a read on a snapshot, on a reader's thread."""
        assert self._events is not None
        return await self._events.run_in_executor(self._readers, self._on_snapshot, read)

    def close(self) -> None:
        """Wait for reads under way."""
        self._readers.shutdown()

    def _on_snapshot(self, read: Callable[[View], T]) -> T:
        with self._store.reader() as view:
            return read(view)

    def _admit(self, call: Call) -> Operation:
        service = self._services.get(call.service)
        operation = service.operations.get(call.operation) if service else None
        if service is None or operation is None:
            raise UnsupportedOperation(
                f"Stepwell does not support the operation {call.operation} of {call.service}"
            )
        shape = operation_model(call.service, call.operation).input_shape
        if service.missing is not None and shape is not None:
            absent = (name for name in shape.required_members if call.params.get(name) is None)
            first = next(absent, None)
            if first is not None:
                raise service.missing(first)
        validate(shape, call.params, service.invalid)
        refuse_unknown(operation, shape, call.params)
        return operation

    def _read(self, call: Call, operation: Operation, handler: Callable[..., Answer], view: View) -> Reply:
        self._authorise(call, operation, view)
        return reply_of(handler(call, view))


class _Release:
    """Carries a decision's result from the loop's thread to a future of the event loop."""

    __slots__ = ("_events", "_future")

    def __init__(self, events: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
        self._events = events
        self._future = future

    def __call__(self, value: Any, problem: BaseException | None) -> None:
        self._events.call_soon_threadsafe(self._settle, value, problem)

    def _settle(self, value: Any, problem: BaseException | None) -> None:
        if self._future.done():
            return
        if problem is not None:
            self._future.set_exception(problem)
        else:
            self._future.set_result(value)


def once(call: Call, draft: Draft, decide: Callable[[], Answer]) -> Reply:
    """Decide a call that carries an effect's token only once: a repeat gets the first reply."""
    if call.token is None:
        return reply_of(decide())
    known = draft.known_reply(call.token)
    if known is not None:
        return Reply(output=msgspec.json.decode(known))
    reply = reply_of(decide())
    draft.keep_reply(call.token, msgspec.json.encode(reply.output))
    return reply


def reply_of(answer: Answer) -> Reply:
    """A handler's answer as a reply."""
    if isinstance(answer, Reply):
        return answer
    return Reply(output=answer or {})
