"""A window opens, reaches its cutoff, ends: the timers, and what a user may cut short.

A start that the server slept through counts as late, not as lost: while the window would still be open, it
opens, with the cutoff and the end that it would have had. When even its end has passed, AWS has no word for
what happened, as its service never sleeps: the execution is recorded as TIMED_OUT, and says so. Of several
starts that passed during one absence only the first is recorded.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation
from stepwell.calls import Call
from stepwell.durable import Draft, Timer
from stepwell.durable.loop import TimerHandler
from stepwell.errors import ValidationException
from stepwell.services.ssm.windows import rights, running, tokens
from stepwell.services.ssm.windows.events import tell_execution
from stepwell.services.ssm.windows.records import HOUR, Window, tasks_of
from stepwell.services.ssm.windows.runs import (
    Execution,
    Invocation,
    Opening,
    TaskExecution,
    execution_of,
    invocations_in,
    tasks_in,
)
from stepwell.services.ssm.windows.windows import OPEN, schedule

MISSED = "The server did not run between this window's start and its end."
OVERLAPPING = "The window's previous execution was still in progress."
END_REACHED = "The window ended."


def timers() -> dict[str, TimerHandler]:
    """Handlers of the timers of windows."""
    return {
        OPEN: _open,
        running.CUTOFF: _cutoff,
        running.END: _end,
        running.FORGET: _forget,
        tokens.FORGET: tokens.forget,
    }


def _open(timer: Timer, draft: Draft) -> None:
    window = draft.get(Window, timer.body["window"])
    start: float = timer.body["start"]
    if window is None or window.next != start:
        return
    length = window.duration * HOUR
    execution = _opened(draft, window, start)
    if execution.status != "SKIPPED_OVERLAPPING":
        window = replace(window, execution=execution.id)
    # starts whose window has ended meanwhile are passed over
    schedule(draft, window, max(start, draft.now - length))
    if not execution.final:
        running.advance(draft, execution)


def _opened(draft: Draft, window: Window, start: float) -> Execution:
    end = start + window.duration * HOUR
    execution = Execution(
        id=draft.uuid(),
        window=window.id,
        status="IN_PROGRESS",
        scheduled=start,
        started=draft.now,
        cutoff=end - window.cutoff * HOUR,
        end=end,
    )
    draft.put(Opening(window=window.id, started=draft.now, scheduled=start, execution=execution.id))
    before = draft.get(Execution, window.execution) if window.execution else None
    if before is not None and not before.final and before.end <= draft.now:
        running.end_all(draft, before, END_REACHED)
    elif before is not None and not before.final:
        return _closed(draft, execution, "SKIPPED_OVERLAPPING", OVERLAPPING)
    if end <= draft.now:
        return _closed(draft, execution, "TIMED_OUT", MISSED)
    ordered = sorted(tasks_of(draft, window.id), key=lambda task: (task.settings["Priority"], task.id))
    tasks = [
        TaskExecution(
            id=draft.uuid(), execution=execution.id, task=task.id, type=task.type, settings=task.settings
        )
        for task in ordered
    ]
    for task in tasks:
        draft.put(task)
    execution = replace(execution, tasks=[task.id for task in tasks])
    draft.put(execution)
    for kind, due in ((running.CUTOFF, execution.cutoff), (running.END, execution.end)):
        draft.timer(f"{kind}/{execution.id}", due, kind, {"execution": execution.id})
    tell_execution(draft, execution)
    return execution


def _closed(draft: Draft, execution: Execution, status: str, details: str) -> Execution:
    closed = running.ended(execution, draft.now, status, details)
    running.close(draft, closed)
    return closed


def _cutoff(timer: Timer, draft: Draft) -> None:
    execution = draft.get(Execution, timer.body["execution"])
    if execution is None or execution.final:
        return
    tasks = tasks_in(draft, execution)
    running.stop(draft, execution, "TIMED_OUT", running.CUTOFF_REACHED, tasks=tasks)
    for task in tasks:
        if task.settings.get("CutoffBehavior") == "CANCEL_TASK":
            running.take_back(draft, execution, task, "TIMED_OUT")
    running.advance(draft, execution)


def _end(timer: Timer, draft: Draft) -> None:
    execution = draft.get(Execution, timer.body["execution"])
    if execution is not None and not execution.final:
        running.end_all(draft, execution, END_REACHED)


def _forget(timer: Timer, draft: Draft) -> None:
    execution = draft.get(Execution, timer.body["execution"])
    if execution is None:
        return
    for task in tasks_in(draft, execution):
        for run in invocations_in(draft, task):
            draft.delete(Invocation, run.key)
        draft.delete(TaskExecution, task.key)
    for opening in draft.scan(Opening, prefix=f"{execution.window}/"):
        if opening.execution == execution.id:
            draft.delete(Opening, opening.key)
            break
    draft.delete(Execution, execution.key)


def cancel(call: Call, draft: Draft) -> dict[str, Any]:
    """CancelMaintenanceWindowExecution: what has begun goes on, nothing else begins."""
    execution = execution_of(draft, call.params["WindowExecutionId"])
    if execution.final:
        raise ValidationException(
            f"Maintenance window execution {execution.id} is {execution.status}: it cannot be cancelled."
        )
    cancelling = replace(execution, status="CANCELLING")
    draft.put(cancelling)
    tell_execution(draft, cancelling)
    tasks = tasks_in(draft, cancelling)
    running.stop(draft, cancelling, "CANCELLED", "The window's execution was cancelled.", tasks=tasks)
    running.advance(draft, cancelling)
    return {"WindowExecutionId": execution.id}


OPERATIONS = (
    Operation(
        name="CancelMaintenanceWindowExecution",
        rights=(rights.right("CancelMaintenanceWindowExecution"),),
        honoured=("WindowExecutionId",),
        decide=cancel,
    ),
)
