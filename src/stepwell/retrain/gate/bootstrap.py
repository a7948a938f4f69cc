"""The paired bootstrap: how a difference of two scores varies when rows are drawn again, with both answers.

Percentiles and their inversion into p-values (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapters 13 and 15; one added above and below the line as Davison and Hinkley, 1997, 4.2): they are never
outside of what the score can be, and ask nothing of a metric that the user wrote. Draws come from Python's
own generator, whose `random()` is the same in every version: a seed gives the same evidence everywhere.
"""

from __future__ import annotations

import base64
import random
import struct
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Sequence

from .faults import MetricUndefined
from .metrics import Metric, Scale

#: draws for which the score doesn't exist, as a share, above which there is no test
UNDEFINED_SHARE = 0.1
#: rows drawn in all, so that many rows take minutes and not hours; there are LEAST_DRAWS in any case
MOST_ROWS_DRAWN = 20_000_000
LEAST_DRAWS = 400


@dataclass(frozen=True)
class Draws:
    """Differences that the bootstrap drew, ascending; more is better for the challenger."""

    #: as `difference` gives them
    values: tuple[float, ...]
    #: draws for which a score did not exist
    undefined: int = 0

    def worse_by(self, margin: float) -> float:
        """P of as bad a result were the challenger worse by no more than the margin."""
        return (1 + len(self.values) - bisect_left(self.values, -margin)) / (1 + len(self.values))

    def better_than(self, margin: float) -> float:
        """P of as good a result were the challenger worse by the margin (0: no better)."""
        return (1 + bisect_right(self.values, -margin)) / (1 + len(self.values))

    def interval(self, level: float) -> tuple[float, float]:
        """The percentile interval as (low, high)."""
        count = len(self.values)
        outer = min(max(int((1 - level) / 2 * (count + 1)), 1), (count + 1) // 2)
        return self.values[outer - 1], self.values[count - outer]

    def packed(self) -> str:
        """The draws as text: doubles, deflated, in base64."""
        plain = struct.pack("<%dd" % len(self.values), *self.values)
        return base64.b64encode(zlib.compress(plain, 9)).decode("ascii")

    @classmethod
    def unpacked(cls, text: str, undefined: int) -> Draws:
        """The draws of `packed`. Raises ValueError where the text is not."""
        try:
            plain = zlib.decompress(base64.b64decode(text, validate=True))
            values = struct.unpack("<%dd" % (len(plain) // 8), plain)
        except (zlib.error, struct.error) as error:
            raise ValueError(str(error)) from error
        if not values or list(values) != sorted(values):
            raise ValueError("draws are not ascending")
        return cls(values, undefined)


def difference(metric: Metric, challenger: float, champion: float, base: float) -> float:
    """By how much the challenger is better: in points of a score, or as a share of `base` for an error."""
    if metric.higher_is_better:
        return challenger - champion
    return (champion - challenger) / (base or 1.0)


def draw(
    metric: Metric,
    scale: Scale,
    labels: Sequence[Any],
    challenger: Sequence[Any],
    champion: Sequence[Any],
    *,
    base: float,
    resamples: int,
    seed: int,
) -> Draws:
    """Differences on rows drawn with replacement, `resamples` times, or less often for very many rows.

    Raises MetricUndefined where too many draws have none.
    """
    resamples = min(resamples, max(LEAST_DRAWS, MOST_ROWS_DRAWN // max(len(labels), 1)))
    # rows that are alike count together: few cells for classes, one a row for numbers
    cells = Counter(zip(labels, challenger, champion))
    found = list(zip(*cells))
    edges = list(accumulate(cells.values()))
    places, rows = range(len(cells)), len(labels)
    source = random.Random(seed)
    values: list[float] = []
    undefined, last = 0, MetricUndefined("")
    for _ in range(resamples):
        drawn = Counter(source.choices(places, cum_weights=edges, k=rows))
        weights = [drawn[place] for place in places]
        try:
            ours = metric.score(found[0], found[1], weights, scale)
            theirs = metric.score(found[0], found[2], weights, scale)
        except MetricUndefined as error:
            undefined, last = undefined + 1, error
            continue
        values.append(difference(metric, ours, theirs, base))
    if undefined > UNDEFINED_SHARE * resamples:
        raise MetricUndefined(f"{undefined} of {resamples} draws have no score: {last}", last.code)
    return Draws(tuple(sorted(values)), undefined)
