"""Schedule expressions, as far as they can be checked without AWS: their form, and each field's letters.

Whether EventBridge takes an expression is EventBridge's answer when the rule is made; what nobody could mean
is told before.
"""

from __future__ import annotations

import re
import zoneinfo

from stepwell.retrain.parts.declaration import DeclarationError, known

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.*)\)")
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
#: of each field its name, least and greatest number, words, and the letters it may have beside
_FIELDS: tuple[tuple[str, int, int, list[str], str], ...] = (
    ("minutes", 0, 59, [], ""),
    ("hours", 0, 23, [], ""),
    ("day of month", 1, 31, [], "?LW"),
    ("month", 1, 12, _MONTHS, ""),
    ("day of week", 1, 7, _DAYS, "?L#"),
    ("year", 1970, 2199, [], ""),
)


def check(what: str, expression: object) -> None:
    """Raises DeclarationError for what is no `rate(...)` or `cron(...)`."""
    rate = _RATE.fullmatch(expression) if isinstance(expression, str) else None
    cron = _CRON.fullmatch(expression) if isinstance(expression, str) else None
    if rate is not None:
        one = int(rate[1]) == 1
        if int(rate[1]) == 0 or one == bool(rate[3]):
            raise DeclarationError(
                f"{what}: AWS wants rate(1 {rate[2]}) and rate(2 {rate[2]}s), not {expression!r}"
            )
    elif cron is not None:
        _check_cron(what, cron[1])
    else:
        raise DeclarationError(
            f"{what} is 'rate(7 days)' or 'cron(0 4 ? * SUN *)', for two, not {expression!r}"
        )


def check_zone(what: str, zone: object) -> None:
    """Raises DeclarationError for what is no IANA time zone."""
    zones = zoneinfo.available_timezones()
    if zones and zone not in zones:
        near = sorted(each for each in zones if str(zone).rpartition("/")[2].lower() in each.lower())
        known(f"{what} (an IANA time zone)", zone, near[:5] or ["UTC", "Europe/Berlin", "America/New_York"])


def _check_cron(what: str, text: str) -> None:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        names = ", ".join(name for name, *_ in _FIELDS)
        raise DeclarationError(f"{what}: cron has six fields ({names}), not {len(fields)}: {text!r}")
    if "?" not in (fields[2], fields[4]):
        raise DeclarationError(f"{what}: one of day of month and day of week is '?' in AWS's cron: {text!r}")
    for value, field in zip(fields, _FIELDS, strict=True):
        for part in value.split(","):
            _check_field(what, part, *field)


def _check_field(
    what: str, text: str, name: str, low: int, high: int, words: list[str], letters: str
) -> None:
    if text == "*" or (text and set(text) <= set(letters)):
        return
    for part in re.split(r"[-/#]", text):
        plain = part.rstrip("LW") if letters else part
        number = plain.isdigit() and (low <= int(plain) <= high or "/" in text)
        if not (number or part == "*" or plain.upper() in words or (not plain and part)):
            allowed = f"{low} to {high}" + (f" or {words[0]} to {words[-1]}" if words else "")
            raise DeclarationError(f"{what}: {name} is {allowed}, not {text!r}")
