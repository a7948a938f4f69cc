"""The asynchronous half of a task: makes the call as the machine's role, and shapes what comes back."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from stepwell.api.callers import role_session
from stepwell.api.models import operation_model
from stepwell.asl import faults
from stepwell.asl.json import dumps, loads
from stepwell.asl.limits import MAX_DATA_BYTES
from stepwell.calls import Call, Caller, Reply
from stepwell.durable import Effect
from stepwell.engine import integrations, shapes
from stepwell.engine.integrations import EXECUTION_JOB, LAMBDA, Resource
from stepwell.engine.tasks import job_tags
from stepwell.engine.turn import TOO_LARGE
from stepwell.errors import AwsError, UnsupportedOperation

log = logging.getLogger(__name__)

Dispatch = Callable[[Call], Awaitable[Reply]]


async def perform(effect: Effect, dispatch: Dispatch) -> dict[str, Any]:
    """Do a task's call: `{"result": JSON}`, or `{"error": …, "cause": …}`. Raises AwsError."""
    body = effect.body
    resource = integrations.parse(body["resource"])
    assert resource is not None
    target = integrations.operation(resource)
    if target is None:
        raise UnsupportedOperation(f"{resource.arn} names no operation")
    model = operation_model(*target)
    try:
        params = shapes.request(model, _parameters(resource, body))
    except shapes.ParametersInvalid as problem:
        given = body["parameters"]
        cause = f"The Parameters '{given}' could not be used to start the Task: [{problem}]"
        return {"error": faults.RUNTIME, "cause": cause}
    caller = role_session(body["role"], body["session"])
    if body["task_role"] is not None:
        try:
            caller = await _assume(body["task_role"], caller, body["session"], dispatch)
        except AwsError as error:
            return {
                "error": faults.TASK_FAILED,
                "cause": (
                    f"The role {body['role']} is not authorized to assume the task state's role, "
                    f"{body['task_role']}. ({error.message})"
                ),
            }
    reply = await dispatch(
        Call(
            service=target[0],
            operation=target[1],
            params=params,
            caller=caller,
            request_id=body["request_id"],
            token=effect.token,
        )
    )
    try:
        output = await shapes.read_streams(reply.output, MAX_DATA_BYTES)
    except ValueError:
        return {"error": faults.DATA_LIMIT_EXCEEDED, "cause": TOO_LARGE.format(resource.type)}
    return _shaped(resource, output, reply, body)


async def stop(effect: Effect, dispatch: Dispatch) -> None:
    """Ask for a job to be stopped: best effort, as on AWS."""
    body = effect.body
    try:
        caller = role_session(body["role"], body["session"])
        if body["task_role"] is not None:
            caller = await _assume(body["task_role"], caller, body["session"], dispatch)
        await dispatch(
            Call(
                service=body["service"],
                operation=body["operation"],
                params=body["params"],
                caller=caller,
                token=effect.token,
            )
        )
    except AwsError as error:
        log.warning("could not stop %s: %s", body["params"], error.message)


async def _assume(role: str, caller: Caller, session: str, dispatch: Dispatch) -> Caller:
    """The task's own role, where the machine's may assume it."""
    await dispatch(
        Call(
            service="sts",
            operation="AssumeRole",
            params={"RoleArn": role, "RoleSessionName": session},
            caller=caller,
        )
    )
    return role_session(role, session)


def _parameters(resource: Resource, body: Mapping[str, Any]) -> Any:
    """The API's parameters: what the state gives, and what the integration adds."""
    given = loads(body["parameters"])
    if resource.function:
        return {"FunctionName": resource.arn, "Payload": given}
    if not isinstance(given, Mapping) or resource.row is None:
        return given
    found = dict(given)
    if resource.row is LAMBDA and found.get("Payload") is None:
        found["Payload"] = {}
    for member in resource.row.json_members:
        _change(found, member.split("."), _text)
    if resource.row.resources is not None:
        asking = _asking(body["started_by"])
        _change(found, resource.row.resources.split("."), lambda named: [*(named or ()), *asking])
    job = resource.job
    if job is not None and job is not EXECUTION_JOB:
        own = job_tags(body["started_by"])
        found["Tags"] = [
            *(found.get("Tags") or ()),
            *({"Key": key, "Value": value} for key, value in own.items()),
        ]
    return found


def _change(within: dict[str, Any], path: Sequence[str], change: Callable[[Any], Any]) -> None:
    """Change the member at a path: of the parameters, or of every entry of a list of theirs."""
    if len(path) == 1:
        changed = change(within.get(path[0]))
        if changed is not None:
            within[path[0]] = changed
        return
    entries = within.get(path[0])
    if isinstance(entries, list):
        within[path[0]] = [dict(entry) if isinstance(entry, Mapping) else entry for entry in entries]
        for entry in within[path[0]]:
            if isinstance(entry, dict):
                _change(entry, path[1:], change)


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else dumps(value)


def _asking(execution: str) -> list[str]:
    """The ARNs of an execution and of its state machine."""
    machine = execution.rpartition(":")[0].replace(":execution:", ":stateMachine:", 1)
    return [execution, machine]


def _shaped(
    resource: Resource, output: Mapping[str, Any], reply: Reply, body: Mapping[str, Any]
) -> dict[str, Any]:
    """The task's result from an operation's output."""
    target = integrations.operation(resource)
    assert target is not None
    shape = operation_model(*target).output_shape
    if resource.row is None:
        return {"result": shapes.response(shape, output, shapes.text_time)}
    if resource.row is LAMBDA:
        return _invoked(resource, output, body["request_id"])
    found = shapes.response(shape, output, shapes.milliseconds)
    if resource.row.failures is not None and found[resource.row.failures]:
        return {"error": f"{resource.row.prefix}.FailedEntry", "cause": dumps(found)}
    return {"result": {**found, **_sdk_metadata(reply.status or 200, body["request_id"])}}


def _invoked(resource: Resource, output: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    text = (output.get("Payload") or b"").decode("utf-8", "replace")
    if output.get("FunctionError"):
        return _function_error(text)
    payload = _json_or_text(text)
    if resource.function:
        return {"result": payload}
    status = output.get("StatusCode", 200)
    found = {
        "ExecutedVersion": output.get("ExecutedVersion", "$LATEST"),
        "Payload": payload,
        **_sdk_metadata(status, request_id),
        "StatusCode": status,
    }
    if "LogResult" in output:
        found["LogResult"] = output["LogResult"]
    return {"result": found}


def _function_error(text: str) -> dict[str, Any]:
    payload = _json_or_text(text)
    error = payload.get("errorType") if isinstance(payload, Mapping) else None
    return {"error": error or "Lambda.Unknown", "cause": text}


def _json_or_text(text: str) -> Any:
    """An event invocation's payload is empty; a broken one is text."""
    try:
        return loads(text) if text else {}
    except ValueError:
        return text


def _sdk_metadata(status: int, request_id: str) -> dict[str, Any]:
    """What AWS's SDK adds to the output of optimised integrations."""
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {"x-amzn-RequestId": [request_id]},
            "HttpHeaders": {"x-amzn-RequestId": request_id},
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }
