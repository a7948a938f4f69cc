"""Deliveries: one event on its way to one target, until it arrives or is given up.

A message of kind `delivery` becomes an effect; the effect calls the target; a failure that may pass is
tried again later, any other (and the last) is kept as a `FailedDelivery`. Everything is durable, so a
delivery outlives the server, and is made at least once. Each attempt carries the delivery's id: as the
request's id for a function, as the execution's name for a state machine, so that a repeat is harmless.

A message's body:

    id          unique; names the delivery
    target      the ARN of a function or a state machine
    payload     JSON: what the target gets
    source_arn  the resource whose event it is
    principal   the service that delivers: `s3.amazonaws.com`
    role        the role to act as, where the trigger names one; the service itself otherwise
    age         seconds after which it is given up; a day unless told
    attempts    tries after which it is given up; 185 unless told
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from stepwell import arn
from stepwell.api.callers import role_session, service_principal
from stepwell.calls import Call, Caller, Origin, Reply
from stepwell.durable import Draft, Effect, EffectKind, Outcome, Record, Timer, View
from stepwell.errors import AwsError

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


def _invoke(body: Body) -> tuple[str, str, dict[str, Any]]:
    _, name, *qualifier = arn_of(body).resource.split(":")
    params = {
        "FunctionName": f"arn:aws:lambda:{arn_of(body).region}:{arn_of(body).account}:function:{name}",
        "InvocationType": "Event",
        "Payload": json.dumps(body["payload"]).encode(),
    }
    return "lambda", "Invoke", params | ({"Qualifier": qualifier[0]} if qualifier else {})


def _start(body: Body) -> tuple[str, str, dict[str, Any]]:
    params = {
        "stateMachineArn": body["target"],
        "name": body["id"],
        "input": json.dumps(body["payload"]),
    }
    return "stepfunctions", "StartExecution", params


#: the target's service, as ARNs name it → the call that delivers: service, operation, parameters
TARGETS: Mapping[str, Callable[[Body], tuple[str, str, dict[str, Any]]]] = {
    "lambda": _invoke,
    "states": _start,
}


def arn_of(body: Body) -> arn.Arn:
    """The target's ARN. Raises AwsError when it is none, or of a service that gets no deliveries."""
    target = arn.parse(body["target"])
    if target is None or target.service not in TARGETS:
        raise AwsError(f"{body['target']} cannot get deliveries", code="InvalidTarget")
    return target


def call_of(body: Body, account: str, token: str) -> Call:
    """The call that makes a delivery, once under a token. Raises AwsError for a target of an unknown kind."""
    service, operation, params = TARGETS[arn_of(body).service](body)
    caller: Caller
    if body.get("role"):
        caller = role_session(body["role"], body["id"])
    else:
        caller = service_principal(body["principal"], account)
    return Call(
        service=service,
        operation=operation,
        params=params,
        caller=caller,
        origin=Origin(source_arn=body["source_arn"]),
        request_id=body["id"],
        token=token,
    )


def timers() -> dict[str, Callable[[Timer, Draft], None]]:
    """The handlers of messages, and of second tries."""
    return {"delivery": _try}


def effects(*, dispatch: Dispatch, account: str) -> list[EffectKind]:
    """The effect that makes the call."""
    perform = partial(_perform, dispatch, account)
    return [EffectKind(name="delivery", perform=perform, complete=_complete)]


def _try(timer: Timer, draft: Draft) -> None:
    body = {"id": draft.uuid(), "began": draft.now, "attempt": 0, **timer.body}
    body["attempt"] += 1
    draft.effect("delivery", body, token=f"delivery/{body['id']}/{body['attempt']}")


async def _perform(dispatch: Dispatch, account: str, effect: Effect) -> None:
    try:
        await dispatch(call_of(effect.body, account, effect.token))
    except AwsError as error:
        if error.error_code != "ExecutionAlreadyExists":
            raise


def _complete(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    error, body = outcome.error, effect.body
    if error is None:
        return
    wait = min(LONGEST_WAIT, 2.0 ** (min(body["attempt"], 16) - 1))
    passing = error.http_status >= 500 or error.error_code in PASSING
    in_time = draft.now + wait - body["began"] <= body.get("age", AGE)
    if passing and in_time and body["attempt"] < body.get("attempts", ATTEMPTS):
        draft.timer(f"delivery/{body['id']}", draft.now + wait, "delivery", body)
        return
    lost = FailedDelivery(
        id=body["id"],
        target=body["target"],
        source_arn=body["source_arn"],
        payload=body["payload"],
        began=body["began"],
        ended=draft.now,
        attempts=body["attempt"],
        code=error.error_code,
        message=error.message,
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
