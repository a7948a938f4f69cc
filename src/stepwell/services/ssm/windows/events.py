"""What maintenance windows tell EventBridge.

Source: the Systems Manager user guide, "Amazon EventBridge event examples for Systems Manager" and
"Reference: Amazon EventBridge event patterns and types for Systems Manager".
"""

from __future__ import annotations

from typing import Any

from stepwell.arn import build
from stepwell.clock import iso
from stepwell.durable import Draft
from stepwell.services.ssm.windows.records import Window
from stepwell.services.ssm.windows.runs import Execution, Invocation, TaskExecution


def tell_window(draft: Draft, window: Window) -> None:
    """A window was enabled or disabled."""
    status = "ENABLED" if window.enabled else "DISABLED"
    _send(draft, "Maintenance Window State-change Notification", window.id, {"status": status})


def tell_registration(draft: Draft, window: str, noun: str, id: str, status: str) -> None:
    """A target or a task (`noun`) was REGISTERED, UPDATED or DEREGISTERED."""
    name = f"Maintenance Window {noun.capitalize()} Registration Notification"
    arn = build("ssm", draft.region, draft.account, f"window{noun}/{id}")
    _send(draft, name, window, {f"window-{noun}-id": id, "status": status}, arn)


def tell_execution(draft: Draft, execution: Execution) -> None:
    """A window's execution is in another status."""
    detail = {"window-execution-id": execution.id, **_progress(execution)}
    _send(draft, "Maintenance Window Execution State-change Notification", execution.window, detail)


def tell_task(draft: Draft, execution: Execution, task: TaskExecution) -> None:
    """A task's execution is in another status."""
    detail = {
        "window-execution-id": execution.id,
        "task-execution-id": task.id,
        **_progress(task),
    }
    _send(draft, "Maintenance Window Task Execution State-change Notification", execution.window, detail)


def tell_invocation(draft: Draft, window: str, invocation: Invocation) -> None:
    """A task's invocation is in another status. Of all but commands AWS says no more than COMPLETE."""
    detail = {
        "window-execution-id": invocation.execution,
        "task-execution-id": invocation.task,
        "window-target-id": invocation.window_target,
        "owner-information": invocation.owner,
        **_progress(invocation),
    }
    if invocation.final and invocation.type != "RUN_COMMAND":
        detail["status"] = "COMPLETE"
    name = "Maintenance Window Task Target Invocation State-change Notification"
    _send(draft, name, window, {key: value for key, value in detail.items() if value is not None})


def _progress(run: Execution | TaskExecution | Invocation) -> dict[str, Any]:
    shown: dict[str, Any] = {"status": run.status}
    if run.started is not None:
        shown["start-time"] = iso(run.started)
    if run.ended is not None:
        shown["end-time"] = iso(run.ended)
    return shown


def _send(draft: Draft, name: str, window: str, detail: dict[str, Any], *more: str) -> None:
    arn = build("ssm", draft.region, draft.account, f"maintenancewindow/{window}")
    draft.send(
        "event",
        {
            "source": "aws.ssm",
            "detail-type": name,
            "resources": [arn, *more],
            "detail": {"window-id": window, **detail},
        },
    )
