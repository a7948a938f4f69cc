"""What is counted of each column while its cells go by; memory is bounded whatever the cells hold."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Callable, Dict, List, Optional, Sequence

from .profile import MOST_COUNTS, PARTS, ColumnProfile
from .quantiles import WIDTH, Sketch
from .settings import Column
from .times import written

#: distinct categories of which counts are kept; beyond, the rare ones are dropped
DISTINCT = 50_000
#: numbers that all sketches of a batch may hold per level, together
TOGETHER = 1 << 22


class Numbers:
    """Moments exactly (to rounding), quantiles by a sketch."""

    def __init__(self, width: int) -> None:
        self._sketch = Sketch(width)
        self._zeros = 0
        self._least, self._most = math.inf, -math.inf
        self._mean = self._squares = 0.0

    def add(self, values: Sequence[float]) -> None:
        """Count some numbers."""
        if not values:
            return
        before, more = self._sketch.count, len(values)
        self._sketch.add(values)
        self._zeros += values.count(0.0)
        self._least, self._most = min(self._least, min(values)), max(self._most, max(values))
        mean = math.fsum([value / more for value in values])
        squares = sum([(value - mean) * (value - mean) for value in values])
        # two parts' moments make the whole's (Chan, Golub and LeVeque, 1979)
        share, apart = more / (before + more), mean - self._mean
        self._squares += squares + (apart * apart * before * share if before else 0.0)
        self._mean = self._mean * (1 - share) + mean * share

    def profile(self, missing: int) -> ColumnProfile:
        """What was counted."""
        count = self._sketch.count
        if not count:
            return ColumnProfile("number", missing)
        deviation = math.sqrt(self._squares / count)
        quantiles = self._sketch.quantiles(PARTS)
        return ColumnProfile(
            type="number",
            missing=missing,
            least=self._least,
            most=self._most,
            mean=self._mean,
            deviation=deviation if math.isfinite(deviation) else None,
            quantiles=(self._least, *quantiles[1:-1], self._most),
            quantile_error=self._sketch.slack / count,
            zeros=self._zeros,
        )


class Categories:
    """How often each category is there; of very many, the frequent ones."""

    def __init__(self, distinct: int = DISTINCT) -> None:
        self._counts: Counter[str] = Counter()
        self._total = 0
        self._distinct = distinct
        self._error = 0

    def add(self, values: Sequence[str]) -> None:
        """Count some categories."""
        self._total += len(values)
        self._counts.update(values)
        if len(self._counts) > 2 * self._distinct:
            ordered = sorted(self._counts.values(), reverse=True)
            bound = ordered[self._distinct]
            self._error += bound
            self._counts = Counter({value: n for value, n in self._counts.items() if n > bound})

    def profile(self, missing: int) -> ColumnProfile:
        """What was counted; equally frequent categories in the order of their names."""
        ordered = sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))
        counts = dict(ordered[:MOST_COUNTS])
        others = self._total - sum(counts.values())
        return ColumnProfile("category", missing, counts=counts, others=others, count_error=self._error)


class Texts:
    """How long texts are."""

    def __init__(self) -> None:
        self._shortest: Optional[int] = None
        self._longest: Optional[int] = None

    def add(self, values: Sequence[str]) -> None:
        """See some texts."""
        if values:
            lengths = [len(value) for value in values]
            self._shortest = min(lengths + ([] if self._shortest is None else [self._shortest]))
            self._longest = max(lengths + ([] if self._longest is None else [self._longest]))

    def profile(self, missing: int) -> ColumnProfile:
        """What was seen."""
        return ColumnProfile("text", missing, shortest=self._shortest, longest=self._longest)


class Times:
    """From when to when times are."""

    def __init__(self) -> None:
        self._bounds: List[float] = []

    def add(self, values: Sequence[float]) -> None:
        """See some times, in seconds since 1970."""
        if values:
            seen = [min(values), max(values), *self._bounds]
            self._bounds = [min(seen), max(seen)]

    def profile(self, missing: int) -> ColumnProfile:
        """What was seen."""
        first, last = (written(each) for each in self._bounds) if self._bounds else (None, None)
        return ColumnProfile("time", missing, first=first, last=last)


#: a column's type → what counts it, given how many numbers a sketch may hold per level
TALLIES: Dict[str, Callable[[int], Any]] = {
    "number": Numbers,
    "integer": Numbers,
    "category": lambda width: Categories(),
    "boolean": lambda width: Categories(),
    "text": lambda width: Texts(),
    "time": lambda width: Times(),
}


def tallies(columns: Sequence[Column]) -> List[Any]:
    """One for each column; of many columns each is given less memory."""
    width = max(1024, min(WIDTH, TOGETHER // len(columns)))
    return [TALLIES[column.type](width) for column in columns]
