"""How invocations are made, taken back, and how their ends are learned.

A task's calls are made as its service role, through the same dispatch as every call: what the role may not
do fails the invocation. The end of a command and of an execution comes as an event; a quick one may be over
before its start is known here, so each is also looked at once when its start is written.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api import callers
from stepwell.api.context import Context
from stepwell.calls import Call
from stepwell.durable import Draft, Effect, EffectKind, Outcome, View
from stepwell.errors import AwsError
from stepwell.services.ssm.windows import running
from stepwell.services.ssm.windows.requests import request_of
from stepwell.services.ssm.windows.runs import Awaited, Execution, Invocation, TaskExecution

log = logging.getLogger(__name__)

#: what AWS says of a task whose role lacks a right for Run Command
NO_RIGHT = "The provided role does not contain the correct SSM permissions."
#: source and detail type of the events that tell an end → the member of the detail that names what ended
EVENTS = {
    ("aws.ssm", "EC2 Command Status-change Notification"): "command-id",
    ("aws.states", "Step Functions Execution Status Change"): "executionArn",
}
#: how something ended: an invocation's status, its details, how many of its instances failed
End = tuple[str, str | None, int]
#: last statuses of commands and of executions → an invocation's
COMMAND_ENDS = {
    "Success": "SUCCESS",
    "Failed": "FAILED",
    "TimedOut": "TIMED_OUT",
    "Cancelled": "CANCELLED",
}
EXECUTION_ENDS = {
    "SUCCEEDED": "SUCCESS",
    "FAILED": "FAILED",
    "TIMED_OUT": "TIMED_OUT",
    "ABORTED": "CANCELLED",
}
#: the operation's member that names what it started
STARTED = {
    "SendCommand": lambda output: output["Command"]["CommandId"],
    "StartExecution": lambda output: output["executionArn"],
}


def effects(context: Context) -> list[EffectKind]:
    """The effects that make invocations and take commands back."""

    async def invoke(effect: Effect) -> Any:
        call = await context.read(lambda view: _call(view, effect))
        if call is None:
            return None
        output = (await context.dispatch(call)).output
        if call.operation == "Invoke":
            return {"function_error": output.get("FunctionError"), "payload": _text(output.get("Payload"))}
        return {"started_as": STARTED[call.operation](output)}

    async def cancel(effect: Effect) -> None:
        call = await context.read(lambda view: _cancelling(view, effect))
        if call is not None:
            await context.dispatch(call)

    return [
        EffectKind(name=running.INVOKE, perform=invoke, complete=_invoked),
        EffectKind(name=running.CANCEL, perform=cancel, complete=_cancelled),
    ]


def _found(view: View, effect: Effect) -> tuple[Execution, TaskExecution, Invocation] | None:
    run = view.get(Invocation, effect.body["invocation"])
    if run is None or run.final:
        return None
    execution = view.get(Execution, run.execution)
    task = view.get(TaskExecution, f"{run.execution}/{run.task}")
    return (execution, task, run) if execution is not None and task is not None else None


def _call(view: View, effect: Effect) -> Call | None:
    found = _found(view, effect)
    if found is None:
        return None
    execution, task, run = found
    service, operation, params = request_of(execution, task, run)
    return Call(
        service=service,
        operation=operation,
        params=params,
        caller=callers.role_session(task.settings["ServiceRoleArn"], execution.window),
        request_id=run.id,
        token=effect.token,
    )


def _cancelling(view: View, effect: Effect) -> Call | None:
    found = _found(view, effect)
    if found is None:
        return None
    execution, task, run = found
    return Call(
        service="ssm",
        operation="CancelCommand",
        params={"CommandId": run.started_as},
        caller=callers.role_session(task.settings["ServiceRoleArn"], execution.window),
        token=effect.token,
    )


def _invoked(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    run = draft.get(Invocation, effect.body["invocation"])
    if run is None:
        return
    if outcome.error is not None:
        running.settle(draft, run, "FAILED", _told(run, outcome.error), run.weight)
    elif outcome.value is None:
        return
    elif "started_as" in outcome.value:
        _started(draft, replace(run, started_as=outcome.value["started_as"]))
    elif outcome.value["function_error"] is None:
        running.settle(draft, run, "SUCCESS", None)
    else:
        running.settle(draft, run, "FAILED", outcome.value["payload"], run.weight)


def _started(draft: Draft, run: Invocation) -> None:
    draft.put(run)
    if run.final or run.started_as is None:
        return
    draft.put(Awaited(started_as=run.started_as, invocation=run.key))
    if run.status == "CANCELLING":
        draft.effect(running.CANCEL, {"invocation": run.key}, token=f"{running.CANCEL}/{run.id}")
    _look(draft, run)


def _cancelled(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    run = draft.get(Invocation, effect.body["invocation"])
    if outcome.error is not None and run is not None and not run.final:
        log.warning("command %s could not be cancelled: %s", run.started_as, outcome.error.message)
        draft.put(replace(run, details=outcome.error.message[: running.DETAILS]))


def on_event(event: Mapping[str, Any], draft: Draft) -> None:
    """A command or an execution may have ended (`triggers.events.Subscriber`)."""
    member = EVENTS.get((event["source"], event["detail-type"]))
    if member is None:
        return
    awaited = draft.get(Awaited, event["detail"][member])
    run = draft.get(Invocation, awaited.invocation) if awaited is not None else None
    if run is not None:
        _look(draft, run)


def _look(draft: Draft, run: Invocation) -> None:
    """Settle the invocation if what it started is over, or gone."""
    try:
        end = _command_end(draft, run) if run.type == "RUN_COMMAND" else _execution_end(draft, run)
    except AwsError as error:
        end = "FAILED", error.message, run.weight
    if end is not None:
        status, details, errors = end
        running.settle(draft, run, status, details, errors)


def _command_end(draft: Draft, run: Invocation) -> End | None:
    found = _ask(draft, "ssm", "ListCommands", {"CommandId": run.started_as})["Commands"]
    if not found:
        return "FAILED", f"Command {run.started_as} does not exist.", run.weight
    status = COMMAND_ENDS.get(found[0]["Status"])
    return (status, found[0]["StatusDetails"], found[0].get("ErrorCount", 0)) if status else None


def _execution_end(draft: Draft, run: Invocation) -> End | None:
    found = _ask(draft, "stepfunctions", "DescribeExecution", {"executionArn": run.started_as})
    status = EXECUTION_ENDS.get(found["status"])
    if status is None:
        return None
    told = [text for text in (found.get("error"), found.get("cause")) if text]
    return status, ": ".join(told) or None, run.weight if status in ("FAILED", "TIMED_OUT") else 0


def _ask(draft: Draft, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    # the look is the server's own: the role needs no right to it
    caller = callers.root(draft.account)
    return draft.ask(Call(service=service, operation=operation, params=params, caller=caller)).output


def _told(run: Invocation, error: AwsError) -> str:
    if run.type == "RUN_COMMAND" and error.error_code.startswith("AccessDenied"):
        return f"{NO_RIGHT} {error.message}"
    return error.message


def _text(payload: Any) -> str:
    """What a function said of its failure: its message where it is the usual object."""
    text = str(payload or b"", "utf-8", "replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return str(said.get("errorMessage", text)) if isinstance(said, dict) else text
