"""Timestamps as the language takes them: RFC 3339 with an upper-case `T`, and `Z` or an offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def nanoseconds(text: str) -> int | None:
    """Nanoseconds since the epoch, or None when `text` is not a timestamp."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    seconds = (moment - _EPOCH) // _SECOND
    if sign:
        hours, minutes = int(offset_hours), int(offset_minutes)
        if hours > 18 or minutes > 59:
            return None
        seconds -= (1 if sign == "+" else -1) * (hours * 3600 + minutes * 60)
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
