"""What asynchronous handlers (`prepare`, `act`, effects' performers) may use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from stepwell.calls import Call, Caller, Reply
from stepwell.clock import Clock
from stepwell.config import Config
from stepwell.durable.draft import Draft
from stepwell.durable.ports import Blobs, View
from stepwell.errors import AwsError

T = TypeVar("T")


class Decider(Protocol):
    """Submits a decision to the loop; gives its value once committed, or raises what it raised."""

    def __call__(self, decision: Callable[[Draft], T], /) -> Awaitable[T]: ...


class Reader(Protocol):
    """Runs a read on a snapshot, off the event loop."""

    def __call__(self, read: Callable[[View], T], /) -> Awaitable[T]: ...


class Permits(Protocol):
    """Says whether `caller` may do `action` on `resource`, given further condition keys."""

    def __call__(
        self, caller: Caller, action: str, resource: str, view: View, keys: Mapping[str, str] | None = None, /
    ) -> bool: ...


class Denied(Protocol):
    """Gives those of `resources` on which the call's caller may not do `action`, with what to tell it."""

    def __call__(
        self, call: Call, action: str, resources: Iterable[str], view: View, /
    ) -> Mapping[str, AwsError]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The asynchronous side's view of the server."""

    config: Config
    clock: Clock
    blobs: Blobs
    #: makes another call, validated and authorised like any
    dispatch: Callable[[Call], Awaitable[Reply]]
    decide: Decider
    read: Reader
    #: whether a caller has a right that a service needs for it beside the call under way
    permits: Permits
    #: the resources, among several of one call, that its caller may not use, with their refusals
    denied: Denied

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now()


class LogSink(Protocol):
    """Where workers' output goes: the logs service keeps it in append-only segments, off the loop."""

    def write(self, group: str, stream: str, lines: list[tuple[float, str]]) -> None:
        """Append lines (seconds since the epoch, text); creates group and stream where missing."""
        ...

    def writable(self, view: View, caller: Caller, group: str, stream: str) -> bool:
        """Whether `caller`, a worker's role, may write there: without the right its lines are lost."""
        ...
