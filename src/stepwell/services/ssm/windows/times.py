"""When a window opens: its schedule within its dates, and how AWS writes such times."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from stepwell.errors import ValidationException
from stepwell.services.ssm.windows.records import Window
from stepwell.triggers.schedules import Schedule, ScheduleError, parse_ssm

#: less than any two starts lie apart: a match at the very StartDate counts
JUST_BEFORE = 0.001


@lru_cache(maxsize=256)
def _parsed(text: str, timezone: str | None, offset: int | None) -> Schedule:
    return parse_ssm(text, timezone=timezone or "UTC", offset_days=offset)


def schedule_of(window: Window) -> Schedule:
    """The compiled schedule. Raises ValidationException that names the wrong field and the mend."""
    try:
        return _parsed(window.schedule, window.timezone, window.offset)
    except ScheduleError as error:
        raise ValidationException(f"The schedule {window.schedule} is not valid: {error}") from error


def date_of(text: str | None, timezone: str | None, member: str) -> float | None:
    """A StartDate or EndDate (ISO 8601) as seconds since the epoch; without an offset it is local time.

    Raises ValidationException.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValidationException(
            f"{member} {text} is not a date and time in ISO 8601, such as 2030-01-31T09:30:00Z."
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(timezone or "UTC"))).timestamp()


def check(window: Window) -> None:
    """Raise ValidationException for a schedule, dates or hours that make no sense."""
    schedule_of(window)
    begin = date_of(window.start_date, window.timezone, "StartDate")
    end = date_of(window.end_date, window.timezone, "EndDate")
    if begin is not None and end is not None and end <= begin:
        raise ValidationException(f"EndDate {window.end_date} must be after StartDate {window.start_date}.")
    if window.cutoff >= window.duration:
        raise ValidationException(
            f"Cutoff was {window.cutoff} but must be smaller than {window.duration} (Duration): "
            "tasks would have no time to start."
        )


def began(window: Window, now: float) -> float:
    """From when on the schedule counts: now, or a StartDate that is still to come."""
    begin = date_of(window.start_date, window.timezone, "StartDate")
    return now if begin is None else max(now, begin)


def start_after(window: Window, after: float) -> float | None:
    """The window's first start behind `after`, within its dates; None for never."""
    begin = date_of(window.start_date, window.timezone, "StartDate")
    end = date_of(window.end_date, window.timezone, "EndDate")
    if begin is not None:
        after = max(after, begin - JUST_BEFORE)
    found = schedule_of(window).next(after, since=window.since)
    return None if found is None or (end is not None and found > end) else found


def written(moment: float, timezone: str | None) -> str:
    """A start as AWS writes it, in the window's time zone, no finer than it must be:
    `2030-01-31T09:30Z`, `2030-01-31T09:30:05.250-05:00`.
    """
    local = datetime.fromtimestamp(round(moment, 3), ZoneInfo(timezone) if timezone else UTC)
    fineness = "milliseconds" if local.microsecond else "seconds" if local.second else "minutes"
    text = local.isoformat(timespec=fineness)
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text
