"""Redriving: an execution that did not succeed goes on where it failed."""

from __future__ import annotations

from stepwell.api.operations import Answer, Operation, Right, words
from stepwell.asl.limits import MAX_EVENTS
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.engine import Engine, Execution
from stepwell.engine.executions import RUNNING, SUCCEEDED
from stepwell.services.stepfunctions import names
from stepwell.services.stepfunctions.errors import ExecutionDoesNotExist, ExecutionNotRedrivable
from stepwell.services.stepfunctions.records import StateMachine

#: seconds after its end in which an execution may be redriven
PERIOD = 14 * 86_400.0
#: seconds from its start for which an execution may be open
LONGEST = 365 * 86_400.0
#: seconds for which a repeat with the same client token gets the same answer
TOKEN_KEPT = 900.0


def find(view: View, arn: str) -> Execution:
    """The execution with this ARN. Raises InvalidArn, ExecutionDoesNotExist."""
    found = view.get(Execution, names.execution_key(arn))
    if found is None or found.arn != arn:
        raise ExecutionDoesNotExist(arn)
    return found


def obstacle(view: View, execution: Execution, now: float) -> str | None:
    """Why an execution cannot be redriven, in AWS's words; None where it can."""
    if execution.status in (RUNNING, SUCCEEDED):
        return f"Execution is {execution.status} and cannot be redriven"
    assert execution.stopped is not None, "it has ended"
    if view.get(StateMachine, execution.machine) is None:
        return "State machine is in DELETING status"
    # room for ExecutionRedriven and at least one event more
    if execution.events >= MAX_EVENTS - 1:
        return "Execution history event limit exceeded"
    if now - execution.started > LONGEST:
        return "Execution has exceeded the max execution time"
    if now - execution.stopped > PERIOD:
        return "Execution redrivable period exceeded"
    return None


def operations(engine: Engine) -> tuple[Operation, ...]:
    """The operations of this noun."""

    def redrive(call: Call, draft: Draft) -> Answer:
        execution = find(draft, call.params["executionArn"])
        token = call.params.get("clientToken")
        asked = execution.redrive_tokens.get(token) if token is not None else None
        if asked is not None and draft.now - asked <= TOKEN_KEPT:
            return {"redriveDate": asked}
        reason = obstacle(draft, execution, draft.now)
        if reason is not None:
            raise ExecutionNotRedrivable(reason)
        engine.redrive(draft, execution, token)
        return {"redriveDate": draft.now}

    return (
        Operation(
            name="RedriveExecution",
            rights=(Right(action="states:RedriveExecution", resource="{executionArn}"),),
            honoured=words("executionArn clientToken"),
            decide=redrive,
        ),
    )
