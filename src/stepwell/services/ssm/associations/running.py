"""How associations run: an execution begins, follows its command, ends, and what is known then.

Everything here is a decision. An execution is one command on all instances; `follow` is called whenever the
command may have changed, and calling it once too often changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from stepwell.api.roles import trusts
from stepwell.durable import Draft, Timer
from stepwell.services.ssm import linked
from stepwell.services.ssm.associations import targets
from stepwell.services.ssm.associations.events import tell_association, tell_compliance, tell_instance
from stepwell.services.ssm.associations.records import Association
from stepwell.services.ssm.associations.runs import Applied, Awaited, Condition, Execution
from stepwell.services.ssm.commands.records import invocations

#: effects: send an execution's command, take it back
SEND, CANCEL = "ssm-association-send", "ssm-association-cancel"
#: timers: an execution has lasted as long as it may, an execution is forgotten
LATEST, FORGET = "ssm-association-latest", "ssm-association-forget"
#: seconds for which executions are remembered, as commands are
KEPT = 30 * 86_400.0
HOUR = 3600.0
#: a command invocation's statuses before its script began
WAITING = frozenset({"Pending", "Delayed"})
#: what an execution that did not succeed is: the first of these that any instance has
WORST = ("Failed", "TimedOut", "Cancelled")


def begin(draft: Draft, association: Association) -> Association:
    """Run an association now, where its targets name any instance. What still runs of it has timed out."""
    before = draft.get(Execution, association.execution) if association.execution else None
    if before is not None and not before.over:
        stop(draft, before, "TimedOut")
        association = draft.get(Association, association.id) or association
    association = aim(draft, association)
    ids = association.instances
    if not ids:
        return association
    execution = Execution(
        id=draft.uuid(),
        association=association.id,
        version=association.version,
        created=draft.now,
        targets=[Applied(instance=id, changed=draft.now) for id in ids],
    )
    draft.put(execution)
    draft.timer(f"{FORGET}/{execution.id}", draft.now + KEPT, FORGET, {"execution": execution.key})
    hours = association.settings.get("Duration")
    if hours is not None:
        draft.timer(
            f"{LATEST}/{execution.id}", draft.now + hours * HOUR, LATEST, {"execution": execution.key}
        )
    association = replace(association, execution=execution.key, ran=draft.now)
    draft.put(association)
    _know(draft, association, execution, execution.targets)
    association = _summarise(draft, association, execution)
    role = association.role(draft.account)
    if trusts(draft, role, linked.PRINCIPAL):
        draft.effect(SEND, {"execution": execution.key}, token=f"{SEND}/{execution.id}")
        return association
    fail(draft, execution, "InvalidRole", f"The role {role} cannot be assumed by Systems Manager.")
    return draft.get(Association, association.id) or association


def aim(draft: Draft, association: Association) -> Association:
    """Write which instances an association is for now; of others it says no more."""
    ids = targets.present(draft, association.settings["Targets"])
    for id in association.instances:
        if id not in ids:
            draft.delete(Condition, f"{id}/{association.id}")
    association = replace(association, instances=ids)
    draft.put(association)
    return association


def sent(draft: Draft, execution: Execution, command: str) -> None:
    """An execution's command was sent; one whose time had come meanwhile is taken back."""
    execution = replace(execution, command=command)
    draft.put(execution)
    if execution.over:
        _take_back(draft, execution)
        return
    draft.put(Awaited(command=command, execution=execution.key))
    follow(draft, execution)


def follow(draft: Draft, execution: Execution) -> None:
    """Take over what became of an execution's command."""
    if execution.over or execution.command is None:
        return
    known = {each.instance: each for each in invocations(draft, execution.command)}
    now = [
        replace(each, status=found.status, details=found.details, changed=draft.now)
        if (found := known.get(each.instance)) is not None
        and (found.status, found.details) != (each.status, each.details)
        else each
        for each in execution.targets
    ]
    _change(draft, execution, now)


def stop(draft: Draft, execution: Execution, status: str) -> None:
    """End an execution that is not over, with that status where it is not over, and take its command back."""
    if execution.over:
        return
    _end(draft, execution, status)
    if execution.command is not None:
        _take_back(draft, execution)


def fail(draft: Draft, execution: Execution, code: str, message: str) -> None:
    """An execution's command could not be sent."""
    if not execution.over:
        _end(draft, replace(execution, error=(code, message)), "Failed")


def latest(timer: Timer, draft: Draft) -> None:
    """The handler of the timer at the end of an execution's Duration."""
    execution = draft.get(Execution, timer.body["execution"])
    if execution is not None:
        stop(draft, execution, "Cancelled")


def forget(timer: Timer, draft: Draft) -> None:
    """The handler of the timer that forgets an execution."""
    draft.delete(Execution, timer.body["execution"])


def _end(draft: Draft, execution: Execution, status: str) -> None:
    """What is not over yet is over with that status."""
    now = [
        each if each.over else replace(each, status=status, details=status, changed=draft.now)
        for each in execution.targets
    ]
    _change(draft, execution, now)


def _take_back(draft: Draft, execution: Execution) -> None:
    draft.effect(CANCEL, {"execution": execution.key}, token=f"{CANCEL}/{execution.id}")


def _change(draft: Draft, execution: Execution, now: Sequence[Applied]) -> None:
    """Write what an execution's targets are now, and all that follows."""
    changed = [each for each, was in zip(now, execution.targets, strict=True) if each != was]
    if not changed:
        return
    status, details = summary(now)
    execution = replace(execution, targets=list(now), status=status, details=details)
    draft.put(execution)
    if execution.over:
        draft.cancel(f"{LATEST}/{execution.id}")
        if execution.command is not None:
            draft.delete(Awaited, execution.command)
    association = draft.get(Association, execution.association)
    if association is not None:
        _know(draft, association, execution, changed)
        if association.execution == execution.key:
            _summarise(draft, association, execution)


def summary(applied: Sequence[Applied]) -> tuple[str, str]:
    """An execution's Status and DetailedStatus, from those of its instances."""
    if not all(each.over for each in applied):
        begun = any(each.status not in WAITING for each in applied)
        return "Pending", "InProgress" if begun else "Pending"
    for status in WORST:
        for each in applied:
            if each.status == status:
                return status, each.details
    return "Success", "Success"


def _summarise(draft: Draft, association: Association, execution: Execution) -> Association:
    """Have an association show its last execution, and tell where that is another status."""
    status = execution.status if execution.status in ("Pending", "Success") else "Failed"
    shown = replace(
        association,
        status=status,
        details=execution.details,
        counts=dict(Counter(each.status for each in execution.targets)),
        succeeded=execution.created if status == "Success" else association.succeeded,
    )
    draft.put(shown)
    if (shown.status, shown.counts) != (association.status, association.counts):
        tell_association(draft, shown)
    return shown


def _know(draft: Draft, association: Association, execution: Execution, changed: Sequence[Applied]) -> None:
    """Remember and tell what became of instances. An execution that came later keeps its word."""
    for each in changed:
        if each.instance not in association.instances:
            continue
        before = draft.get(Condition, f"{each.instance}/{association.id}")
        if before is not None and execution.key not in (before.execution, association.execution):
            continue
        judged = each.status == "Success" if each.over else before.compliant if before else None
        known = Condition(
            instance=each.instance,
            association=association.id,
            version=execution.version,
            execution=execution.key,
            command=execution.command,
            status=each.status,
            details=each.details,
            changed=each.changed,
            error=execution.error,
            compliant=judged,
            judged=each.changed if each.over else before.judged if before else None,
            succeeded=each.changed if each.status == "Success" else before.succeeded if before else None,
        )
        draft.put(known)
        if before is None or (known.status, known.execution) != (before.status, before.execution):
            tell_instance(draft, association, known)
        manual = association.settings.get("SyncCompliance") == "MANUAL"
        if not manual and judged is not None and (before is None or before.compliant != judged):
            tell_compliance(draft, known)
