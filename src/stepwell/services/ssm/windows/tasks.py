"""RegisterTaskWithMaintenanceWindow and its siblings: what a window does."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import UnsupportedParameter, ValidationException
from stepwell.services.ssm import linked
from stepwell.services.ssm.errors import ResourceLimitExceededException
from stepwell.services.ssm.windows import filters, rights, settings, tokens
from stepwell.services.ssm.windows.events import tell_registration
from stepwell.services.ssm.windows.records import WindowTask, task_of, tasks_of, window_of

#: tasks that a window may have (quotas)
LIMIT = 20
#: settings that an update with Replace must name
REQUIRED = words("TaskArn")
#: settings that lists do not show
UNLISTED = frozenset({"TaskInvocationParameters"})
FILTERS: dict[str, filters.Fits[WindowTask]] = {
    "WindowTaskId": filters.equal(lambda task: task.id),
    "TaskArn": filters.equal(lambda task: task.settings["TaskArn"]),
    "Priority": filters.equal(lambda task: task.settings["Priority"]),
    "TaskType": filters.equal(lambda task: task.type),
}


async def ensure_role(call: Call, context: Context) -> None:
    """A task without a role runs as Systems Manager's own, made with the first such task, by its caller."""
    params = call.params
    if params.get("ServiceRoleArn") or (call.operation.startswith("Update") and not params.get("Replace")):
        return
    await linked.ensure(call, context)


def register(call: Call, draft: Draft, _: None) -> dict[str, Any]:
    """RegisterTaskWithMaintenanceWindow."""
    params = call.params

    def make() -> str:
        window = window_of(draft, params["WindowId"])
        if params["TaskType"] not in settings.MEMBERS:
            raise UnsupportedParameter(
                f"RegisterTaskWithMaintenanceWindow: the task type {params['TaskType']} is not supported by "
                f"Stepwell. Use {', '.join(settings.MEMBERS)}."
            )
        if len(tasks_of(draft, window.id)) >= LIMIT:
            raise ResourceLimitExceededException(f"A maintenance window may have at most {LIMIT} tasks.")
        completed = settings.completed(draft, window, params["TaskType"], settings.kept(params))
        task = WindowTask(id=draft.uuid(), window=window.id, type=params["TaskType"], settings=completed)
        draft.put(task)
        tell_registration(draft, window.id, "task", task.id, "REGISTERED")
        return task.id

    return {"WindowTaskId": tokens.once(call, draft, make)}


def update(call: Call, draft: Draft, _: None) -> dict[str, Any]:
    """UpdateMaintenanceWindowTask."""
    params = call.params
    before = task_of(draft, params["WindowId"], params["WindowTaskId"])
    window = window_of(draft, before.window)
    said = settings.kept(params)
    if params.get("Replace"):
        missing = [name for name in REQUIRED if name not in said]
        if missing:
            raise ValidationException(f"An update with Replace must name {', '.join(missing)}.")
    else:
        said = before.settings | said
    task = replace(before, settings=settings.completed(draft, window, before.type, said))
    draft.put(task)
    tell_registration(draft, window.id, "task", task.id, "UPDATED")
    return {"WindowId": task.window, "WindowTaskId": task.id, **settings.shown(task.settings)}


def deregister(call: Call, draft: Draft) -> dict[str, Any]:
    """DeregisterTaskFromMaintenanceWindow. What runs already goes on."""
    task = task_of(draft, call.params["WindowId"], call.params["WindowTaskId"])
    draft.delete(WindowTask, task.key)
    tell_registration(draft, task.window, "task", task.id, "DEREGISTERED")
    return {"WindowId": task.window, "WindowTaskId": task.id}


def get(call: Call, view: View) -> dict[str, Any]:
    """GetMaintenanceWindowTask."""
    task = task_of(view, call.params["WindowId"], call.params["WindowTaskId"])
    return {
        "WindowId": task.window,
        "WindowTaskId": task.id,
        "TaskType": task.type,
        **settings.shown(task.settings),
    }


def describe(call: Call, view: View) -> dict[str, Any]:
    """DescribeMaintenanceWindowTasks."""
    window = window_of(view, call.params["WindowId"])
    found, more = filters.page(call.params, tasks_of(view, window.id), lambda task: task.id, FILTERS)
    rows = [
        {
            "WindowId": task.window,
            "WindowTaskId": task.id,
            "Type": task.type,
            **{name: value for name, value in task.settings.items() if name not in UNLISTED},
        }
        for task in found
    ]
    return {"Tasks": rows, **more}


OPERATIONS = (
    Operation(
        name="RegisterTaskWithMaintenanceWindow",
        rights=(rights.right("RegisterTaskWithMaintenanceWindow", rights.WINDOW), rights.PASSING),
        honoured=("WindowId", "TaskType", "ClientToken", *settings.HONOURED),
        recorded=settings.RECORDED,
        prepare=ensure_role,
        decide=register,
    ),
    Operation(
        name="UpdateMaintenanceWindowTask",
        rights=(rights.right("UpdateMaintenanceWindowTask", rights.WINDOW), rights.PASSING),
        honoured=("WindowId", "WindowTaskId", "Replace", *settings.HONOURED),
        recorded=settings.RECORDED,
        prepare=ensure_role,
        decide=update,
    ),
    Operation(
        name="DeregisterTaskFromMaintenanceWindow",
        rights=(rights.right("DeregisterTaskFromMaintenanceWindow", rights.WINDOW),),
        honoured=words("WindowId WindowTaskId"),
        decide=deregister,
    ),
    Operation(
        name="GetMaintenanceWindowTask",
        rights=(rights.right("GetMaintenanceWindowTask", rights.WINDOW),),
        honoured=words("WindowId WindowTaskId"),
        read=get,
    ),
    Operation(
        name="DescribeMaintenanceWindowTasks",
        rights=(rights.right("DescribeMaintenanceWindowTasks", rights.WINDOW),),
        honoured=words("WindowId Filters MaxResults NextToken"),
        read=describe,
    ),
)
