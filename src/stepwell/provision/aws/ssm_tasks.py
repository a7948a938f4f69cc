"""Systems Manager: what a maintenance window runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.aws.ssm_windows import TARGETS, agrees, pages, place, settings, shown
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, Property, ResourceType, block, honoured, refused

_TASK = {
    "name": "Name",
    "description": "Description",
    "taskArn": "TaskArn",
    "serviceRoleArn": "ServiceRoleArn",
    "priority": "Priority",
    "maxConcurrency": "MaxConcurrency",
    "maxErrors": "MaxErrors",
    "cutoffBehavior": "CutoffBehavior",
}
# what follows no rule in the blocks of Run Command
_SPELLED = {
    "cloudwatchConfig": "CloudWatchOutputConfig",
    "cloudwatchLogGroupName": "CloudWatchLogGroupName",
    "cloudwatchOutputEnabled": "CloudWatchOutputEnabled",
    "outputS3Bucket": "OutputS3BucketName",
}
# the block of each task type
_BLOCKS = {
    "RUN_COMMAND": ("runCommandParameters", "RunCommand"),
    "LAMBDA": ("lambdaParameters", "Lambda"),
    "STEP_FUNCTIONS": ("stepFunctionsParameters", "StepFunctions"),
}


def _invocation(declared: Inputs | None) -> dict[str, Any] | None:
    """What a task is started with, as the API spells it."""
    if not declared:
        return None
    asked = {api: dict(declared[ours]) for ours, api in _BLOCKS.values() if declared.get(ours) is not None}
    written: dict[str, Any] = {}
    for api, values in asked.items():
        parameters = values.pop("parameters", None)
        written[api] = pascal(values, _SPELLED)
        if parameters is not None:
            written[api]["Parameters"] = {each["name"]: each["values"] for each in parameters}
        if "Payload" in written[api]:
            written[api]["Payload"] = str(written[api]["Payload"]).encode()
    return written


def _declared(answered: Inputs | None) -> dict[str, Any] | None:
    """The reverse of `_invocation`."""
    if not answered:
        return None
    found: dict[str, Any] = {}
    for ours, api in _BLOCKS.values():
        if not answered.get(api):
            continue
        values = dict(answered[api])
        parameters, payload = values.pop("Parameters", None), values.pop("Payload", None)
        found[ours] = camel(values, _SPELLED)
        if parameters:
            listed = sorted(parameters.items())
            found[ours]["parameters"] = [{"name": name, "values": texts} for name, texts in listed]
        if payload is not None:
            found[ours]["payload"] = payload.decode() if isinstance(payload, bytes) else payload
    return found or None


def _task_settings(inputs: Inputs) -> dict[str, Any]:
    return given(
        **settings(_TASK, inputs),
        Targets=pascal(inputs["targets"]) if inputs.get("targets") else None,
        TaskInvocationParameters=_invocation(inputs.get("taskInvocationParameters")),
    )


def _create(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        answer = cloud.client("ssm").register_task_with_maintenance_window(
            WindowId=inputs["windowId"], TaskType=inputs["taskType"], **_task_settings(inputs)
        )
    return str(answer["WindowTaskId"])


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    with calling(cloud):
        cloud.client("ssm").update_maintenance_window_task(
            WindowId=new["windowId"], WindowTaskId=id_, Replace=True, **_task_settings(new)
        )


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    window, own = place(id_, inputs)
    asking = cloud.client("ssm").get_maintenance_window_task
    found = attempt(cloud, asking, WindowId=window, WindowTaskId=own)
    if found is None:
        return None
    return given(
        **shown(_TASK, found),
        windowId=window,
        windowTaskId=own,
        arn=cloud.arn("ssm", f"windowtask/{own}"),
        taskType=found["TaskType"],
        targets=camel(found["Targets"]) if found.get("Targets") else None,
        taskInvocationParameters=_declared(found.get("TaskInvocationParameters")),
    )


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    window, own = place(id_, inputs)
    deregister = cloud.client("ssm").deregister_task_from_maintenance_window
    attempt(cloud, deregister, WindowId=window, WindowTaskId=own)


def _find(cloud: Cloud, inputs: Inputs) -> str | None:
    for page in pages(cloud, "describe_maintenance_window_tasks", WindowId=inputs["windowId"]):
        for entry in page["Tasks"]:
            own = str(entry["WindowTaskId"])
            if entry.get("Name") == inputs["name"] and agrees(_read(cloud, own, inputs), inputs):
                return own
    return None


def _check(inputs: Inputs) -> Iterator[str]:
    ours, _ = _BLOCKS.get(inputs.get("taskType", ""), ("", ""))
    for other in inputs.get("taskInvocationParameters") or {}:
        if ours and other != ours:
            where = f"taskInvocationParameters.{other}"
            yield f"property {where}: a task of type {inputs['taskType']} takes {ours}"


_VALUES = {"name": honoured(required=True), "values": honoured(required=True)}
_RUN_COMMAND: Mapping[str, Property] = {
    **block(
        "comment documentHash documentHashType documentVersion outputS3Bucket outputS3KeyPrefix"
        " serviceRoleArn timeoutSeconds"
    ),
    "parameters": honoured(many=True, unordered=True, fields=_VALUES),
    "cloudwatchConfig": honoured(fields=block("cloudwatchLogGroupName cloudwatchOutputEnabled")),
    "notificationConfig": refused("there is no SNS here to send them by"),
}

MAINTENANCE_WINDOW_TASK = ResourceType(
    token="aws:ssm/maintenanceWindowTask:MaintenanceWindowTask",
    properties={
        "windowId": honoured(required=True, replaces=True),
        "taskType": honoured(required=True, replaces=True, choices=tuple(_BLOCKS)),
        "taskArn": honoured(required=True),
        "taskInvocationParameters": honoured(
            fields={
                "runCommandParameters": honoured(fields=_RUN_COMMAND),
                "lambdaParameters": honoured(fields=block("clientContext payload qualifier")),
                "stepFunctionsParameters": honoured(fields=block("input name")),
                "automationParameters": refused("runbooks are not run here"),
            }
        ),
        "targets": honoured(many=True, fields=TARGETS),
        **block("cutoffBehavior description maxConcurrency maxErrors name priority serviceRoleArn"),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"arn", "windowTaskId"}),
    naming=Naming(longest=128),
    create=_create,
    update=_update,
    read=_read,
    delete=_delete,
    identify=lambda cloud, inputs: "",
    find=_find,
    check=_check,
)

TYPES = (MAINTENANCE_WINDOW_TASK,)
