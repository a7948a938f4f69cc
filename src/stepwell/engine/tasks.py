"""Task states: scheduled by a decision, done by an effect, completed by what comes back.

A task waits for its call's reply, for the end of the job that the call made (`.sync`), or for whoever
holds its task token. What completes one finds it by the id of its Scheduled event (or by its token), so
that whatever comes too late finds nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stepwell.api.callers import role_session, root
from stepwell.api.models import operation_model
from stepwell.asl import faults
from stepwell.asl.faults import StateError
from stepwell.asl.json import dumps, loads
from stepwell.asl.program import TaskState
from stepwell.calls import Call
from stepwell.durable import Outcome
from stepwell.engine import activities, integrations, shapes, tokens
from stepwell.engine.context import environment
from stepwell.engine.evaluations import evaluating
from stepwell.engine.executions import Waiter
from stepwell.engine.frames import Frame
from stepwell.engine.history import WHOLE, failure
from stepwell.engine.integrations import ACTIVITY, TASK, TOKEN, Job, Resource
from stepwell.engine.turn import HEARTBEAT, TASK_EFFECT, TOO_LARGE, Turn, too_large
from stepwell.errors import AwsError

log = logging.getLogger(__name__)

#: what AWS tags a job with whose end it waits for
MANAGED_BY = "MANAGED_BY_AWS"
STARTED_BY = "AWS_STEP_FUNCTIONS_EXECUTION_ARN"


def resource_of(turn: Turn, frame: Frame) -> Resource:
    """The resource of the Task state that the frame is in."""
    state = turn.state(frame)
    assert isinstance(state, TaskState)
    resource = integrations.parse(state.resource)
    if resource is None:
        raise StateError(faults.RUNTIME, f"The resource {state.resource} is not supported")
    return resource


def schedule(turn: Turn, frame: Frame) -> None:
    """Begin an attempt: history, effect, timers. Raises StateError."""
    state = turn.state(frame)
    assert isinstance(state, TaskState)
    resource = resource_of(turn, frame)
    token = None
    if resource.pattern == TOKEN:
        token = tokens.make(turn.execution.key, frame.path, turn.draft.unique())
    activity = activities.require(turn.draft, resource.arn) if resource.kind == ACTIVITY else None
    env = environment(turn, frame, token)
    parameters = state.effective_input(frame.value, env)
    timeout = state.timeout(frame.value, env)
    heartbeat = state.heartbeat(frame.value, env)
    credentials = state.credentials(frame.value, env)
    text = dumps(parameters)
    if too_large(text):
        turn.fail(frame, faults.DATA_LIMIT_EXCEEDED, TOO_LARGE.format(state.name), fatal=True)
        return
    details: dict[str, Any] = {}
    if timeout is not None:
        details["timeoutInSeconds"] = timeout
    if heartbeat is not None and not resource.function:
        details["heartbeatInSeconds"] = heartbeat
    if activity is not None:
        details.update(resource=resource.arn, input=text, inputDetails=WHOLE)
        token = tokens.make(turn.execution.key, frame.path, turn.draft.unique())
        activities.schedule(turn, frame, activity, details, token)
        return
    if credentials is not None:
        details["taskCredentials"] = {"roleArn": credentials["RoleArn"]}
    if resource.function:
        details.update(resource=resource.arn, input=text, inputDetails=WHOLE)
    else:
        details.update(_place(resource), region=turn.draft.region, parameters=text)
    private = None if token is None else {"_token": token}
    scheduled = turn.emit(frame, _type(resource, "Scheduled"), details, private=private)
    turn.emit(frame, _type(resource, "Started"), _place(resource) or None)
    turn.draft.effect(
        TASK_EFFECT,
        {
            "execution": turn.execution.key,
            "frame": frame.path,
            "state": state.name,
            "scheduled": scheduled,
            "resource": resource.arn,
            # as text: JSON values may hold what the journal's UTF-8 cannot
            "parameters": text,
            "role": turn.execution.role,
            "task_role": None if credentials is None else credentials["RoleArn"],
            "session": turn.execution.id,
            "started_by": turn.execution.arn,
            "request_id": turn.draft.uuid(),
        },
        token=turn.token(scheduled),
    )
    turn.start_clocks(frame)


def replied(turn: Turn, frame: Frame, body: Mapping[str, Any], outcome: Outcome) -> None:
    """The call came back."""
    resource = resource_of(turn, frame)
    submitting = "" if resource.pattern == integrations.REPLY else "Submit"
    if outcome.error is not None:
        error, cause = integrations.failure(resource, outcome.error, body["request_id"])
        failed(turn, frame, error, cause, submitting=submitting)
    elif "result" not in outcome.value:
        failed(turn, frame, outcome.value["error"], outcome.value["cause"], submitting=submitting)
    elif resource.pattern == integrations.REPLY:
        succeeded(turn, frame, outcome.value["result"])
    else:
        _submitted(turn, frame, resource, body, outcome.value["result"])


def _submitted(
    turn: Turn, frame: Frame, resource: Resource, body: Mapping[str, Any], result: Mapping[str, Any]
) -> None:
    job = resource.job
    private = None if job is None else {"_job": result[job.arn]}
    turn.emit(
        frame,
        "TaskSubmitted",
        {**_place(resource), "output": dumps(result), "outputDetails": WHOLE},
        private=private,
    )
    if job is None:
        return
    turn.draft.put(Waiter(job=result[job.arn], execution=turn.execution.key, frame=frame.path))
    record = _describe(turn, job, result[job.arn], body)
    if record is not None:
        job_changed(turn, frame, record)


def _describe(turn: Turn, job: Job, job_arn: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The job's record as its event would show it: it may be over before anybody listened."""
    role = body["task_role"] or body["role"]
    call = Call(
        service=job.service,
        operation=job.describe,
        params={job.key: job.name(job_arn)},
        caller=role_session(role, body["session"]),
    )
    try:
        output = turn.draft.ask(call).output
    except AwsError as error:
        # without the right to look, events alone tell of the end; one that came before anybody
        # listened is lost, so that the account's own eyes make up for it
        log.info("%s: cannot ask about %s: %s", turn.execution.arn, job_arn, error)
        try:
            output = turn.draft.ask(replace(call, caller=root(role.split(":")[4]))).output
        except AwsError:
            log.warning("%s: %s is not there any more", turn.execution.arn, job_arn)
            return None
    shape = operation_model(job.service, job.describe).output_shape
    if job is integrations.EXECUTION_JOB:
        record = shapes.response(shape, output, shapes.milliseconds)
        return {name[0].lower() + name[1:]: value for name, value in record.items()}
    record = shapes.response(shape, output, shapes.milliseconds)
    parameters = loads(body["parameters"])
    tags = {tag["Key"]: tag["Value"] for tag in parameters.get("Tags", ())}
    record["Tags"] = {**tags, **job_tags(body["started_by"])}
    return record


def job_tags(execution_arn: str) -> dict[str, str]:
    """The tags that a `.sync` task gives its job."""
    return {MANAGED_BY: "STARTED_BY_STEP_FUNCTIONS", STARTED_BY: execution_arn}


def job_changed(turn: Turn, frame: Frame, record: Mapping[str, Any]) -> None:
    """The job that the task waits for says something; nothing happens unless it is over."""
    resource = resource_of(turn, frame)
    job = resource.job
    assert job is not None
    status = record.get(job.status)
    if status in job.succeeded:
        succeeded(turn, frame, job.result(record, resource.pattern))
    elif status in job.failed:
        failed(turn, frame, faults.TASK_FAILED, dumps(job.result(record, resource.pattern)))


def succeeded(turn: Turn, frame: Frame, result: Any) -> None:
    """The task has its result."""
    resource = resource_of(turn, frame)
    text = dumps(result)
    if too_large(text):
        named = resource.type if resource.kind == TASK else resource.arn
        failed(turn, frame, faults.DATA_LIMIT_EXCEEDED, TOO_LARGE.format(named))
        return
    turn.release(frame)
    found = {**_place(resource), "output": text, "outputDetails": WHOLE}
    turn.emit(frame, _type(resource, "Succeeded"), found)
    with evaluating(turn, frame):
        turn.succeed_state(frame, result)


def failed(turn: Turn, frame: Frame, error: str | None, cause: str | None, *, submitting: str = "") -> None:
    """The task failed; `submitting` is `Submit` while its work was only being handed over."""
    resource = resource_of(turn, frame)
    turn.release(frame)
    found = {**_place(resource), **failure(error, cause)}
    turn.emit(frame, _type(resource, f"{submitting}Failed"), found)
    turn.fail(frame, error, cause)


def timed_out(turn: Turn, frame: Frame, error: str) -> None:
    """The task took too long (States.Timeout), or was silent for too long (States.HeartbeatTimeout)."""
    resource = resource_of(turn, frame)
    turn.release(frame, stop=True)
    turn.emit(frame, _type(resource, "TimedOut"), {**_place(resource), "error": faults.TIMEOUT})
    turn.fail(frame, error, None)


def heartbeat(turn: Turn, frame: Frame) -> None:
    """Whoever holds the task token is alive."""
    if frame.heartbeat is not None:
        turn.timer(frame, HEARTBEAT, turn.draft.now + frame.heartbeat)


def _type(resource: Resource, what: str) -> str:
    return f"{resource.kind}{what}"


def _place(resource: Resource) -> dict[str, Any]:
    """How events name the resource; those of functions and activities do so once, when it is scheduled."""
    return {"resourceType": resource.type, "resource": resource.label} if resource.kind == TASK else {}
