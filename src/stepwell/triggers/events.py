"""Events of services: the envelope is completed, then whoever subscribed decides what follows.

A service sends what it knows (`source`, `detail-type`, `resources`, `detail`) in the decision that makes
it true; the event itself is a decision of its own, so that no subscriber can undo what happened.
Source of the envelope: the EventBridge user guide, "Events".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from stepwell.clock import iso
from stepwell.durable import Draft, Timer

#: gets a complete event and the draft that carries what follows from it
Subscriber = Callable[[dict[str, Any], Draft], None]


def timers(subscribers: Sequence[Subscriber]) -> dict[str, Callable[[Timer, Draft], None]]:
    """The handler of messages of kind `event`. All subscribers decide in one commit, in their order."""
    return {"event": partial(_fan_out, tuple(subscribers))}


def completed(body: Any, draft: Draft, sent: float) -> dict[str, Any]:
    """The event with the members of the envelope that its sender left out; `sent` is its time."""
    return {
        "version": "0",
        "id": draft.uuid(),
        "account": draft.account,
        "time": iso(sent)[:19] + "Z",
        "region": draft.region,
        "resources": [],
        **body,
    }


def _fan_out(subscribers: tuple[Subscriber, ...], timer: Timer, draft: Draft) -> None:
    event = completed(timer.body, draft, timer.due)
    for subscriber in subscribers:
        subscriber(event, draft)
