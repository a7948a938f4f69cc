"""When associations run: the narrower grammar that State Manager has of Systems Manager's schedules.

Source: the user guide, "Cron and rate expressions for associations": every half hour at the most, no months,
rates of less than 31 days; times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from stepwell.errors import ValidationException
from stepwell.services.ssm.errors import InvalidSchedule
from stepwell.triggers.schedules import Schedule, ScheduleError, parse_ssm

#: the shortest rate, and what a rate must be shorter than (seconds)
LEAST, MOST = 1800.0, 31 * 86_400.0
#: minutes that lie between two starts
APART = 30
EVERY_MONTH = tuple(range(1, 13))


@lru_cache(maxsize=256)
def _parsed(text: str, offset: int | None) -> Schedule:
    found = parse_ssm(text, offset_days=offset)
    if found.kind == "rate" and not LEAST <= found.period < MOST:
        raise ScheduleError(
            "rate", f"{text} is no rate for an association", "use 30 minutes or more and less than 31 days"
        )
    if found.cron is None:
        return found
    if found.cron.months != EVERY_MONTH:
        raise ScheduleError("month", "associations take no months", "write * for the month")
    if found.cron.seconds != (0,):
        raise ScheduleError("seconds", "associations start on the minute", "leave the seconds out")
    minutes = found.cron.minutes
    following = [*minutes[1:], minutes[0] + 60]
    if any(later - earlier < APART for earlier, later in zip(minutes, following, strict=True)):
        raise ScheduleError("minutes", "starts less than 30 minutes apart", "did you mean 0/30?")
    return found


def schedule_of(settings: Mapping[str, Any]) -> Schedule | None:
    """The compiled ScheduleExpression; None without one. Raises InvalidSchedule that names the mend."""
    text = settings.get("ScheduleExpression")
    if not text:
        return None
    try:
        return _parsed(text, settings.get("ScheduleOffset"))
    except ScheduleError as error:
        raise InvalidSchedule(f"The schedule {text} is not valid: {error}") from error


def check(settings: Mapping[str, Any]) -> None:
    """Raise InvalidSchedule for an expression, or for settings that do not go with it."""
    found = schedule_of(settings)
    only = settings.get("ApplyOnlyAtCronInterval")
    if only and found is not None and found.kind == "rate":
        raise InvalidSchedule("ApplyOnlyAtCronInterval goes with cron expressions, not with rates.")
    for name in ("ScheduleOffset", "Duration"):
        if name in settings and not only:
            raise InvalidSchedule(f"{name} needs ApplyOnlyAtCronInterval.")
    if "ScheduleOffset" in settings and (found is None or found.kind != "cron"):
        raise InvalidSchedule("ScheduleOffset needs a cron expression.")


def start_after(settings: Mapping[str, Any], after: float, since: float) -> float | None:
    """The first scheduled start behind `after`; None for never. All in seconds since the epoch."""
    found = schedule_of(settings)
    return None if found is None else found.next(after, since=since)


def moment_of(text: str) -> float:
    """A filter's date and time (ISO 8601, UTC unless it says) in seconds since the epoch.

    Raises ValidationException.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValidationException(f"{text} is no date and time, such as 2030-01-31T09:30:00Z.") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
