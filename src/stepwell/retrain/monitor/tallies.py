"""What is counted of each column while captured rows go by, and what it says of drift.

Counts need bounded memory, whatever arrives, and can be written down: rows of a quiet day join the next's.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..gate.answers import class_name
from . import statistics
from .distributions import Bounds, Categories, Numbers, Plain

#: rows expected of a category, were nothing changed, below which it joins the rare ones (Cochran's rule)
LEAST_EXPECTED = 5
#: categories never seen in training that are counted by name
MOST_UNSEEN = 1000
#: characters of such a category's name, as many as a batch's may have; whoever asks chooses it
LONGEST_NAME = 256


@dataclass(frozen=True)
class Measure:
    """One value, and how likely as much of it is by chance."""

    value: float
    #: None: it is what it is, no draw from anything
    chance: Optional[float] = None


class NumberTally:
    """Numbers, counted at and between the values at which training's distribution is known."""

    def __init__(self, training: Numbers, counted: Optional[Mapping[str, Any]] = None) -> None:
        self._training = training
        self._knots = training.knots
        given = counted or {}
        #: rows below the first knot, at it, between it and the next, at that one, ..
        self._counts: List[int] = list(given.get("counts", [0] * (2 * len(self._knots) + 1)))
        self.missing: int = given.get("missing", 0)

    def add(self, cell: str) -> None:
        """Count a cell. One that is no finite number is missing."""
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.missing += 1
            return
        place = bisect_left(self._knots, value)
        self._counts[2 * place + (place < len(self._knots) and self._knots[place] == value)] += 1

    @property
    def known(self) -> int:
        """Rows with a value."""
        return sum(self._counts)

    def to_json(self) -> Dict[str, Any]:
        """What was counted."""
        return {"counts": self._counts, "missing": self.missing}

    def measures(self) -> Dict[str, Measure]:
        """PSI over training's deciles, and the distance of the distribution functions."""
        training, n = self._training, self.known
        distance = 0.0
        edges, deciles = [], set(training.quantiles(10))
        rows = 0
        for place, knot in enumerate(self._knots):
            rows += self._counts[2 * place]
            distance = max(distance, _apart(rows / n, training.below(knot)))
            rows += self._counts[2 * place + 1]
            expected = training.upto(knot)
            distance = max(distance, _apart(rows / n, expected))
            if knot in deciles:
                edges.append((rows, min(max(rows / n, expected[0]), expected[1])))
        seen = _steps([count for count, _ in edges], n)
        wanted = _steps([share * training.known for _, share in edges], training.known)
        index = statistics.psi(seen, wanted)
        m = training.known
        return {
            "psi": Measure(index, statistics.psi_chance(index, len(seen), n, m)),
            "ks": Measure(distance, statistics.ks_chance(distance, n, m)),
        }


class CategoryTally:
    """Categories by name; those that training never saw as well."""

    def __init__(self, training: Categories, counted: Optional[Mapping[str, Any]] = None) -> None:
        self._training = training
        given = counted or {}
        self._counts: Dict[str, int] = dict(given.get("counts", {}))
        #: categories that training never saw, beyond those that are counted by name
        self._beyond: int = given.get("beyond", 0)
        self.missing: int = given.get("missing", 0)

    def add(self, cell: str) -> None:
        """Count a cell."""
        name = class_name(cell)
        if not name:
            self.missing += 1
        elif name in self._counts or name in self._training.counts or self._has_room(name):
            self._counts[name] = self._counts.get(name, 0) + 1
        else:
            self._beyond += 1

    def _has_room(self, name: str) -> bool:
        return len(self._counts) < MOST_UNSEEN and len(name) <= LONGEST_NAME

    @property
    def known(self) -> int:
        """Rows with a value."""
        return sum(self._counts.values()) + self._beyond

    def to_json(self) -> Dict[str, Any]:
        """What was counted."""
        return {"counts": self._counts, "beyond": self._beyond, "missing": self.missing}

    @property
    def unseen(self) -> Dict[str, int]:
        """Categories that training never saw, the most frequent first."""
        new = [(name, count) for name, count in self._counts.items() if name not in self._training.counts]
        return dict(sorted(new, key=lambda each: (-each[1], each[0])))

    def measures(self) -> Dict[str, Measure]:
        """PSI over frequent categories and all others together; the share that training never saw."""
        training, n, m = self._training, self.known, self._training.known
        found: Dict[str, Measure] = {}
        if m:
            frequent = [name for name, count in training.counts.items() if count * n >= LEAST_EXPECTED * m]
            seen = [self._counts.get(name, 0) for name in frequent]
            wanted = [training.counts[name] for name in frequent]
            seen, wanted = [*seen, n - sum(seen)], [*wanted, m - sum(wanted)]
            index = statistics.psi(seen, wanted)
            found["psi"] = Measure(index, statistics.psi_chance(index, len(seen), n, m))
        if not training.others:
            found["unseen"] = Measure((sum(self.unseen.values()) + self._beyond) / n)
        return found


class PlainTally:
    """Texts and times: whether they are there."""

    def __init__(self, training: Plain, counted: Optional[Mapping[str, Any]] = None) -> None:
        given = counted or {}
        self.known: int = given.get("known", 0)
        self.missing: int = given.get("missing", 0)

    def add(self, cell: str) -> None:
        """Count a cell."""
        if cell:
            self.known += 1
        else:
            self.missing += 1

    def to_json(self) -> Dict[str, Any]:
        """What was counted."""
        return {"known": self.known, "missing": self.missing}

    def measures(self) -> Dict[str, Measure]:
        """Nothing but what is measured of every column."""
        return {}


_TALLIES: Dict[type, Any] = {Numbers: NumberTally, Categories: CategoryTally, Plain: PlainTally}


def tally(training: Any, counted: Optional[Mapping[str, Any]] = None) -> Any:
    """What counts a column of that training distribution, going on from an earlier count."""
    return _TALLIES[type(training)](training, counted)


def measured(training: Any, tallied: Any, least_rows: int) -> Dict[str, Measure]:
    """All measures of a column: the rise of its missing share, and those of its values where they suffice."""
    rows = tallied.known + tallied.missing
    before = training.missing / training.rows if training.rows else 0.0
    found = {"missing": Measure(max(tallied.missing / rows - before, 0.0))}
    if tallied.known >= least_rows:
        found.update(tallied.measures())
    return found


def _apart(share: float, bounds: Bounds) -> float:
    return max(bounds[0] - share, share - bounds[1], 0.0)


def _steps(edges: Sequence[float], total: float) -> List[float]:
    """What lies between cumulative counts, up to the whole."""
    ends = [*edges, total]
    return [high - low for low, high in zip([0, *ends], ends)]
