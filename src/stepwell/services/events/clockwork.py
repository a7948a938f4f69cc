"""Schedules of rules: each has one durable timer, which fires the rule and is set to its next start.

A start that came while the server was down is made up for once, on its return, however many were
missed; the next one is in the future again. AWS would have fired at each; one catch-up keeps a rule's
promise that its work gets done, and a server that was off over night from doing it a thousand times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepwell.clock import iso
from stepwell.durable import Draft, Timer
from stepwell.durable.loop import TimerHandler
from stepwell.services.events.records import Rule
from stepwell.triggers.schedules import parse_events

KIND = "events/schedule"
#: what a rule that fires does with its event
Fire = Callable[[Rule, dict[str, Any], Draft], None]


def wind(draft: Draft, rule: Rule) -> None:
    """Set the rule's timer to its next start; without one there is none."""
    due = None
    if rule.enabled and rule.schedule is not None:
        due = parse_events(rule.schedule).next(draft.now, since=rule.since)
    if due is None:
        stop(draft, rule)
    else:
        draft.timer(_key(rule), due, KIND, {"rule": rule.key, "start": due})


def stop(draft: Draft, rule: Rule) -> None:
    """Forget the rule's timer."""
    draft.cancel(_key(rule))


def timers(fire: Fire) -> dict[str, TimerHandler]:
    """The handler of due starts."""

    def start(timer: Timer, draft: Draft) -> None:
        rule = draft.get(Rule, timer.body["rule"])
        if rule is not None:
            fire(rule, scheduled_event(rule, timer.body["start"], draft), draft)
            wind(draft, rule)

    return {KIND: start}


def scheduled_event(rule: Rule, start: float, draft: Draft) -> dict[str, Any]:
    """The event of a start (EventBridge user guide, "Scheduled events")."""
    return {
        "version": "0",
        "id": draft.uuid(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": draft.account,
        "time": iso(start)[:19] + "Z",
        "region": draft.region,
        "resources": [rule.arn],
        "detail": {},
    }


def _key(rule: Rule) -> str:
    return f"{KIND}/{rule.key}"
