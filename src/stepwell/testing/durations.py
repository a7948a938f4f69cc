"""Spans and moments as tests write them: `"7 days"`, `timedelta(days=7)`, `"2026-03-29T04:00"` in a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stepwell.testing.errors import TestingError

#: a span of time: `"7 days"`, `"1 hour 30 minutes"`, a timedelta, or seconds
Duration = str | timedelta | int | float
#: a time zone: an IANA name, or a tzinfo
Zone = str | tzinfo

_UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 604_800,
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week)s?\b,?")


def seconds(span: Duration) -> float:
    """A span in seconds. Raises TestingError when it is none, or goes backwards."""
    if isinstance(span, timedelta):
        found = span.total_seconds()
    elif isinstance(span, str):
        found = _read(span)
    else:
        found = float(span)
    if not 0 <= found < float("inf"):
        raise TestingError(f"{span!r} goes backwards: time only goes on")
    return found


def _read(text: str) -> float:
    found, place = 0.0, 0
    while part := _PART.match(text, place):
        found += float(part[1]) * _UNITS[part[2]]
        place = part.end()
    if place == 0 or text[place:].strip():
        raise TestingError(
            f'{text!r} is no span of time. Write "7 days", "90 seconds", "1 hour 30 minutes"; '
            f"the units are {', '.join(f'{unit}s' for unit in _UNITS)}"
        )
    return found


def moment(when: str | datetime, zone: Zone = "UTC") -> float:
    """A moment in seconds since the epoch: ISO 8601; one without an offset is the wall time of `zone`.

    A wall time that a clock change makes twice is its first; one that it leaves out is as late as if the
    clock had not changed (PEP 495). Raises TestingError.
    """
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            raise TestingError(
                f'{when!r} is no moment. Write "2026-03-29", "2026-03-29T04:00", "2026-03-29T04:00+02:00"'
            ) from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=_zone(zone))
    return when.timestamp()


def shown(timestamp: float) -> datetime:
    """Seconds since the epoch as an aware datetime in UTC."""
    return datetime.fromtimestamp(timestamp, UTC)


def _zone(zone: Zone) -> tzinfo:
    if not isinstance(zone, str):
        return zone
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise TestingError(f"{zone!r} is no time zone. Write an IANA name: Europe/Berlin") from error
