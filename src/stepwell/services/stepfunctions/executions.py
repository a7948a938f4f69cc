"""Executions: start, describe, list, stop, and their histories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.api.context import Context
from stepwell.api.operations import Answer, Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.engine import Engine, Execution
from stepwell.engine.executions import RUNNING, SUCCEEDED, newest_first
from stepwell.engine.history import Event
from stepwell.errors import ValidationException
from stepwell.services.stepfunctions import machines, names, pages, payloads
from stepwell.services.stepfunctions.errors import (
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    InvalidExecutionInput,
)
from stepwell.services.stepfunctions.machines import StateMachine, definition_of


def find(view: View, arn: str) -> Execution:
    """The execution with this ARN. Raises InvalidArn, ExecutionDoesNotExist."""
    found = view.get(Execution, names.execution_key(arn))
    if found is None or found.arn != arn:
        raise ExecutionDoesNotExist(arn)
    return found


def operations(engine: Engine) -> tuple[Operation, ...]:
    """The operations of this noun."""

    #: machines whose definition is compiled; whoever changes one compiles the new definition then
    warm: set[str] = set()

    async def prepare_start(call: Call, context: Context) -> Any:
        """The input, parsed; the machine's definition, compiled where a restart has lost it."""
        name = names.machine_name(call.params["stateMachineArn"])
        if (
            name is not None
            and name not in warm
            and await context.read(lambda view: _warm(engine, view, name))
        ):
            warm.add(name)
        return payloads.parse(call.params.get("input", "{}"), InvalidExecutionInput, "execution input")

    def start(call: Call, draft: Draft, value: Any) -> Answer:
        params = call.params
        machine = machines.find(draft, params["stateMachineArn"])
        text = params.get("input", "{}")
        name = params.get("name")
        if name is not None:
            names.check_name(name)
            known = draft.get(Execution, f"{machine.name}:{name}")
            if known is not None:
                if known.status != RUNNING or known.input != text:
                    raise ExecutionAlreadyExists(known.arn)
                return {"executionArn": known.arn, "startDate": known.started}
        execution = Execution(
            machine=machine.name,
            name=name or draft.uuid(),
            id=draft.unique()[:16],
            machine_arn=machine.arn,
            role=machine.role,
            definition=machine.definition,
            revision=machine.revision,
            machine_updated=machine.updated,
            input=text,
            started=draft.now,
            trace_header=params.get("traceHeader"),
        )
        engine.start(draft, execution, value)
        return {"executionArn": execution.arn, "startDate": draft.now}

    def stop(call: Call, draft: Draft) -> Answer:
        params = call.params
        found = find(draft, params["executionArn"])
        if found.status != RUNNING:
            return {"stopDate": found.stopped}
        engine.stop(draft, found, error=params.get("error"), cause=params.get("cause"))
        return {"stopDate": draft.now}

    def history(call: Call, view: View) -> Answer:
        params = call.params
        execution = find(view, params["executionArn"])
        events = engine.history(view, execution, data=params.get("includeExecutionData", True))
        if params.get("reverseOrder"):
            events.reverse()
        after = pages.place("GetExecutionHistory", params)
        if after:
            events = events[_behind(events, int(after)) :]
        found, more = pages.page("GetExecutionHistory", params, events, lambda event: str(event["id"]))
        return {"events": found, **more}

    execution_right = "{executionArn}"
    return (
        Operation(
            name="StartExecution",
            rights=(Right(action="states:StartExecution", resource="{stateMachineArn}"),),
            honoured=words("stateMachineArn name input"),
            recorded=words("traceHeader"),
            prepare=prepare_start,
            decide=start,
        ),
        Operation(
            name="DescribeExecution",
            rights=(Right(action="states:DescribeExecution", resource=execution_right),),
            honoured=words("executionArn includedData"),
            read=describe,
        ),
        Operation(
            name="DescribeStateMachineForExecution",
            rights=(Right(action="states:DescribeStateMachineForExecution", resource=execution_right),),
            honoured=words("executionArn includedData"),
            read=describe_machine,
        ),
        Operation(
            name="ListExecutions",
            rights=(Right(action="states:ListExecutions", resource="{stateMachineArn}"),),
            honoured=words("stateMachineArn statusFilter maxResults nextToken"),
            read=list_of_machine,
        ),
        Operation(
            name="StopExecution",
            rights=(Right(action="states:StopExecution", resource=execution_right),),
            honoured=words("executionArn error cause"),
            decide=stop,
        ),
        Operation(
            name="GetExecutionHistory",
            rights=(Right(action="states:GetExecutionHistory", resource=execution_right),),
            honoured=words("executionArn maxResults nextToken reverseOrder includeExecutionData"),
            read=history,
        ),
    )


def describe(call: Call, view: View) -> Answer:
    """DescribeExecution."""
    found = find(view, call.params["executionArn"])
    shown: dict[str, Any] = {
        "executionArn": found.arn,
        "stateMachineArn": found.machine_arn,
        "name": found.name,
        "status": found.status,
        "startDate": found.started,
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": _not_redrivable(found),
    }
    optional: Mapping[str, Any] = {
        "stopDate": found.stopped,
        "error": found.error,
        "cause": found.cause,
        "traceHeader": found.trace_header,
    }
    if call.params.get("includedData") != "METADATA_ONLY":
        shown |= {"input": found.input, "inputDetails": {"included": True}}
        if found.output is not None:
            shown |= {"output": found.output, "outputDetails": {"included": True}}
    return shown | {name: value for name, value in optional.items() if value is not None}


def _not_redrivable(execution: Execution) -> str:
    if execution.status in (RUNNING, SUCCEEDED):
        return f"Execution is {execution.status} and cannot be redriven"
    return "Stepwell does not support redriving executions"


def describe_machine(call: Call, view: View) -> Answer:
    """DescribeStateMachineForExecution: what the execution began with."""
    found = find(view, call.params["executionArn"])
    machine = view.get(StateMachine, found.machine)
    shown: dict[str, Any] = {
        "stateMachineArn": found.machine_arn,
        "name": found.machine,
        "roleArn": found.role,
        "updateDate": found.machine_updated,
    }
    if machine is not None:
        shown |= machines.configuration(machine)
    if found.revision:
        shown["revisionId"] = found.revision
    if call.params.get("includedData") != "METADATA_ONLY":
        shown["definition"] = definition_of(view, found.definition)
    return shown


def list_of_machine(call: Call, view: View) -> Answer:
    """ListExecutions: of one machine, the latest first."""
    params = call.params
    if "stateMachineArn" not in params:
        raise ValidationException("Must specify exactly one of stateMachineArn and mapRunArn")
    machine = machines.find(view, params["stateMachineArn"])
    listed = newest_first(
        view,
        machine.name,
        status=params.get("statusFilter"),
        after=pages.place("ListExecutions", params),
    )
    found, more = pages.page("ListExecutions", params, listed, lambda each: each.place)
    shown = []
    for each in found:
        execution = view.get(Execution, f"{each.machine}:{each.name}")
        assert execution is not None, "the list is derived from the records"
        entry = {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.started,
            "redriveCount": 0,
        }
        if execution.stopped is not None:
            entry["stopDate"] = execution.stopped
        shown.append(entry)
    return {"executions": shown, **more}


def _behind(events: list[Event], number: int) -> int:
    """The index behind the event with this id."""
    return next((index + 1 for index, event in enumerate(events) if event["id"] == number), len(events))


def _warm(engine: Engine, view: View, name: str) -> bool:
    """Compile the machine's definition; whether there is such a machine."""
    machine = view.get(StateMachine, name)
    if machine is None:
        return False
    if engine.programs.known(machine.definition) is None:
        engine.programs.machine(definition_of(view, machine.definition), machine.definition)
    return True
