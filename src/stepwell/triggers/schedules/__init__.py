"""AWS's schedule expressions, pure: `cron(...)`, `rate(...)` and `at(...)` become the times of their starts.

Two grammars: Systems Manager's (time zones, optional seconds, `at`, offsets in days, nothing more often
than every five minutes) and that of EventBridge's rules (UTC, to the minute, no `at`). How daylight
saving counts is said in `cron`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from stepwell.triggers.schedules import cron
from stepwell.triggers.schedules.cron import Cron
from stepwell.triggers.schedules.errors import ScheduleError

__all__ = ["Schedule", "ScheduleError", "parse_events", "parse_ssm"]

_FORM = re.compile(r"(cron|rate|at)\((.*)\)")
_RATE = re.compile(r"([0-9]{1,9})\s+([A-Za-z]+)")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
#: Systems Manager starts nothing more often (seconds)
_SSM_LEAST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A parsed schedule expression."""

    #: as it was written
    text: str
    #: `cron`, `rate` or `at`
    kind: str
    #: the compiled expression where `kind` is `cron`
    cron: Cron | None = None
    #: seconds between two starts where `kind` is `rate`
    period: float = 0.0
    #: the only start where `kind` is `at`, in seconds since the epoch
    moment: float = 0.0

    def next(self, after: float, *, since: float) -> float | None:
        """The first start strictly after `after`, None where none will ever be; all in epoch seconds.

        `since` is when the schedule began to count (created, enabled, or its start date): a rate starts
        one period after it, then every period; with an offset in days, matches before it don't count.
        """
        if self.cron is not None:
            return self.cron.next(after, since)
        if self.kind == "at":
            return self.moment if self.moment > after else None
        periods = max(1.0, (after - since) // self.period + 1)
        start = since + periods * self.period
        # the division may round to just below a whole number
        return start if start > after else start + self.period


def parse_ssm(text: str, *, timezone: str = "UTC", offset_days: int | None = None) -> Schedule:
    """A schedule of Systems Manager: of a maintenance window or an association.

    `timezone` is an IANA name; `offset_days` (0 to 6, cron only) puts each start days after its match.
    Raises ScheduleError. Source: the Systems Manager user guide, "Cron and rate expressions".
    """
    kind, inner = _split(text, "cron(...), rate(...) or at(...)")
    zone = _zone(timezone)
    if offset_days is not None and not 0 <= offset_days <= 6:
        raise ScheduleError("offset", f"{offset_days} days are out of range", "an offset is 1 to 6 days")
    if offset_days and kind != "cron":
        raise ScheduleError("offset", f"a {kind} schedule takes none", "use an offset with cron only")
    if kind == "at":
        return Schedule(text=text, kind=kind, moment=_moment(inner, zone))
    if kind == "rate":
        period = _period(inner)
        if period < _SSM_LEAST:
            raise ScheduleError("rate", f"{inner} is too often", "the shortest rate is 5 minutes")
        return Schedule(text=text, kind=kind, period=period)
    compiled = cron.parse(inner, zone=zone, with_seconds=True, offset_days=offset_days or 0)
    _refuse_too_often(compiled)
    return Schedule(text=text, kind=kind, cron=compiled)


def parse_events(text: str) -> Schedule:
    """A schedule of an EventBridge rule, in UTC, to the minute.

    Raises ScheduleError. Source: the EventBridge user guide, "Creating a rule that runs on a schedule".
    """
    kind, inner = _split(text, "cron(...) or rate(...)")
    if kind == "at":
        raise ScheduleError(
            "expression", "a rule takes no at(...)", "use cron with a year for a single start"
        )
    if kind == "rate":
        return Schedule(text=text, kind=kind, period=_period(inner))
    return Schedule(text=text, kind=kind, cron=cron.parse(inner, zone=ZoneInfo("UTC")))


def _split(text: str, forms: str) -> tuple[str, str]:
    if (form := _FORM.fullmatch(text)) is None:
        hint = f"write {forms}"
        if len(text.split()) in (5, 6, 7) and "(" not in text:
            hint = f"did you mean cron({text})?"
        raise ScheduleError("expression", f"{text} is no schedule", hint)
    return form[1], form[2]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        # ZoneInfoNotFoundError is a KeyError; a folder's name and an absolute path give the others
        raise ScheduleError(
            "timezone", f"{name} is unknown", "use an IANA name such as Europe/Paris"
        ) from None


def _period(inner: str) -> float:
    if (rate := _RATE.fullmatch(inner)) is None or int(rate[1]) < 1:
        raise ScheduleError(
            "rate", f"{inner or 'nothing'} is no rate", "write rate(1 hour) or rate(5 minutes)"
        )
    count, unit = int(rate[1]), rate[2]
    singular = unit.removesuffix("s")
    if singular not in _UNITS:
        raise ScheduleError("rate", f"{unit} is no unit", "the units are minutes, hours and days")
    wanted = singular if count == 1 else f"{singular}s"
    if unit != wanted:
        raise ScheduleError(
            "rate", f"{count} does not go with {unit}", f"did you mean rate({count} {wanted})?"
        )
    return float(count * _UNITS[singular])


def _moment(inner: str, zone: ZoneInfo) -> float:
    hint = "write at(2030-01-31T09:30:00); the time zone stands apart"
    if _AT.fullmatch(inner) is None:
        raise ScheduleError("at", f"{inner or 'nothing'} is no time", hint)
    try:
        local = datetime.fromisoformat(inner)
    except ValueError as error:
        raise ScheduleError("at", f"{inner} is no time: {error}", hint) from None
    moment = cron.resolved(local, zone)
    if moment is None:
        later = local + timedelta(hours=1)
        raise ScheduleError(
            "at",
            f"{inner} does not exist in {zone.key}: the clock is put forward over it",
            f"did you mean at({later:%Y-%m-%dT%H:%M:%S})?",
        )
    return moment


def _refuse_too_often(compiled: Cron) -> None:
    often = "Systems Manager starts nothing more often than every 5 minutes"
    if len(compiled.seconds) > 1:
        raise ScheduleError("seconds", "more than one start a minute", f"{often}; name one second")
    pairs = zip(compiled.minutes, compiled.minutes[1:], strict=False)
    if any(later - earlier < 5 for earlier, later in pairs):
        raise ScheduleError("minutes", "starts less than 5 minutes apart", f"{often}; did you mean */5?")
