"""Time as a value: the core never asks what time it is, it is told."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the server's time comes from. Seconds since the epoch, UTC, with fractions."""

    def now(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()


class ManualClock:
    """A clock that moves only when told, for tests."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> float:
        """Move forward by `seconds` and return the new time."""
        self._now += seconds
        return self._now

    def move(self, moment: float) -> None:
        """Move forward to exactly `moment`; an earlier one changes nothing."""
        self._now = max(self._now, moment)


def iso(timestamp: float) -> str:
    """RFC 3339 with milliseconds and `Z`, AWS's usual spelling: `2026-11-20T12:00:00.123Z`."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
