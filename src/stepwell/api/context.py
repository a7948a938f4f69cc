"""What asynchronous handlers (`prepare`, `act`, effects' performers) may use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from stepwell.calls import Call, Reply
from stepwell.clock import Clock
from stepwell.config import Config
from stepwell.durable.draft import Draft
from stepwell.durable.ports import Blobs, View

T = TypeVar("T")


class Decider(Protocol):
    """Submits a decision to the loop; gives its value once committed, or raises what it raised."""

    def __call__(self, decision: Callable[[Draft], T], /) -> Awaitable[T]: ...


class Reader(Protocol):
    """Runs a read on a snapshot, off the event loop."""

    def __call__(self, read: Callable[[View], T], /) -> Awaitable[T]: ...


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

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now()


class LogSink(Protocol):
    """Where workers' output goes: the logs service keeps it in append-only segments, off the loop."""

    def write(self, group: str, stream: str, lines: list[tuple[float, str]]) -> None:
        """Append lines (seconds since the epoch, text); creates group and stream where missing."""
        ...
