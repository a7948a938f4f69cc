"""A compiled cron expression: the first matching time after another, found by jumps, not by steps.

Daylight saving, as AWS's schedules keep it: a local time that a change skips is skipped, one that a
change repeats is used once, the first time. So `cron(30 2 * * ? *)` has no start on the day in spring
when 02:30 does not exist, and one in autumn when it exists twice.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from stepwell.triggers.schedules.days import Days, both
from stepwell.triggers.schedules.errors import ScheduleError
from stepwell.triggers.schedules.fields import HOURS, MINUTES, MONTH, SECONDS, YEAR, values

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """The values that each field allows, ascending."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]
    zone: ZoneInfo
    #: days between a match and the start
    offset_days: int = 0

    def next(self, after: float, since: float) -> float | None:
        """The first start strictly after `after`.

        With an offset, a match before `since` has no start, though its day may still come.
        """
        offset = timedelta(days=self.offset_days)
        try:
            local = datetime.fromtimestamp(after // 1, self.zone).replace(tzinfo=None) - offset
        except (OverflowError, ValueError):
            return None
        while (match := self._match(local + _SECOND)) is not None:
            start = resolved(match + offset, self.zone)
            if start is not None and start > after and self._counts(match, since):
                return start
            local = match
        return None

    def _counts(self, match: datetime, since: float) -> bool:
        if not self.offset_days:
            return True
        began = resolved(match, self.zone)
        return began is None or began >= since

    def _match(self, local: datetime) -> datetime | None:
        """The first local time at or after `local` that all fields allow."""
        clock = self._clock(local.hour, local.minute, local.second)
        start_of_day = (self.hours[0], self.minutes[0], self.seconds[0])
        for year in self.years[bisect_left(self.years, local.year) :]:
            same_year = year == local.year
            for month in self.months[bisect_left(self.months, local.month) if same_year else 0 :]:
                same_month = same_year and month == local.month
                for day in sorted(self.days(year, month)):
                    if not same_month or day > local.day:
                        return datetime(year, month, day, *start_of_day)
                    if day == local.day and clock is not None:
                        return datetime(year, month, day, *clock)
        return None

    def _clock(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        """The first time of day at or after the given one, None where the day has no more."""
        at_hour = bisect_left(self.hours, hour)
        if at_hour < len(self.hours) and self.hours[at_hour] == hour:
            at_minute = bisect_left(self.minutes, minute)
            if at_minute < len(self.minutes) and self.minutes[at_minute] == minute:
                at_second = bisect_left(self.seconds, second)
                if at_second < len(self.seconds):
                    return hour, minute, self.seconds[at_second]
                at_minute += 1
            if at_minute < len(self.minutes):
                return hour, self.minutes[at_minute], self.seconds[0]
            at_hour += 1
        if at_hour < len(self.hours):
            return self.hours[at_hour], self.minutes[0], self.seconds[0]
        return None


def resolved(local: datetime, zone: ZoneInfo) -> float | None:
    """The epoch seconds of a local time: the first of two; None where a change of the clock skips it."""
    aware = local.replace(tzinfo=zone)
    if aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        return None
    return aware.timestamp()


def parse(text: str, *, zone: ZoneInfo, with_seconds: bool = False, offset_days: int = 0) -> Cron:
    """What stands between the parentheses of `cron(...)`. Raises ScheduleError."""
    parts = text.split()
    if with_seconds and len(parts) == 7:
        second, *parts = parts
    else:
        second = "0"
    if len(parts) != 6:
        wanted = "minutes hours day-of-month month day-of-week year"
        hint = f"write cron({wanted})" + (", with seconds before them if need be" if with_seconds else "")
        if len(parts) == 5:
            hint += "; did you leave out the year?"
        raise ScheduleError("cron", f"{len(parts)} fields instead of 6", hint)
    minute, hour, day_of_month, month, day_of_week, year = parts
    return Cron(
        seconds=values(SECONDS, second),
        minutes=values(MINUTES, minute),
        hours=values(HOURS, hour),
        days=both(day_of_month, day_of_week),
        months=values(MONTH, month),
        years=values(YEAR, year),
        zone=zone,
        offset_days=offset_days,
    )
