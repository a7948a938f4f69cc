"""A slow, obvious reading of cron expressions: every minute of four years is looked at.

Shares no code with what it judges: no compiled fields, no jumps. A day either matches or it does not, so
does a minute of the day; which moment a local minute is, a walk over all moments tells.
"""

from __future__ import annotations

from array import array
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

FIRST, LAST = date(2026, 1, 1), date(2030, 1, 1)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days)]
ZONES = ("America/New_York", "America/Santiago", "Australia/Lord_Howe", "Europe/Paris", "Pacific/Chatham")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
NAMES = {name: n for names in (MONTHS, WEEKDAYS) for n, name in enumerate(names, 1)}
BEGIN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) // 60


def starts(expression: str, zone: str) -> list[int]:
    """All starts of `cron(expression)` in four local years, in seconds since the epoch."""
    minute, hour, day_of_month, month, day_of_week, year = expression.split()
    times = [n for n in range(1440) if holds(minute, n % 60, 0) and holds(hour, n // 60, 0)]
    days = [
        n
        for n, day in enumerate(DAYS)
        if holds(month, day.month, 1)
        and holds(year, day.year, 1970)
        and (day_matches(day_of_month, day) if day_of_week == "?" else weekday_matches(day_of_week, day))
    ]
    moments = first_moments(zone)
    found = [moments[day * 1440 + time] for day in days for time in times]
    return [moment * 60 for moment in found if moment >= 0]


@cache
def first_moments(zone: str) -> array[int]:
    """For every local minute of the four years the first moment that shows it, in minutes; -1: none."""
    moments = array("q", [-1]) * (len(DAYS) * 1440)
    clock = ZoneInfo(zone)
    # no clock changes within a quarter of an hour
    for quarter in range(BEGIN - 1440, BEGIN + len(moments) + 1440, 15):
        shown = datetime.fromtimestamp(quarter * 60, clock)
        ahead = shown.utcoffset()
        assert ahead is not None
        local = quarter + int(ahead.total_seconds()) // 60 - BEGIN
        if local >= 0 and local + 15 <= len(moments):
            for minute in range(15):
                if moments[local + minute] < 0:
                    moments[local + minute] = quarter + minute
    return moments


def holds(text: str, value: int, lowest: int) -> bool:
    return any(item_holds(item, value, lowest) for item in text.split(","))


def item_holds(item: str, value: int, lowest: int) -> bool:
    if "/" in item:
        span, step = item.split("/")
        first = lowest if span == "*" else numeric(span.split("-")[0])
        last = numeric(span.split("-")[1]) if "-" in span else 9999
        return first <= value <= last and (value - first) % int(step) == 0
    if "-" in item:
        first, last = (numeric(side) for side in item.split("-"))
        return first <= value <= last
    return item == "*" or numeric(item) == value


def numeric(text: str) -> int:
    return NAMES[text.upper()] if text.upper() in NAMES else int(text)


def day_matches(text: str, day: date) -> bool:
    for item in text.split(","):
        working = [d for d in month_of(day) if d.weekday() < 5]
        if item == "L":
            found = month_of(day)[-1] == day
        elif item == "LW":
            found = working[-1] == day
        elif item.endswith("W"):
            wanted = int(item[:-1])
            nearest = min(working, key=lambda d: abs(d.day - wanted))
            found = wanted <= month_of(day)[-1].day and nearest == day
        else:
            found = item_holds(item, day.day, 1)
        if found:
            return True
    return False


def weekday_matches(text: str, day: date) -> bool:
    weekday = day.isoweekday() % 7 + 1
    for item in text.split(","):
        if item == "L":
            found = weekday == 7
        elif "#" in item:
            name, nth = item.split("#")
            before = month_of(day)[: day.day]
            found = weekday == numeric(name) and sum(d.weekday() == day.weekday() for d in before) == int(nth)
        elif item.endswith("L"):
            found = weekday == numeric(item[:-1]) and (day + timedelta(days=7)).month != day.month
        else:
            found = item_holds(item, weekday, 1)
        if found:
            return True
    return False


@cache
def _month(year: int, month: int) -> list[date]:
    return [day for day in DAYS if (day.year, day.month) == (year, month)]


def month_of(day: date) -> list[date]:
    return _month(day.year, day.month)
