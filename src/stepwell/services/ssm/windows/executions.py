"""What users see of a window's executions, its tasks and their invocations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.services.ssm.windows import filters, rights
from stepwell.services.ssm.windows.runs import (
    Execution,
    Invocation,
    Opening,
    Run,
    TaskExecution,
    execution_of,
    invocation_of,
    invocations_in,
    task_execution_of,
    tasks_in,
)
from stepwell.services.ssm.windows.times import date_of

PAGED = words("Filters MaxResults NextToken")


def _compared(fits: Callable[[float, float], bool]) -> filters.Fits[Execution]:
    return lambda item, wanted: fits(item.started or 0.0, date_of(wanted, None, "The filter's value") or 0.0)


EXECUTIONS: dict[str, filters.Fits[Execution]] = {
    "ExecutedBefore": _compared(lambda started, wanted: started <= wanted),
    "ExecutedAfter": _compared(lambda started, wanted: started >= wanted),
}
TASKS: dict[str, filters.Fits[TaskExecution]] = {"STATUS": filters.equal(lambda task: task.status)}
INVOCATIONS: dict[str, filters.Fits[Invocation]] = {"STATUS": filters.equal(lambda run: run.status)}


def _progress(run: Run) -> dict[str, Any]:
    shown = {
        "Status": run.status,
        "StatusDetails": run.details,
        "StartTime": run.started,
        "EndTime": run.ended,
    }
    return {name: value for name, value in shown.items() if value is not None}


def list_executions(call: Call, view: View) -> dict[str, Any]:
    """DescribeMaintenanceWindowExecutions: the newest first. A deleted window's can be listed too."""
    window = call.params["WindowId"]
    openings = sorted(view.scan(Opening, prefix=f"{window}/"), key=lambda each: each.key, reverse=True)
    every = [execution_of(view, each.execution) for each in openings]
    found, more = filters.page(call.params, every, lambda execution: execution.id, EXECUTIONS)
    rows = [
        {"WindowId": window, "WindowExecutionId": execution.id, **_progress(execution)} for execution in found
    ]
    return {"WindowExecutions": rows, **more}


def get_execution(call: Call, view: View) -> dict[str, Any]:
    """GetMaintenanceWindowExecution."""
    execution = execution_of(view, call.params["WindowExecutionId"])
    return {"WindowExecutionId": execution.id, "TaskIds": execution.tasks, **_progress(execution)}


def _task(task: TaskExecution) -> dict[str, Any]:
    alarms = {name: task.settings[name] for name in ("AlarmConfiguration",) if name in task.settings}
    return {
        "WindowExecutionId": task.execution,
        "TaskExecutionId": task.id,
        "TaskArn": task.settings["TaskArn"],
        **alarms,
        **_progress(task),
    }


def list_tasks(call: Call, view: View) -> dict[str, Any]:
    """DescribeMaintenanceWindowExecutionTasks."""
    execution = execution_of(view, call.params["WindowExecutionId"])
    found, more = filters.page(call.params, tasks_in(view, execution), lambda task: task.id, TASKS)
    rows = [{**_task(task), "TaskType": task.type} for task in found]
    return {"WindowExecutionTaskIdentities": rows, **more}


def get_task(call: Call, view: View) -> dict[str, Any]:
    """GetMaintenanceWindowExecutionTask."""
    task = task_execution_of(view, call.params["WindowExecutionId"], call.params["TaskId"])
    parameters = task.settings.get("TaskParameters")
    return {
        **_task(task),
        "Type": task.type,
        "ServiceRole": task.settings["ServiceRoleArn"],
        "TaskParameters": [parameters] if parameters else [],
        "Priority": task.priority,
        "MaxConcurrency": task.settings["MaxConcurrency"],
        "MaxErrors": task.settings["MaxErrors"],
    }


def _invocation(run: Invocation) -> dict[str, Any]:
    shown = {
        "WindowExecutionId": run.execution,
        "TaskExecutionId": run.task,
        "InvocationId": run.id,
        "ExecutionId": run.started_as,
        "TaskType": run.type,
        "Parameters": run.parameters,
        "OwnerInformation": run.owner,
        "WindowTargetId": run.window_target,
    }
    return {name: value for name, value in shown.items() if value is not None} | _progress(run)


def list_invocations(call: Call, view: View) -> dict[str, Any]:
    """DescribeMaintenanceWindowExecutionTaskInvocations."""
    task = task_execution_of(view, call.params["WindowExecutionId"], call.params["TaskId"])
    found, more = filters.page(call.params, invocations_in(view, task), lambda run: run.id, INVOCATIONS)
    return {"WindowExecutionTaskInvocationIdentities": [_invocation(run) for run in found], **more}


def get_invocation(call: Call, view: View) -> dict[str, Any]:
    """GetMaintenanceWindowExecutionTaskInvocation."""
    params = call.params
    return _invocation(
        invocation_of(view, params["WindowExecutionId"], params["TaskId"], params["InvocationId"])
    )


OPERATIONS = (
    Operation(
        name="DescribeMaintenanceWindowExecutions",
        rights=(rights.right("DescribeMaintenanceWindowExecutions", rights.WINDOW),),
        honoured=("WindowId", *PAGED),
        read=list_executions,
    ),
    Operation(
        name="GetMaintenanceWindowExecution",
        rights=(rights.right("GetMaintenanceWindowExecution"),),
        honoured=("WindowExecutionId",),
        read=get_execution,
    ),
    Operation(
        name="DescribeMaintenanceWindowExecutionTasks",
        rights=(rights.right("DescribeMaintenanceWindowExecutionTasks"),),
        honoured=("WindowExecutionId", *PAGED),
        read=list_tasks,
    ),
    Operation(
        name="GetMaintenanceWindowExecutionTask",
        rights=(rights.right("GetMaintenanceWindowExecutionTask"),),
        honoured=words("WindowExecutionId TaskId"),
        read=get_task,
    ),
    Operation(
        name="DescribeMaintenanceWindowExecutionTaskInvocations",
        rights=(rights.right("DescribeMaintenanceWindowExecutionTaskInvocations"),),
        honoured=("WindowExecutionId", "TaskId", *PAGED),
        read=list_invocations,
    ),
    Operation(
        name="GetMaintenanceWindowExecutionTaskInvocation",
        rights=(rights.right("GetMaintenanceWindowExecutionTaskInvocation"),),
        honoured=words("WindowExecutionId TaskId InvocationId"),
        read=get_invocation,
    ),
)
