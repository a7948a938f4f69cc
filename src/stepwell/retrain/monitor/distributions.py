"""What a column looked like in training, of all batches of a champion together.

A batch's profile keeps 21 quantiles of a number, not its rows. At a quantile the share of rows up to it is
known; where one value fills several quantiles it is known only to lie between two. So a share is a pair of
bounds, and a distance is taken from the nearer one: what isn't known is never told as drift.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..gate.answers import class_name
from ..prepare.profile import PARTS, ColumnProfile, Profile
from .faults import MonitorFault

Bounds = Tuple[float, float]


@dataclass(frozen=True)
class Part:
    """One batch's quantiles."""

    quantiles: Tuple[float, ...]
    #: rows with a value
    rows: int
    #: by how much a share may be wrong
    error: float
    #: the share of rows that are 0
    zeros: float

    def upto(self, x: float) -> Bounds:
        """The share of rows that are x or less."""
        found, last = self.quantiles, len(self.quantiles) - 1
        if x < found[0]:
            return 0.0, 0.0
        if x >= found[-1]:
            return 1.0, 1.0
        if x == 0.0 == found[0]:
            return self.zeros, self.zeros
        first, after = bisect_left(found, x), bisect_right(found, x)
        if first < after:
            # x is a quantile; of a value that fills several, rows may go on until the next
            return self._widened((after - 1) / last, (after - 1 if after - first == 1 else after) / last)
        return self._between(x, after)

    def below(self, x: float) -> Bounds:
        """The share of rows that are less than x."""
        found, last = self.quantiles, len(self.quantiles) - 1
        if x <= found[0]:
            return 0.0, 0.0
        if x > found[-1]:
            return 1.0, 1.0
        first, after = bisect_left(found, x), bisect_right(found, x)
        if first < after:
            return self._widened((first if after - first == 1 else first - 1) / last, first / last)
        return self._between(x, after)

    def _between(self, x: float, after: int) -> Bounds:
        """Between two quantiles rows are taken to be even, unless one of the two fills more than its own."""
        found, last = self.quantiles, len(self.quantiles) - 1
        low, high = found[after - 1], found[after]
        if found.count(low) > 1 or found.count(high) > 1:
            return self._widened((after - 1) / last, after / last)
        share = (after - 1 + (x - low) / (high - low)) / last
        return self._widened(share, share)

    def _widened(self, low: float, high: float) -> Bounds:
        return max(low - self.error, 0.0), min(high + self.error, 1.0)


@dataclass(frozen=True)
class Numbers:
    """A numeric column of all batches together."""

    parts: Tuple[Part, ...]
    missing: int
    #: all rows, those without a value too
    rows: int

    @property
    def known(self) -> int:
        """Rows with a value."""
        return sum(part.rows for part in self.parts)

    def upto(self, x: float) -> Bounds:
        """The share of rows that are x or less."""
        return self._mean([part.upto(x) for part in self.parts])

    def below(self, x: float) -> Bounds:
        """The share of rows that are less than x."""
        return self._mean([part.below(x) for part in self.parts])

    def quantiles(self, parts: int) -> List[float]:
        """Distinct values that divide the column into about equal parts."""
        values = self._values
        shares = [self.upto(value)[1] for value in values]
        places = [bisect_left(shares, step / parts) for step in range(1, parts)]
        return sorted({values[min(place, len(values) - 1)] for place in places})

    @property
    def knots(self) -> List[float]:
        """The values at which distributions are compared: quantiles, the least and the greatest."""
        return sorted({self._values[0], *self.quantiles(PARTS), self._values[-1]})

    @property
    def _values(self) -> List[float]:
        return sorted({value for part in self.parts for value in part.quantiles})

    def _mean(self, bounds: Sequence[Bounds]) -> Bounds:
        total = self.known
        low = sum(each[0] * part.rows for each, part in zip(bounds, self.parts)) / total
        return low, sum(each[1] * part.rows for each, part in zip(bounds, self.parts)) / total


@dataclass(frozen=True)
class Categories:
    """A column of categories of all batches together."""

    counts: Mapping[str, int]
    #: rows whose category was too rare to be kept: which are new can't be told then
    others: int
    missing: int
    rows: int

    @property
    def known(self) -> int:
        """Rows with a value."""
        return sum(self.counts.values()) + self.others


@dataclass(frozen=True)
class Plain:
    """A column of texts or times: only whether it is there is measured."""

    missing: int
    rows: int


def merge(profiles: Sequence[Profile], columns: Sequence[str]) -> Dict[str, Any]:
    """The named columns of all batches together. Raises MonitorFault where batches contradict each other."""
    rows = sum(profile.rows for profile in profiles)
    found: Dict[str, Any] = {}
    for name in columns:
        each = [profile.columns[name] for profile in profiles if name in profile.columns]
        if len(each) < len(profiles):
            raise MonitorFault(f"not every batch of the champion has a column {name!r}")
        kinds = sorted({column.type for column in each})
        if len(kinds) != 1:
            raise MonitorFault(f"the champion's batches say that {name!r} is {' and '.join(kinds)}")
        found[name] = _MERGES.get(kinds[0], _plain)(
            each, sum(column.missing for column in each), rows, profiles
        )
    return found


def _numbers(columns: Sequence[ColumnProfile], missing: int, rows: int, of: Sequence[Profile]) -> Any:
    parts = []
    for column, profile in zip(columns, of):
        count = profile.rows - column.missing
        if count and column.quantiles:
            parts.append(Part(column.quantiles, count, column.quantile_error, column.zeros / count))
    return Numbers(tuple(parts), missing, rows) if parts else Plain(missing, rows)


def _categories(columns: Sequence[ColumnProfile], missing: int, rows: int, of: Sequence[Profile]) -> Any:
    counts: Dict[str, int] = {}
    for column in columns:
        for value, count in column.counts.items():
            name = class_name(value)
            counts[name] = counts.get(name, 0) + count
    return Categories(counts, sum(column.others for column in columns), missing, rows)


def _plain(columns: Sequence[ColumnProfile], missing: int, rows: int, of: Sequence[Profile]) -> Any:
    return Plain(missing, rows)


_MERGES = {"number": _numbers, "category": _categories}
