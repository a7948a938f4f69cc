"""One field of a cron expression: its text becomes the values that it allows.

Source of the grammar: the Systems Manager user guide, "Reference: Cron and rate expressions", and the
EventBridge user guide, "Cron expressions". Both count days of the week from SUN = 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stepwell.triggers.schedules.errors import ScheduleError

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What one field may hold."""

    #: as AWS's documentation names it
    name: str
    first: int
    last: int
    #: names for values, in upper case
    names: Mapping[str, int]
    #: the range in words, for hints
    range: str


def _field(name: str, first: int, last: int, names: Sequence[str] = ()) -> Field:
    words = f"{first}-{last}" + (f" or {names[0]}-{names[-1]}" if names else "")
    numbered = {text: value for value, text in enumerate(names, 1)}
    return Field(name=name, first=first, last=last, names=numbered, range=words)


SECONDS = _field("seconds", 0, 59)
MINUTES = _field("minutes", 0, 59)
HOURS = _field("hours", 0, 23)
DAY_OF_MONTH = _field("day-of-month", 1, 31)
MONTH = _field("month", 1, 12, MONTHS)
DAY_OF_WEEK = _field("day-of-week", 1, 7, WEEKDAYS)
YEAR = _field("year", 1970, 2199)

_WEEKDAY = re.compile(r"(SUN|MON|TUE|WED|THU|FRI|SAT)[A-Z]+")


def values(field: Field, text: str) -> tuple[int, ...]:
    """The values that `text` allows, ascending: `*`, `5`, `MON-FRI`, `0/15`, `1-30/5`, and lists of these.

    Raises ScheduleError.
    """
    found: set[int] = set()
    for item in text.split(","):
        found.update(_item(field, item))
    return tuple(sorted(found))


def _item(field: Field, item: str) -> range:
    span, slash, step = item.partition("/")
    if span == "*":
        first, last = field.first, field.last
    elif "-" in span:
        left, right = span.split("-", 1)
        first, last = number(field, left), number(field, right)
        if first > last:
            raise ScheduleError(
                field.name,
                f"the range {span} runs backwards",
                f"did you mean {left}-{field.last},{field.first}-{right}?",
            )
    else:
        first = number(field, span)
        last = field.last if slash else first
    if not slash:
        return range(first, last + 1)
    if not step.isdecimal() or int(step) < 1:
        raise ScheduleError(field.name, f"the step of {item} must be a whole number of 1 or more")
    return range(first, last + 1, int(step))


def number(field: Field, text: str) -> int:
    """A value or the name of one. Raises ScheduleError with the mend where it is plain."""
    if text.isascii() and text.isdecimal():
        value = int(text)
        if field.first <= value <= field.last:
            return value
        raise ScheduleError(field.name, f"{value} is out of range", _range_hint(field, value))
    value = field.names.get(text.upper(), -1)
    if value < 0:
        raise ScheduleError(field.name, _nothing(text), _name_hint(field, text.upper()))
    return value


def _nothing(text: str) -> str:
    return f"{text} is no value" if text else "a value is missing"


def _range_hint(field: Field, value: int) -> str:
    hint = f"{field.name} is {field.range}"
    if field is DAY_OF_WEEK and value == 0:
        return f"{hint}; did you mean SUN, which is 1 here?"
    if field.first == 0 and value == field.last + 1:
        return f"{hint}; did you mean 0?"
    return hint


def _name_hint(field: Field, text: str) -> str:
    hint = f"{field.name} is {field.range}"
    if field is DAY_OF_WEEK and (day := _WEEKDAY.fullmatch(text)):
        return f"{hint}; did you mean {day[1]}?"
    if field is MONTH and text[:3] in field.names:
        return f"{hint}; did you mean {text[:3]}?"
    if text == "?":
        return f"{hint}; ? goes in one of day-of-month and day-of-week only"
    if text in ("L", "W", "LW") or text.endswith("W"):
        return f"{hint}; L and W go in day-of-month, L in day-of-week"
    if "#" in text:
        return f"{hint}; # goes in day-of-week only"
    return hint
