"""What a benchmark measured: runs of one quantity, here and, where it can do the same, in moto."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: how often each quantity is measured; the median counts
RUNS = 5


class Wrong(Exception):
    """A workload's result was not right, so its time does not count."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table."""

    #: what was done
    what: str
    #: `ms`, `s`, `MB`, or something per second
    unit: str
    #: one value a run
    runs: tuple[float, ...]
    #: the same work in moto's server; None where it was not asked or could not
    moto: tuple[float, ...] | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def more_is_better(self) -> bool:
        return self.unit.endswith("/s")

    @property
    def ratio(self) -> float | None:
        """How many times better than moto's median; below 1 it is worse."""
        if self.moto is None:
            return None
        ours, theirs = self.median, statistics.median(self.moto)
        return ours / theirs if self.more_is_better else theirs / ours


def runs(measure: Callable[[], float], count: int = RUNS) -> tuple[float, ...]:
    """`measure`'s values, one a run."""
    return tuple(measure() for _ in range(count))


def middle(measure: Callable[[], float], count: int) -> float:
    """The median of `count` single measurements: one run's value where a single one is too small."""
    return statistics.median(measure() for _ in range(count))


class Clock:
    """Seconds between entering and leaving."""

    seconds = 0.0


@contextmanager
def clock() -> Iterator[Clock]:
    """Times a block: `with clock() as took: ...`, then `took.seconds`."""
    found = Clock()
    began = time.perf_counter()
    yield found
    found.seconds = time.perf_counter() - began


def right(condition: bool, what: str) -> None:
    """Raises Wrong unless the condition holds."""
    if not condition:
        raise Wrong(what)
