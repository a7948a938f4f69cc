"""Times as batches write them: one form on every Python, whose own readers differ from version to version."""

from __future__ import annotations

import datetime
import re
from typing import Optional

#: ISO 8601's extended form: a date, or a date with a time, seconds, fractions and an offset if they are there
FORM = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
EPOCH = datetime.datetime(1970, 1, 1)


def instant(text: str) -> Optional[float]:
    """Seconds since 1970 of a time in ISO 8601, taken to be UTC where it has no offset; None: it is none."""
    found = FORM.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        moment = datetime.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError:
        return None
    seconds = (moment - EPOCH).total_seconds() + (float("0." + fraction) if fraction else 0.0)
    if offset is None or offset == "Z":
        return seconds
    hours, minutes = int(offset[1:3]), int(offset[-2:]) if len(offset) > 3 else 0
    if hours > 23 or minutes > 59:
        return None
    east = hours * 3600 + minutes * 60
    return seconds - east if offset[0] == "+" else seconds + east


def written(seconds: float) -> str:
    """The time of so many seconds since 1970, in ISO 8601 and UTC, to the microsecond."""
    try:
        moment = EPOCH + datetime.timedelta(seconds=seconds)
    except OverflowError:  # an offset led out of the years 1 to 9999
        moment = datetime.datetime.min if seconds < 0 else datetime.datetime.max
    return moment.isoformat() + "Z"
