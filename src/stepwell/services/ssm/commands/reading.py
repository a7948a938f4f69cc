"""ListCommands, ListCommandInvocations, GetCommandInvocation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from stepwell.calls import Call
from stepwell.clock import iso
from stepwell.durable import View
from stepwell.errors import ValidationException
from stepwell.services.ssm.commands import outputs, records
from stepwell.services.ssm.commands.progress import ERRORS
from stepwell.services.ssm.commands.records import Command, Invocation, Plugin
from stepwell.services.ssm.errors import (
    InvalidCommandId,
    InvalidPluginName,
    InvocationDoesNotExist,
)
from stepwell.services.ssm.paging import page, place

#: ExecutionStage → the statuses that it holds
STAGES = {
    "Executing": ("Pending", "InProgress", "Cancelling"),
    "Complete": ("Success", "Cancelled", "Failed", "TimedOut"),
}
#: what a plugin's Name is where a document has no names for its steps
UNNAMED = "aws:runShellScript"


def command_shown(view: View, command: Command) -> dict[str, Any]:
    """AWS's Command."""
    every = records.invocations(view, command.id)
    return {
        "CommandId": command.id,
        "DocumentName": command.document,
        "DocumentVersion": command.version,
        "Comment": command.comment,
        "ExpiresAfter": command.expires,
        "Parameters": command.parameters,
        "InstanceIds": command.instance_ids,
        "Targets": command.targets,
        "RequestedDateTime": command.requested,
        "Status": command.status,
        "StatusDetails": command.details,
        "OutputS3Region": view.region if command.bucket else "",
        "OutputS3BucketName": command.bucket or "",
        "OutputS3KeyPrefix": command.prefix,
        "MaxConcurrency": command.max_concurrency,
        "MaxErrors": command.max_errors,
        "TargetCount": len(every),
        "CompletedCount": sum(1 for each in every if each.over),
        "ErrorCount": sum(1 for each in every if each.details in ERRORS),
        "DeliveryTimedOutCount": sum(1 for each in every if each.details == "DeliveryTimedOut"),
        "ServiceRole": command.service_role or "",
        "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
        "CloudWatchOutputConfig": _logging(command),
        "TimeoutSeconds": command.timeout,
    }


def _logging(command: Command) -> dict[str, Any]:
    if command.log_group is None:
        return {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False}
    return {"CloudWatchLogGroupName": command.log_group, "CloudWatchOutputEnabled": True}


def list_commands(call: Call, view: View) -> dict[str, Any]:
    """ListCommands, newest first."""
    params = call.params
    instance = params.get("InstanceId")
    found = (
        (where, command)
        for where, command in _chosen(view, params)
        if instance is None or instance in command.instances
        if _fits(params, command, command.status)
    )
    rows, token = page(params, found, lambda pair: pair[0])
    return {"Commands": [command_shown(view, command) for _, command in rows], **token}


def _chosen(view: View, params: Mapping[str, Any]) -> Iterator[tuple[str, Command]]:
    """The commands of a list, behind its token's place. Raises InvalidCommandId."""
    id = params.get("CommandId")
    if id is None:
        yield from records.newest_first(view, place(params))
        return
    yield id, find(view, id)


def find(view: View, id: str) -> Command:
    """The command. Raises InvalidCommandId."""
    found = view.get(Command, id)
    if found is None:
        raise InvalidCommandId(f"There is no command {id}.")
    return found


def _fits(params: Mapping[str, Any], command: Command, status: str) -> bool:
    """Whether all filters let a command, or an invocation with that status, through."""
    for each in params.get("Filters") or ():
        key, value = each["key"], each["value"]
        if key == "Status" and status != value:
            return False
        if key == "DocumentName" and command.document != value:
            return False
        if key == "ExecutionStage" and status not in STAGES.get(value, ()):
            return False
        if key == "InvokedAfter" and command.requested <= _time(value):
            return False
        if key == "InvokedBefore" and command.requested >= _time(value):
            return False
    return True


def _time(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValidationException(f"{text!r} is no time such as 2026-11-20T00:00:00Z") from error
    return moment.timestamp()


def list_invocations(call: Call, view: View) -> dict[str, Any]:
    """ListCommandInvocations, of the newest commands first."""
    params = call.params
    wanted, details = params.get("InstanceId"), params.get("Details", False)
    after = place(params)
    # A place is a command's and an instance's: the command's own rows begin behind the instance.
    start, _, behind = after.rpartition("|")
    rows, token = page(
        params,
        (
            (f"{where}|{invocation.instance}", command, invocation)
            for where, command in _from(view, params, start)
            for invocation in records.invocations(view, command.id)
            if where != start or invocation.instance > behind
            if wanted is None or invocation.instance == wanted
            if _fits(params, command, invocation.status)
        ),
        lambda row: row[0],
    )
    return {
        "CommandInvocations": [
            _invocation_shown(view, command, invocation, details=details) for _, command, invocation in rows
        ],
        **token,
    }


def _from(view: View, params: Mapping[str, Any], start: str) -> Iterator[tuple[str, Command]]:
    """Commands from a place on, the one at it included."""
    id = params.get("CommandId")
    if id is not None:
        yield id, find(view, id)
        return
    command = view.get(Command, start.rpartition("/")[2]) if start else None
    if command is not None:
        yield start, command
    yield from records.newest_first(view, start)


def _invocation_shown(
    view: View, command: Command, invocation: Invocation, *, details: bool
) -> dict[str, Any]:
    """AWS's CommandInvocation."""
    first = invocation.plugins[0] if len(invocation.plugins) == 1 else None
    shown: dict[str, Any] = {
        "CommandId": command.id,
        "InstanceId": invocation.instance,
        "InstanceName": "",
        "Comment": command.comment,
        "DocumentName": command.document,
        "DocumentVersion": command.version,
        "RequestedDateTime": command.requested,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "TraceOutput": invocation.trace,
        "StandardOutputUrl": first.stdout_url if first else "",
        "StandardErrorUrl": first.stderr_url if first else "",
        "CommandPlugins": [],
        "ServiceRole": command.service_role or "",
        "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
        "CloudWatchOutputConfig": _logging(command),
    }
    if details:
        shown["CommandPlugins"] = [_plugin_shown(view, command, each) for each in invocation.plugins]
    return shown


def _plugin_shown(view: View, command: Command, plugin: Plugin) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": plugin.name,
        "Status": plugin.status,
        "StatusDetails": plugin.details,
        "ResponseCode": plugin.code,
        "Output": outputs.combined(plugin.stdout, plugin.stderr),
        "StandardOutputUrl": plugin.stdout_url,
        "StandardErrorUrl": plugin.stderr_url,
        "OutputS3Region": view.region if command.bucket else "",
        "OutputS3BucketName": command.bucket or "",
        "OutputS3KeyPrefix": command.prefix,
    }
    if plugin.started is not None:
        shown["ResponseStartDateTime"] = plugin.started
    if plugin.ended is not None:
        shown["ResponseFinishDateTime"] = plugin.ended
    return shown


def get_invocation(call: Call, view: View) -> dict[str, Any]:
    """GetCommandInvocation: a step, or the only one; of several, unnamed, the whole without output."""
    params = call.params
    command = view.get(Command, params["CommandId"])
    invocation = view.get(Invocation, f"{params['CommandId']}/{params['InstanceId']}")
    if command is None or invocation is None:
        raise InvocationDoesNotExist(
            f"The command {params['CommandId']} was not sent to {params['InstanceId']}."
        )
    plugin = _plugin(invocation, params.get("PluginName"))
    shown: dict[str, Any] = {
        "CommandId": command.id,
        "InstanceId": invocation.instance,
        "Comment": command.comment,
        "DocumentName": command.document,
        "DocumentVersion": command.version,
        "PluginName": plugin.name if plugin else "",
        "ResponseCode": plugin.code if plugin else -1,
        "Status": plugin.status if plugin and params.get("PluginName") else invocation.status,
        "StatusDetails": plugin.details if plugin and params.get("PluginName") else invocation.details,
        "StandardOutputContent": plugin.stdout if plugin else "",
        "StandardOutputUrl": plugin.stdout_url if plugin else "",
        "StandardErrorContent": plugin.stderr if plugin else "",
        "StandardErrorUrl": plugin.stderr_url if plugin else "",
        "ExecutionStartDateTime": "",
        "ExecutionElapsedTime": "",
        "ExecutionEndDateTime": "",
        "CloudWatchOutputConfig": _logging(command),
    }
    started = plugin.started if plugin else invocation.started
    if started is not None:
        shown["ExecutionStartDateTime"] = iso(started)
        ended = plugin.ended if plugin else None
        if ended is not None:
            shown["ExecutionEndDateTime"] = iso(ended)
            shown["ExecutionElapsedTime"] = f"PT{ended - started:.3f}".rstrip("0").rstrip(".") + "S"
    return shown


def _plugin(invocation: Invocation, name: str | None) -> Plugin | None:
    """The step of that name, or the only one. Raises InvalidPluginName."""
    if name is None:
        return invocation.plugins[0] if len(invocation.plugins) == 1 else None
    for plugin in invocation.plugins:
        if plugin.name == name:
            return plugin
    if name == UNNAMED and len(invocation.plugins) == 1:
        return invocation.plugins[0]
    raise InvalidPluginName(f"The command has no step {name}.")
