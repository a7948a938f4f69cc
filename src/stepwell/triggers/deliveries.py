"""Deliveries: one event on its way to one target, until it arrives or is given up.

A message of kind `delivery` becomes an effect; the effect calls the target; a failure that may pass is
tried again later, any other (and the last) is kept as a `FailedDelivery`, and sent to a dead-letter queue
where one is named. Everything is durable, so a delivery outlives the server, and is made at least once.
Each attempt carries the delivery's id: as the request's id for a function, as the execution's name for a
state machine, so that a repeat is harmless.

A message's body:

    id             unique; names the delivery
    target         the ARN of a function, a state machine, a log group, a document, a queue or a topic; a URL
                   for an HTTP request
    payload        JSON: what the target gets
    source_arn     the resource whose event it is
    principal      the service that delivers: `s3.amazonaws.com`
    role           the role to act as, where the trigger names one; the service itself otherwise
    age            seconds after which it is given up; a day unless told
    attempts       tries after which it is given up; 185 unless told
    lane           deliveries of one lane are made one after the other; without one, at once
    run_command    whom a document is for: Run Command's `Targets`
    message_group  the group of a message to a queue
    deduplication  of a message to a FIFO queue; the delivery's id unless told
    attributes     attributes of a message to a queue: name → text, or {"type", "text"}, or {"type", "data"}
                   with bytes as base64
    plain          whether the payload is text that arrives as it is, not as JSON
    subject        of a message to a topic
    headers        of an HTTP request
    dead_letter    {"queue": ARN, "event": JSON}: where, and as what, it ends when it is given up; "letter"
                   has members of that delivery, in place of EventBridge's attributes
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from stepwell.api.callers import role_session, service_principal
from stepwell.calls import Call, Caller, Origin, Reply
from stepwell.durable import Draft, Effect, EffectKind, Outcome, Record, Timer, View
from stepwell.errors import AwsError
from stepwell.triggers import lanes, posting, targets

log = logging.getLogger(__name__)

Body = Mapping[str, Any]
Dispatch = Callable[[Call], Awaitable[Reply]]

#: tries and seconds after which a delivery is given up, unless it says otherwise (EventBridge's defaults)
ATTEMPTS = 185
AGE = 86_400.0
#: the longest wait between two tries, in seconds
LONGEST_WAIT = 300.0
#: codes of failures that pass by themselves; every 5xx does too
PASSING = frozenset(
    {
        "EC2ThrottledException",
        "ExecutionLimitExceeded",
        "ResourceConflictException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
#: codes of failures → what a dead letter says of them
_REASONS = {
    "AccessDeniedException": "NO_PERMISSIONS",
    "AuthorizationError": "NO_PERMISSIONS",
    "ExecutionLimitExceeded": "THROTTLING",
    "NotFound": "NO_RESOURCE",
    "QueueDoesNotExist": "NO_RESOURCE",
    "ResourceNotFoundException": "NO_RESOURCE",
    "StateMachineDoesNotExist": "NO_RESOURCE",
    "ThrottlingException": "THROTTLING",
    "TooManyRequestsException": "THROTTLING",
}


class FailedDelivery(Record, frozen=True, kw_only=True):
    """A delivery that was given up. Listed by the time of its end."""

    SERVICE: ClassVar[str] = "triggers"
    KIND: ClassVar[str] = "failed-delivery"

    id: str
    target: str
    source_arn: str
    payload: Any
    #: seconds since the epoch
    began: float
    ended: float
    attempts: int
    #: the last failure
    code: str
    message: str

    @property
    def key(self) -> str:
        return f"{self.ended:017.3f}/{self.id}"


def failed(view: View, *, after: str = "", limit: int | None = None) -> list[FailedDelivery]:
    """Deliveries that were given up, the oldest first."""
    return list(view.scan(FailedDelivery, after=after, limit=limit))


def calls_of(body: Body, account: str, token: str) -> list[Call]:
    """The calls that make a delivery, once under a token. Raises AwsError for a target of an unknown kind."""
    caller: Caller
    if body.get("role"):
        caller = role_session(body["role"], body["id"])
    else:
        caller = service_principal(body["principal"], account)
    return [
        Call(
            service=service,
            operation=operation,
            params=params,
            caller=caller,
            origin=Origin(source_arn=body["source_arn"]),
            request_id=body["id"],
            token=f"{token}/{number}" if number else token,
        )
        for number, (service, operation, params) in enumerate(targets.requests(body))
    ]


def timers() -> dict[str, Callable[[Timer, Draft], None]]:
    """The handlers of messages, and of second tries."""
    return {"delivery": _try}


def effects(*, dispatch: Dispatch, account: str) -> list[EffectKind]:
    """The effect that makes the call."""
    perform = partial(_perform, dispatch, account)
    return [EffectKind(name="delivery", perform=perform, complete=_complete)]


def begin(draft: Draft, body: Body) -> None:
    """Begin a delivery in this decision: deliveries of one lane leave in the order in which they begin."""
    complete = {"id": draft.uuid(), "began": draft.now, "attempt": 0, **body}
    lane = complete.get("lane")
    if lane is None or lanes.enter(draft, lane, complete):
        _attempt(draft, complete)


def give_up(draft: Draft, body: Body, code: str, message: str, *, exhausted: str | None = None) -> None:
    """Keep a delivery as failed, and send it to its dead-letter queue where it has one.

    exhausted: the limit of its retry policy that was reached, as EventBridge names it.
    """
    lost = FailedDelivery(
        id=body["id"],
        target=body["target"],
        source_arn=body["source_arn"],
        payload=body["payload"],
        began=body["began"],
        ended=draft.now,
        attempts=body["attempt"],
        code=code,
        message=message,
    )
    draft.put(lost)
    log.warning(
        "gave up delivering an event of %s to %s after %d attempts: %s: %s",
        lost.source_arn,
        lost.target,
        lost.attempts,
        lost.code,
        lost.message,
    )
    if body.get("dead_letter"):
        begin(draft, _letter(body, lost, exhausted))


def _letter(body: Body, lost: FailedDelivery, exhausted: str | None) -> dict[str, Any]:
    """The delivery to the dead-letter queue (EventBridge user guide, "Using dead-letter queues").

    A delivery whose service adds nothing to its dead letters says what they are: `letter`.
    """
    attributes = {
        "RULE_ARN": lost.source_arn,
        "TARGET_ARN": lost.target,
        "ERROR_CODE": _REASONS.get(lost.code, "SDK_CLIENT_ERROR"),
        "ERROR_MESSAGE": lost.message or lost.code,
    }
    if exhausted is not None:
        attributes |= {"EXHAUSTED_RETRY_CONDITION": exhausted, "RETRY_ATTEMPTS": str(lost.attempts - 1)}
    return {
        "target": body["dead_letter"]["queue"],
        "payload": body["dead_letter"]["event"],
        "source_arn": body["source_arn"],
        "principal": body["principal"],
        **body["dead_letter"].get("letter", {"attributes": attributes}),
    }


def _try(timer: Timer, draft: Draft) -> None:
    if "attempt" in timer.body:
        _attempt(draft, timer.body)
    else:
        begin(draft, timer.body)


def _attempt(draft: Draft, body: Body) -> None:
    tried = {**body, "attempt": body["attempt"] + 1}
    draft.effect("delivery", tried, token=f"delivery/{tried['id']}/{tried['attempt']}")


async def _perform(dispatch: Dispatch, account: str, effect: Effect) -> None:
    if "headers" in effect.body:
        await posting.post(effect.body["target"], effect.body["headers"], effect.body["payload"])
        return
    for call in calls_of(effect.body, account, effect.token):
        try:
            await dispatch(call)
        except AwsError as error:
            if error.error_code not in targets.ARRIVED:
                raise


def _complete(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    error, body = outcome.error, effect.body
    if error is not None:
        wait = min(LONGEST_WAIT, 2.0 ** (min(body["attempt"], 16) - 1))
        exhausted = _exhausted(body, draft.now + wait)
        passing = error.http_status >= 500 or error.error_code in PASSING
        if passing and exhausted is None:
            draft.timer(f"delivery/{body['id']}", draft.now + wait, "delivery", body)
            return
        give_up(draft, body, error.error_code, error.message, exhausted=exhausted if passing else None)
    if body.get("lane") is not None:
        following = lanes.leave(draft, body["lane"])
        if following is not None:
            _attempt(draft, following)


def _exhausted(body: Body, then: float) -> str | None:
    """The limit that forbids another try at that time, as EventBridge names it."""
    if body["attempt"] >= body.get("attempts", ATTEMPTS):
        return "MaximumRetryAttempts"
    return "MaximumEventAgeInSeconds" if then - body["began"] > body.get("age", AGE) else None
