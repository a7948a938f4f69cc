"""How executions' commands are sent, taken back, and how their ends are learned.

Commands are sent as the association's role, through the same dispatch as every call: what the role may not
do fails the execution. What becomes of a command comes as events; a quick one may be over before its start is
known here, so each is also looked at once when its start is written.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from stepwell.api import callers
from stepwell.api.context import Context
from stepwell.calls import Call
from stepwell.durable import Draft, Effect, EffectKind, Outcome, View
from stepwell.services.ssm.associations import running
from stepwell.services.ssm.associations.records import Association, version_of
from stepwell.services.ssm.associations.runs import Awaited, Execution
from stepwell.services.ssm.associations.settings import command_of

log = logging.getLogger(__name__)

#: detail types of the events that tell of a command
EVENTS = frozenset(
    {"EC2 Command Status-change Notification", "EC2 Command Invocation Status-change Notification"}
)


def effects(context: Context) -> list[EffectKind]:
    """The effects that send commands and take them back."""

    async def send(effect: Effect) -> Any:
        call = await context.read(lambda view: _sending(view, effect))
        if call is None:
            return None
        return (await context.dispatch(call)).output["Command"]["CommandId"]

    async def cancel(effect: Effect) -> None:
        call = await context.read(lambda view: _cancelling(view, effect))
        if call is not None:
            await context.dispatch(call)

    return [
        EffectKind(name=running.SEND, perform=send, complete=_sent),
        EffectKind(name=running.CANCEL, perform=cancel, complete=_cancelled),
    ]


def _found(view: View, effect: Effect) -> tuple[Association, Execution] | None:
    execution = view.get(Execution, effect.body["execution"])
    association = view.get(Association, execution.association) if execution is not None else None
    return (association, execution) if association is not None and execution is not None else None


def _call(
    view: View, association: Association, effect: Effect, operation: str, params: Mapping[str, Any]
) -> Call:
    return Call(
        service="ssm",
        operation=operation,
        params=params,
        caller=callers.role_session(association.role(view.account), association.id),
        token=effect.token,
    )


def _sending(view: View, effect: Effect) -> Call | None:
    found = _found(view, effect)
    if found is None or found[1].over:
        return None
    association, execution = found
    settings = version_of(view, association, str(execution.version)).settings
    ids = [each.instance for each in execution.targets]
    return _call(view, association, effect, "SendCommand", command_of(settings, ids))


def _cancelling(view: View, effect: Effect) -> Call | None:
    found = _found(view, effect)
    if found is None or found[1].command is None:
        return None
    association, execution = found
    return _call(view, association, effect, "CancelCommand", {"CommandId": execution.command})


def _sent(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    execution = draft.get(Execution, effect.body["execution"])
    if execution is None:
        return
    if outcome.error is not None:
        running.fail(draft, execution, outcome.error.error_code, outcome.error.message)
    elif outcome.value is not None:
        running.sent(draft, execution, outcome.value)


def _cancelled(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    if outcome.error is not None:
        log.warning(
            "the command of association execution %s could not be cancelled: %s",
            effect.body["execution"],
            outcome.error.message,
        )


def on_event(event: Mapping[str, Any], draft: Draft) -> None:
    """A command changed (`triggers.events.Subscriber`)."""
    if event["source"] != "aws.ssm" or event["detail-type"] not in EVENTS:
        return
    awaited = draft.get(Awaited, event["detail"]["command-id"])
    execution = draft.get(Execution, awaited.execution) if awaited is not None else None
    if execution is not None:
        running.follow(draft, execution)
