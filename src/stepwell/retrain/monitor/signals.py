"""When a measure is told: beyond its threshold several times in a row; then not again until it was back.

A value that swings about a threshold would be told every day. So it has two: it crosses at one, and only
where it has been within the other may it cross again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from .configuration import Limits


@dataclass(frozen=True)
class Signal:
    """What is remembered of one measure."""

    #: whether it may cross
    armed: bool = True
    #: measures in a row that were beyond
    streak: int = 0

    def step(self, value: float, limits: Limits, *, certain: bool, patience: int) -> Tuple[Signal, bool]:
        """The signal after a measure, and whether it crosses now; `certain`: it isn't by chance."""
        if not self.armed:
            return (Signal() if limits.back(value) else self), False
        if not (certain and limits.crossed(value)):
            return Signal(), False
        if self.streak + 1 < patience:
            return Signal(True, self.streak + 1), False
        return Signal(False), True

    def to_json(self) -> Dict[str, Any]:
        """What is kept."""
        return {"armed": self.armed, "streak": self.streak}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Signal:
        """What was kept."""
        return cls(value["armed"], value["streak"])
