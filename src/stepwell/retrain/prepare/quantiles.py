"""Quantiles of as many numbers as come, in bounded memory, with an error that is known and said.

Numbers are kept in levels; one of level h stands for 2**h. A full level is sorted, and every second number of
it moves up, the odd and the even ones by turns. Each such step changes the rank of any value by at most 2**h,
so the sum over the steps bounds the error of every answer, whatever the numbers are. (The compactor of Manku,
Rajagopalan and Lindsay, 1998, without its sampling: no randomness, and the same answer every time.)
"""

from __future__ import annotations

from array import array
from typing import List, Sequence, Tuple

#: numbers that a level holds: up to so many in all, quantiles are exact
WIDTH = 16384


class Sketch:
    """The numbers seen so far, the most of them by a few that stand for others."""

    def __init__(self, width: int = WIDTH) -> None:
        #: how many numbers were seen
        self.count = 0
        #: by how much the rank of an answer may be wrong
        self.slack = 0
        self._width = width
        self._levels: List[array[float]] = [array("d")]
        self._odd: List[bool] = [False]

    def add(self, values: Sequence[float]) -> None:
        """See some numbers, none of them infinite."""
        self.count += len(values)
        self._levels[0].extend(values)
        level = 0
        while level < len(self._levels) and len(self._levels[level]) > self._width:
            self._lift(level)
            level += 1

    def quantiles(self, parts: int) -> List[float]:
        """The 0th to the last of so many equal parts; empty before there are numbers.

        A quantile is the least number seen of which it can be said that its share of all numbers is as large
        or smaller (the inverse of the distribution function).
        """
        weighted: List[Tuple[float, int]] = sorted(
            (value, 1 << level) for level, values in enumerate(self._levels) for value in values
        )
        found: List[float] = []
        below = 0
        for value, weight in weighted:
            below += weight
            while len(found) <= parts and below >= max(1, -(-len(found) * self.count // parts)):
                found.append(value)
        return found

    def _lift(self, level: int) -> None:
        values = sorted(self._levels[level])
        left = values[len(values) // 2 * 2 :]
        if level + 1 == len(self._levels):
            self._levels.append(array("d"))
            self._odd.append(False)
        self._levels[level + 1].extend(values[int(self._odd[level]) : len(values) - len(left) : 2])
        self._levels[level] = array("d", left)
        self._odd[level] = not self._odd[level]
        self.slack += 1 << level
