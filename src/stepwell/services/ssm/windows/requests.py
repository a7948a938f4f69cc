"""The calls that tasks stand for: one row a type of task, pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from stepwell.api.operations import words
from stepwell.services.ssm.windows import pseudo
from stepwell.services.ssm.windows.runs import Execution, Invocation, TaskExecution
from stepwell.services.ssm.windows.settings import MEMBERS

#: parameters of a command that SendCommand takes as they are
COMMAND = words(
    "Comment CloudWatchOutputConfig DocumentHash DocumentHashType DocumentVersion OutputS3BucketName"
    " OutputS3KeyPrefix TimeoutSeconds"
)
Known = dict[str, str]
#: a service, its operation, and the operation's parameters
Request = tuple[str, str, dict[str, Any]]


def _send_command(task: TaskExecution, run: Invocation, given: Mapping[str, Any], known: Known) -> Request:
    settings = task.settings
    params = {
        "DocumentName": settings["TaskArn"],
        "InstanceIds": run.instances,
        "MaxConcurrency": settings["MaxConcurrency"],
        "MaxErrors": settings["MaxErrors"],
        **{name: given[name] for name in COMMAND if name in given},
    }
    legacy = {name: each.get("Values", []) for name, each in settings.get("TaskParameters", {}).items()}
    parameters = given.get("Parameters") or legacy
    if parameters:
        params["Parameters"] = pseudo.filled(parameters, known)
    if "LoggingInfo" in settings:
        params["OutputS3BucketName"] = settings["LoggingInfo"]["S3BucketName"]
        if "S3KeyPrefix" in settings["LoggingInfo"]:
            params["OutputS3KeyPrefix"] = settings["LoggingInfo"]["S3KeyPrefix"]
    return "ssm", "SendCommand", params


def _invoke(task: TaskExecution, run: Invocation, given: Mapping[str, Any], known: Known) -> Request:
    params: dict[str, Any] = {"FunctionName": task.settings["TaskArn"], "InvocationType": "RequestResponse"}
    params |= {
        name: pseudo.filled(given[name], known) for name in words("ClientContext Qualifier") if name in given
    }
    if "Payload" in given:
        text = base64.b64decode(given["Payload"]).decode("utf-8", "surrogateescape")
        params["Payload"] = pseudo.filled(text, known).encode("utf-8", "surrogateescape")
    return "lambda", "Invoke", params


def _start(task: TaskExecution, run: Invocation, given: Mapping[str, Any], known: Known) -> Request:
    params = {
        "stateMachineArn": task.settings["TaskArn"],
        "name": pseudo.filled(given.get("Name", run.id), known),
    }
    if "Input" in given:
        params["input"] = pseudo.filled(given["Input"], known)
    return "stepfunctions", "StartExecution", params


REQUESTS: dict[str, Callable[[TaskExecution, Invocation, Mapping[str, Any], Known], Request]] = {
    "RUN_COMMAND": _send_command,
    "LAMBDA": _invoke,
    "STEP_FUNCTIONS": _start,
}


def request_of(execution: Execution, task: TaskExecution, run: Invocation) -> Request:
    """What an invocation asks for, with its pseudo-parameters replaced."""
    given = task.settings.get("TaskInvocationParameters", {}).get(MEMBERS[task.type], {})
    return REQUESTS[task.type](task, run, given, pseudo.values(execution, task, run))


def shown(request: Request) -> str:
    """An invocation's Parameters: the call's, as JSON."""

    def text(value: Any) -> str:
        return str(value, "utf-8", "replace")

    params = {name[:1].lower() + name[1:]: value for name, value in request[2].items()}
    return json.dumps(params, default=text, separators=(",", ":"))
