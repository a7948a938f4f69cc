"""Which days of a month a cron expression means: `L`, `15W`, `LW`, `6L`, `TUE#3`, and plain values.

Each rule of a field becomes a function from a year and a month to the days in it.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable
from functools import partial

from stepwell.triggers.schedules.errors import ScheduleError
from stepwell.triggers.schedules.fields import DAY_OF_MONTH, DAY_OF_WEEK, number, values

#: (year, month) → days of that month
Days = Callable[[int, int], Iterable[int]]


def both(month_text: str, week_text: str) -> Days:
    """The days that the two fields mean together: exactly one of them is `?`.

    Raises ScheduleError.
    """
    if (month_text == "?") == (week_text == "?"):
        problem = "it must be ?, as day-of-month is set" if month_text != "?" else "both days are ?"
        raise ScheduleError(
            "day-of-week", problem, "use ? in one of day-of-month and day-of-week, not in both"
        )
    if week_text == "?":
        return _any([_of_month(item) for item in month_text.upper().split(",")])
    if week_text.count("#") > 1:
        raise ScheduleError("day-of-week", "only one # is allowed", "use a second schedule for the other day")
    return _any([_of_week(item) for item in week_text.upper().split(",")])


def _any(rules: list[Days]) -> Days:
    if len(rules) == 1:
        return rules[0]
    return lambda year, month: {day for rule in rules for day in rule(year, month)}


def _of_month(item: str) -> Days:
    if item == "L":
        return _last_day
    if item in ("LW", "WL"):
        return _last_working_day
    if item.startswith("L-"):
        raise ScheduleError("day-of-month", f"{item} is not in AWS's grammar", "name the day, or use L alone")
    if item.endswith("W"):
        return partial(_nearest_working_day, number(DAY_OF_MONTH, item[:-1]))
    return partial(_listed_days, values(DAY_OF_MONTH, item))


def _of_week(item: str) -> Days:
    if item == "L":
        return partial(_weekdays, (7,))
    if item.endswith("L"):
        return partial(_last_weekday, number(DAY_OF_WEEK, item[:-1]))
    if "#" in item:
        weekday, _, nth = item.partition("#")
        if nth not in ("1", "2", "3", "4", "5"):
            raise ScheduleError(
                "day-of-week", f"{nth or 'nothing'} after # is out of range", "# takes 1 to 5"
            )
        return partial(_nth_weekday, number(DAY_OF_WEEK, weekday), int(nth))
    if item.endswith("W"):
        raise ScheduleError(
            "day-of-week", "W is not allowed", "W goes in day-of-month; did you mean MON-FRI?"
        )
    return partial(_weekdays, values(DAY_OF_WEEK, item))


def _first_and_length(year: int, month: int) -> tuple[int, int]:
    """The weekday of the first (SUN = 1), and the number of days."""
    monday_zero, length = monthrange(year, month)
    return (monday_zero + 1) % 7 + 1, length


def _listed_days(days: tuple[int, ...], year: int, month: int) -> Iterable[int]:
    length = monthrange(year, month)[1]
    return [day for day in days if day <= length]


def _last_day(year: int, month: int) -> Iterable[int]:
    return (monthrange(year, month)[1],)


def _last_working_day(year: int, month: int) -> Iterable[int]:
    return _nearest_working_day(monthrange(year, month)[1], year, month)


def _nearest_working_day(day: int, year: int, month: int) -> Iterable[int]:
    first, length = _first_and_length(year, month)
    if day > length:
        return ()
    weekday = (first + day - 2) % 7 + 1
    # the nearest within the month: it never jumps over the month's ends
    if weekday == 7:
        return (day - 1 if day > 1 else day + 2,)
    if weekday == 1:
        return (day + 1 if day < length else day - 2,)
    return (day,)


def _weekdays(weekdays: tuple[int, ...], year: int, month: int) -> Iterable[int]:
    first, length = _first_and_length(year, month)
    return sorted(day for weekday in weekdays for day in range(1 + (weekday - first) % 7, length + 1, 7))


def _last_weekday(weekday: int, year: int, month: int) -> Iterable[int]:
    return (list(_weekdays((weekday,), year, month))[-1],)


def _nth_weekday(weekday: int, nth: int, year: int, month: int) -> Iterable[int]:
    return list(_weekdays((weekday,), year, month))[nth - 1 : nth]
