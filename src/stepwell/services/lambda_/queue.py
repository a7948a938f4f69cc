"""Events: asynchronous invocations, kept until the function succeeded or was tried three times.

An event is a record; its attempt is an effect; its wait for the next one is a timer. All attempts have
the same request id. A throttled attempt does not count: it waits longer and longer, for six hours at most.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar

from msgspec.structs import replace

from stepwell.durable import Blob, Draft, Outcome, Record, Timer
from stepwell.services.lambda_.names import Named
from stepwell.services.lambda_.records import Function

log = logging.getLogger(__name__)

ATTEMPT = "lambda/event"
RETRY = "lambda/retry"
#: seconds before the second and the third attempt (developer guide, "Asynchronous invocation")
WAITS = (60.0, 120.0)
#: seconds that an event is kept while the function is throttled or cannot be started
AGE = 6 * 3600.0
LONGEST_WAIT = 300.0


class Event(Record, frozen=True, kw_only=True):
    """An asynchronous invocation that is not done with."""

    SERVICE: ClassVar[str] = "lambda"
    KIND: ClassVar[str] = "event"

    request_id: str
    function: str
    qualifier: str | None
    #: the payload's blob
    payload: str
    #: base64, as the caller sent it
    client_context: str
    #: seconds since the epoch
    accepted: float
    #: attempts that the function answered with an error
    failures: int = 0
    #: attempts that did not reach the function
    throttled: int = 0

    @property
    def key(self) -> str:
        return self.request_id

    @property
    def named(self) -> Named:
        return Named(name=self.function, qualifier=self.qualifier)


def accept(draft: Draft, named: Named, payload: Blob, request_id: str, client: str) -> dict[str, Any]:
    """Keep an event and begin its first attempt; one that is here already is not taken twice."""
    if draft.get(Event, request_id) is None:
        event = Event(
            request_id=request_id,
            function=named.name,
            qualifier=named.qualifier,
            payload=draft.keep(payload),
            client_context=client,
            accepted=draft.now,
        )
        _attempt(draft, event)
    return {"StatusCode": 202}


def _attempt(draft: Draft, event: Event) -> None:
    draft.put(event, blobs=[event.payload])
    draft.effect(ATTEMPT, {"event": event.request_id})


def settle(event_id: str, outcome: Outcome, draft: Draft) -> None:
    """Decide what an attempt's outcome means. The outcome's value says whether the function failed."""
    event = draft.get(Event, event_id)
    if event is None:
        return
    if outcome.error is None and not outcome.value:
        draft.delete(Event, event.key)
        return
    if outcome.error is None:
        event = replace(event, failures=event.failures + 1)
        if event.failures > len(WAITS):
            _give_up(draft, event, "the function failed")
            return
        wait = WAITS[event.failures - 1]
    else:
        passing = outcome.error.http_status == 429 or outcome.error.http_status >= 500
        event = replace(event, throttled=event.throttled + 1)
        wait = min(LONGEST_WAIT, 2.0 ** min(event.throttled - 1, 16))
        if not passing or _shut(draft, event) or draft.now + wait - event.accepted > AGE:
            _give_up(draft, event, outcome.error.message)
            return
    draft.put(event, blobs=[event.payload])
    draft.timer(f"{RETRY}/{event.key}", draft.now + wait, RETRY, {"event": event.key})


def _shut(draft: Draft, event: Event) -> bool:
    """Whether nothing may run the function: a reserved concurrency of 0 gives events up at once."""
    function = draft.get(Function, event.function)
    return function is not None and function.reserved == 0


def _give_up(draft: Draft, event: Event, reason: str) -> None:
    draft.delete(Event, event.key)
    log.warning("dropped the event %s of the function %s: %s", event.request_id, event.function, reason)


def retry(timer: Timer, draft: Draft) -> None:
    """The wait is over."""
    event = draft.get(Event, timer.body["event"])
    if event is not None:
        _attempt(draft, event)


def timers() -> dict[str, Callable[[Timer, Draft], None]]:
    """What is due by itself."""
    return {RETRY: retry}
