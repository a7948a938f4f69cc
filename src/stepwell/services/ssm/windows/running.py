"""How an opened window goes on: its tasks by priority, their invocations by rate control, to the end.

Everything here is a decision: each function takes what is written, and writes what follows. `advance` is
called whenever something may have changed, and calling it once too often changes nothing.
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec.structs import replace

from stepwell.durable import Draft
from stepwell.errors import AwsError
from stepwell.services.ssm import instances
from stepwell.services.ssm.commands.rates import concurrency, tolerated
from stepwell.services.ssm.windows.events import tell_execution, tell_invocation, tell_task
from stepwell.services.ssm.windows.records import WindowTarget
from stepwell.services.ssm.windows.requests import request_of, shown
from stepwell.services.ssm.windows.runs import (
    Awaited,
    Execution,
    Invocation,
    Run,
    TaskExecution,
    invocations_in,
    tasks_in,
)
from stepwell.services.ssm.windows.settings import require_role

R = TypeVar("R", bound=Run)

#: the effect that makes an invocation's call, and the one that takes a command back
INVOKE, CANCEL = "ssm-window-invoke", "ssm-window-cancel"
#: the timer that forgets an execution
FORGET = "ssm-window-forget"
#: seconds for which executions are remembered (quotas: 30 days)
KEPT = 30 * 86_400.0
#: instances that one command may name
PER_COMMAND = 50
#: characters of StatusDetails
DETAILS = 250
#: the timer at an execution's cutoff, and the one at its end
CUTOFF, END = "ssm-window-cutoff", "ssm-window-end"
CUTOFF_REACHED = "The window's cutoff was reached."
#: what an end's status comes from: the first of these that any part has
WORST = ("FAILED", "TIMED_OUT", "CANCELLED")


def ended(run: R, now: float, status: str, details: str | None = None) -> R:
    """The run in its last status."""
    return replace(run, status=status, details=details and details[:DETAILS], ended=now)


def advance(draft: Draft, execution: Execution) -> None:
    """Begin what may begin, and end what is over."""
    if execution.final:
        return
    for priority in sorted({task.priority for task in tasks_in(draft, execution)}):
        for task in tasks_in(draft, execution):
            if task.priority == priority and not task.final:
                _advance_task(draft, execution, task)
        if any(not task.final for task in tasks_in(draft, execution) if task.priority == priority):
            return
    _finish(draft, execution)


def _advance_task(draft: Draft, execution: Execution, task: TaskExecution) -> None:
    if task.status == "PENDING":
        task = _begin(draft, execution, task)
    if not task.final:
        _invoke_more(draft, execution, task)
    if not task.final and all(run.final for run in invocations_in(draft, task)):
        _finish_task(draft, execution, task)


def _begin(draft: Draft, execution: Execution, task: TaskExecution) -> TaskExecution:
    if execution.status == "CANCELLING":
        return _end_task(draft, execution, ended(task, draft.now, "CANCELLED"))
    if draft.now >= execution.cutoff:
        return _end_task(draft, execution, ended(task, draft.now, "TIMED_OUT", CUTOFF_REACHED))
    begun = replace(task, status="IN_PROGRESS", started=draft.now)
    try:
        require_role(draft, task.settings["ServiceRoleArn"])
        runs = _invocations(draft, execution, begun)
    except AwsError as error:
        return _end_task(draft, execution, ended(begun, draft.now, "FAILED", error.message))
    for run in runs:
        draft.put(run)
    begun = replace(
        begun, invocations=[run.id for run in runs], targets=sum(len(run.instances) for run in runs)
    )
    if not runs:
        return _end_task(draft, execution, ended(begun, draft.now, "SUCCESS", "No invocations to execute."))
    draft.put(begun)
    tell_task(draft, execution, begun)
    return begun


def _invocations(draft: Draft, execution: Execution, task: TaskExecution) -> list[Invocation]:
    """A command takes all instances of one target; everything else is invoked once for each."""
    targets = task.settings.get("Targets") or []
    runs: list[Invocation] = []

    def add(found: list[str], through: WindowTarget | None) -> None:
        size = PER_COMMAND if task.type == "RUN_COMMAND" else 1
        for start in range(0, len(found), size):
            runs.append(
                Invocation(
                    id=draft.uuid(),
                    execution=execution.id,
                    task=task.id,
                    type=task.type,
                    instances=found[start : start + size],
                    window_target=through.id if through else None,
                    owner=through.owner if through else None,
                )
            )

    for target in targets:
        if target["Key"] == "InstanceIds":
            add(_ids(draft, [target]), None)
            continue
        for id in target["Values"]:
            through = draft.get(WindowTarget, f"{execution.window}/{id}")
            if through is not None:
                add(_ids(draft, through.targets), through)
    if not targets:
        runs.append(Invocation(id=draft.uuid(), execution=execution.id, task=task.id, type=task.type))
    return runs


def _ids(draft: Draft, targets: list[dict[str, Any]]) -> list[str]:
    """Instances that are named are taken at their word: that one is unknown is for its invocation to tell."""
    named = targets[0]["Values"] if targets[0]["Key"] == "InstanceIds" else ["*"]
    if "*" not in named:
        return list(dict.fromkeys(named))
    return [target.instance_id for target in instances.resolve(draft, targets)]


def _invoke_more(draft: Draft, execution: Execution, task: TaskExecution) -> None:
    """Begin as many invocations as the rates allow; after too many failures, none."""
    runs = invocations_in(draft, task)
    waiting = [run for run in runs if run.status == "PENDING"]
    if sum(run.errors for run in runs) > tolerated(task.settings["MaxErrors"], task.targets):
        for run in waiting:
            _end_run(draft, execution, ended(run, draft.now, "CANCELLED", "Max errors exceeded."))
        return
    if draft.now >= execution.cutoff:
        # the cutoff's own timer is due too, and ends what waits
        return
    limit = concurrency(task.settings["MaxConcurrency"], task.targets)
    busy = sum(min(run.weight, limit) for run in runs if not run.final and run.status != "PENDING")
    for run in waiting:
        weight = min(run.weight, limit)
        if busy + weight > limit:
            break
        busy += weight
        parameters = shown(request_of(execution, task, run))
        begun = replace(run, status="IN_PROGRESS", started=draft.now, parameters=parameters)
        draft.put(begun)
        tell_invocation(draft, execution.window, begun)
        draft.effect(INVOKE, {"invocation": run.key}, token=f"{INVOKE}/{run.id}")


def settle(draft: Draft, invocation: Invocation, status: str, details: str | None, errors: int = 0) -> None:
    """An invocation is over, and what waited for it may begin. News of one that is over changes nothing."""
    if invocation.started_as is not None:
        draft.delete(Awaited, invocation.started_as)
    execution = draft.get(Execution, invocation.execution)
    if invocation.final or execution is None:
        return
    if invocation.ending is not None and status == "CANCELLED":
        status, details = invocation.ending, CUTOFF_REACHED
    done = ended(invocation, draft.now, status, details)
    _end_run(draft, execution, replace(done, errors=errors))
    advance(draft, execution)


def stop(
    draft: Draft, execution: Execution, status: str, details: str, *, tasks: list[TaskExecution]
) -> None:
    """Let nothing new begin in `tasks`: what waits ends with that status."""
    for task in tasks:
        if task.status == "PENDING":
            _end_task(draft, execution, ended(task, draft.now, status, details))
        for run in invocations_in(draft, task):
            if run.status == "PENDING":
                _end_run(draft, execution, ended(run, draft.now, status, details))


def take_back(draft: Draft, execution: Execution, task: TaskExecution, ending: str) -> None:
    """Cancel a task's commands that run; each ends as `ending`. Nothing else can be taken back."""
    if task.type != "RUN_COMMAND":
        return
    for run in invocations_in(draft, task):
        if run.status == "IN_PROGRESS":
            told = replace(run, status="CANCELLING", ending=ending)
            draft.put(told)
            tell_invocation(draft, execution.window, told)
            if told.started_as is not None:
                draft.effect(CANCEL, {"invocation": told.key}, token=f"{CANCEL}/{told.id}")


def end_all(draft: Draft, execution: Execution, details: str) -> None:
    """The window's end: whatever is not over has timed out. Work that goes on is nobody's any more."""
    for task in tasks_in(draft, execution):
        for run in invocations_in(draft, task):
            if not run.final:
                if run.started_as is not None:
                    draft.delete(Awaited, run.started_as)
                _end_run(draft, execution, ended(run, draft.now, "TIMED_OUT", details))
        if not task.final:
            _end_task(draft, execution, ended(task, draft.now, "TIMED_OUT", details))
    _finish(draft, execution)


def _finish_task(draft: Draft, execution: Execution, task: TaskExecution) -> None:
    runs = invocations_in(draft, task)
    status = _worst([run.status for run in runs])
    errors = sum(run.errors for run in runs)
    details = None
    if errors > tolerated(task.settings["MaxErrors"], task.targets):
        details = "Max errors exceeded."
    elif status != "SUCCESS":
        details = next((run.details for run in runs if run.status == status), None)
    _end_task(draft, execution, ended(task, draft.now, status, details))


def _finish(draft: Draft, execution: Execution) -> None:
    status = _worst([task.status for task in tasks_in(draft, execution)])
    details = None
    if execution.status == "CANCELLING":
        status = "CANCELLED"
    elif status == "FAILED":
        details = "One or more tasks in the orchestration failed."
    elif status == "TIMED_OUT":
        details = "One or more tasks in the orchestration timed out."
    elif not execution.tasks:
        details = "No tasks to execute."
    close(draft, ended(execution, draft.now, status, details))


def close(draft: Draft, execution: Execution) -> None:
    """Write an execution that is over, to be forgotten in its time."""
    draft.put(execution)
    for kind in (CUTOFF, END):
        draft.cancel(f"{kind}/{execution.id}")
    draft.timer(f"{FORGET}/{execution.id}", draft.now + KEPT, FORGET, {"execution": execution.id})
    tell_execution(draft, execution)


def _worst(statuses: list[str]) -> str:
    return next((status for status in WORST if status in statuses), "SUCCESS")


def _end_task(draft: Draft, execution: Execution, task: TaskExecution) -> TaskExecution:
    draft.put(task)
    tell_task(draft, execution, task)
    return task


def _end_run(draft: Draft, execution: Execution, run: Invocation) -> None:
    draft.put(run)
    tell_invocation(draft, execution.window, run)
