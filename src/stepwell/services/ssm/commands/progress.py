"""How a command goes on: turns, errors, time-outs, its status, and what EventBridge hears of each change.

Statuses and what counts as an error: the user guide, "Understanding command statuses", and the API reference
of CommandInvocation. StatusDetails are spelled as the service sends them, in one word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from stepwell.arn import build
from stepwell.clock import iso
from stepwell.durable import Draft, Timer
from stepwell.durable.loop import TimerHandler
from stepwell.services.ssm import instances
from stepwell.services.ssm.commands import records
from stepwell.services.ssm.commands.rates import concurrency, tolerated
from stepwell.services.ssm.commands.records import Command, Invocation, Plan, Plugin
from stepwell.services.ssm.linked import PRINCIPAL
from stepwell.workers import worker_roles

#: effects: run a command on an instance, end it there, remove its worker
RUN, STOP, FORGET = "ssm-run-command", "ssm-stop-command", "ssm-forget-worker"
#: timers: a command must have begun everywhere; a command is no longer remembered
DELIVERY, RETENTION = "ssm-delivery", "ssm-forget-command"
#: seconds for which commands are remembered after they are over
KEPT = 30 * 86400
#: details that count against MaxErrors
ERRORS = frozenset({"Failed", "ExecutionTimedOut", "Undeliverable"})


def timers() -> dict[str, TimerHandler]:
    """Handlers of a command's due times."""
    return {DELIVERY: _undelivered, RETENTION: _forget}


def _tell(draft: Draft, command: Command, invocation: Invocation | None = None) -> None:
    """Send a change of status with the commit."""
    detail: dict[str, Any] = {
        "command-id": command.id,
        "document-name": command.document,
        "requested-date-time": iso(command.requested),
    }
    if invocation is None:
        kind = "EC2 Command Status-change Notification"
        told = command.instances
        detail |= {
            "expire-after": iso(command.expires),
            "parameters": command.parameters,
            "status": command.status,
        }
    else:
        kind = "EC2 Command Invocation Status-change Notification"
        told = [invocation.instance]
        detail |= {"instance-id": invocation.instance, "status": invocation.status}
    resources = [instance_arn(draft, each) for each in told]
    event = {"source": "aws.ssm", "detail-type": kind, "resources": resources, "detail": detail}
    draft.send("event", event)


def instance_arn(site: Any, instance: str) -> str:
    """The ARN of an instance, EC2's for an alias. site: what has `account` and `region`."""
    if instance.startswith("i-"):
        return build("ec2", site.region, site.account, f"instance/{instance}")
    return build("ssm", site.region, site.account, f"managed-instance/{instance}")


def _change(draft: Draft, command: Command, invocation: Invocation, **changes: Any) -> Invocation:
    """Write an invocation, and tell a new status."""
    changed = replace(invocation, **changes)
    draft.put(changed)
    if changed.status != invocation.status:
        _tell(draft, command, changed)
    return changed


def settle(draft: Draft, command: Command) -> Command:
    """Have invocations begin as far as the rates allow; write and tell the command's status."""
    every = records.invocations(draft, command.id)
    errors = sum(1 for each in every if each.details in ERRORS)
    waiting = [each for each in every if not each.sent and not each.over]
    if errors > tolerated(command.max_errors, len(every)):
        for each in waiting:
            _change(draft, command, each, status="Cancelled", details="Terminated")
    else:
        under_way = sum(1 for each in every if each.sent and not each.over)
        for each in waiting[: max(0, concurrency(command.max_concurrency, len(every)) - under_way)]:
            draft.put(replace(each, sent=True))
            draft.effect(RUN, {"key": each.key})
    every = records.invocations(draft, command.id)
    status, details = summary(command, every)
    changed = replace(command, status=status, details=details)
    if status in records.OVER and command.ended is None:
        changed = replace(changed, ended=draft.now)
        draft.delete(Plan, command.id)
        draft.cancel(f"ssm/command/{command.id}/delivery")
        draft.timer(f"ssm/command/{command.id}/retention", draft.now + KEPT, RETENTION, {"id": command.id})
    draft.put(changed)
    if status != command.status:
        _tell(draft, changed)
    return changed


def summary(command: Command, every: Sequence[Invocation]) -> tuple[str, str]:
    """A command's Status and StatusDetails from those of its invocations."""
    if not every:
        return "Success", "NoInstancesInTag"
    if not all(each.over for each in every):
        if command.cancelled:
            return "Cancelling", "Cancelling"
        if all(each.status == "Pending" for each in every):
            return "Pending", "Pending"
        return "InProgress", "InProgress"
    details = [each.details for each in every]
    if all(each == "Success" for each in details):
        return "Success", "Success"
    if command.cancelled and "Cancelled" in details:
        return "Cancelled", "Cancelled"
    errors = [each for each in details if each in ERRORS]
    for late in ("ExecutionTimedOut", "DeliveryTimedOut"):
        if all(each == late for each in details):
            return "TimedOut", late
    if "Cancelled" in details and not errors:
        return "Cancelled", "Cancelled"
    if errors and len(errors) >= tolerated(command.max_errors, len(every)):
        return "Failed", "Failed"
    return "Failed", "Incomplete"


def begin(draft: Draft, key: str) -> Plan | None:
    """An invocation's turn: what it runs, or None when it is not to run (any more)."""
    invocation = draft.get(Invocation, key)
    command = draft.get(Command, invocation.command) if invocation is not None else None
    if invocation is None or command is None or invocation.over:
        return None
    if invocation.status == "Cancelling":
        finish(draft, key, status="Cancelled", details="Cancelled")
        return None
    if invocation.status == "Pending":
        if draft.now >= command.requested + command.timeout:
            finish(draft, key, status="TimedOut", details="DeliveryTimedOut")
            return None
        _change(draft, command, invocation, status="InProgress", details="InProgress", started=draft.now)
        here = instances.find(draft)
        if here is not None and here.role is not None:
            worker_roles.grant(
                draft, invocation.worker_id, here.role, principal=PRINCIPAL, session=invocation.instance
            )
        settle(draft, command)
    return draft.get(Plan, command.id)


def finish(
    draft: Draft, key: str, *, status: str, details: str, plugins: Sequence[Plugin] = (), trace: str = ""
) -> None:
    """An invocation is over: write and tell it, and let others begin. Nothing happens when it was before."""
    invocation = draft.get(Invocation, key)
    command = draft.get(Command, invocation.command) if invocation is not None else None
    if invocation is None or command is None or invocation.over:
        return
    shown = list(plugins) or [
        replace(each, status="TimedOut" if status == "TimedOut" else status, details=details)
        for each in invocation.plugins
    ]
    _change(draft, command, invocation, status=status, details=details, plugins=shown, trace=trace)
    worker_roles.revoke(draft, invocation.worker_id)
    if invocation.started is not None:
        draft.effect(FORGET, {"worker": invocation.worker_id})
    settle(draft, command)


def cancel(draft: Draft, command: Command, chosen: Sequence[Invocation], *, whole: bool) -> None:
    """End invocations that are not over: at once where their turn has not come, else when they have ended.

    whole: whether they are all that the command has.
    """
    command = replace(command, cancelled=command.cancelled or whole)
    draft.put(command)
    for invocation in chosen:
        if invocation.over:
            continue
        if not invocation.sent:
            _change(draft, command, invocation, status="Cancelled", details="Cancelled")
        else:
            _change(draft, command, invocation, status="Cancelling", details="Cancelling")
            draft.effect(STOP, {"worker": invocation.worker_id})
    settle(draft, command)


def _undelivered(timer: Timer, draft: Draft) -> None:
    command = draft.get(Command, timer.body["id"])
    if command is None:
        return
    for invocation in records.invocations(draft, command.id):
        if invocation.status == "Pending":
            finish(draft, invocation.key, status="TimedOut", details="DeliveryTimedOut")


def _forget(timer: Timer, draft: Draft) -> None:
    command = draft.get(Command, timer.body["id"])
    if command is not None:
        records.forget(draft, command)
