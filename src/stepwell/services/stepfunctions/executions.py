"""Executions: start, describe, list, stop, and their histories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepwell.api.context import Context
from stepwell.api.operations import Answer, Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.engine import Engine, Execution
from stepwell.engine.executions import RUNNING, newest_first, remove
from stepwell.engine.history import Event
from stepwell.errors import ValidationException
from stepwell.services.stepfunctions import names, pages, payloads, qualifiers, redrives
from stepwell.services.stepfunctions.errors import (
    ExecutionAlreadyExists,
    InvalidExecutionInput,
    ResourceNotFound,
    StateMachineDoesNotExist,
)
from stepwell.services.stepfunctions.records import (
    StateMachine,
    StateMachineVersion,
    configuration,
    definition_of,
    shown_definition,
    target,
    version_key,
)
from stepwell.services.stepfunctions.redrives import find

#: seconds after its end for which an execution's name cannot be used again
NAME_KEPT = 90 * 86_400.0


def operations(engine: Engine, now: Callable[[], float]) -> tuple[Operation, ...]:
    """The operations of this noun."""

    #: ARNs of machines and versions whose definition is compiled; whoever changes one compiles it then
    warm: set[str] = set()

    async def prepare_start(call: Call, context: Context) -> Any:
        """The input, parsed; the machine's definition, compiled where a restart has lost it."""
        arn = call.params["stateMachineArn"]
        if arn not in warm and await context.read(lambda view: _warm(engine, view, arn)):
            warm.add(arn)
        return payloads.parse(call.params.get("input", "{}"), InvalidExecutionInput, "execution input")

    def start(call: Call, draft: Draft, value: Any) -> Answer:
        params = call.params
        found = target(draft, params["stateMachineArn"], draft.random)
        machine, configured = found.machine, found.configured
        text = params.get("input", "{}")
        name = params.get("name")
        if name is not None:
            names.check_name(name)
            known = draft.get(Execution, f"{machine.name}:{name}")
            if known is not None and known.stopped is not None and draft.now - known.stopped > NAME_KEPT:
                remove(draft, known)
            elif known is not None:
                if known.status != RUNNING or known.input != text:
                    raise ExecutionAlreadyExists(known.arn)
                return {"executionArn": known.arn, "startDate": known.started}
        execution = Execution(
            machine=machine.name,
            name=name or draft.uuid(),
            id=draft.unique()[:16],
            machine_arn=machine.arn,
            role=configured.role,
            definition=configured.definition,
            revision=configured.revision,
            machine_updated=configured.updated,
            input=text,
            started=draft.now,
            trace_header=params.get("traceHeader"),
            version=0 if found.version is None else found.version.number,
            alias="" if found.alias is None else found.alias.name,
        )
        engine.start(draft, execution, value)
        return {"executionArn": execution.arn, "startDate": draft.now}

    def describe(call: Call, view: View) -> Answer:
        found = find(view, call.params["executionArn"])
        reason = redrives.obstacle(view, found, now())
        shown: dict[str, Any] = {
            **_entry(found),
            "redriveStatus": "REDRIVABLE" if reason is None else "NOT_REDRIVABLE",
        }
        optional: Mapping[str, Any] = {
            "redriveStatusReason": reason,
            "error": found.error,
            "cause": found.cause,
            "traceHeader": found.trace_header,
        }
        if call.params.get("includedData") != "METADATA_ONLY":
            shown |= {"input": found.input, "inputDetails": {"included": True}}
            if found.output is not None:
                shown |= {"output": found.output, "outputDetails": {"included": True}}
        return shown | {name: value for name, value in optional.items() if value is not None}

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
            rights=(qualifiers.right("states:StartExecution"),),
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
            rights=(qualifiers.right("states:ListExecutions"),),
            honoured=words("stateMachineArn mapRunArn statusFilter redriveFilter maxResults nextToken"),
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


def _entry(execution: Execution) -> dict[str, Any]:
    """What both describing and listing show."""
    shown = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        **execution.qualified,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        "redriveCount": execution.redrives,
    }
    optional = {"stopDate": execution.stopped, "redriveDate": execution.redriven}
    return shown | {name: value for name, value in optional.items() if value is not None}


def describe_machine(call: Call, view: View) -> Answer:
    """DescribeStateMachineForExecution: what the execution began with."""
    found = find(view, call.params["executionArn"])
    configured = (
        view.get(StateMachineVersion, version_key(found.machine, found.version))
        if found.version
        else view.get(StateMachine, found.machine)
    )
    shown: dict[str, Any] = {
        **({} if configured is None else configuration(configured)),
        "stateMachineArn": found.machine_arn,
        "name": found.machine,
        "roleArn": found.role,
        "updateDate": found.machine_updated,
    }
    shown.pop("revisionId", None)
    if found.revision:
        shown["revisionId"] = found.revision
    if call.params.get("includedData") != "METADATA_ONLY":
        shown.update(shown_definition(view, found.definition))
    return shown


def list_of_machine(call: Call, view: View) -> Answer:
    """ListExecutions: of a machine, a version or an alias, the latest first."""
    params = call.params
    if ("stateMachineArn" in params) == ("mapRunArn" in params):
        raise ValidationException("Must specify exactly one of stateMachineArn and mapRunArn")
    if "mapRunArn" in params:
        # there are no map runs here yet, so that none is found
        raise ResourceNotFound(params["mapRunArn"])
    named = target(view, params["stateMachineArn"])
    name, qualifier = named.machine.name, named.qualifier
    wanted = params.get("redriveFilter")
    listed = (
        each
        for each in newest_first(
            view,
            f"{name}:{qualifier}" if qualifier else name,
            status=params.get("statusFilter"),
            after=pages.place("ListExecutions", params),
        )
        if wanted is None or each.redriven == (wanted == "REDRIVEN")
    )
    found, more = pages.page("ListExecutions", params, listed, lambda each: each.place)
    shown = []
    for each in found:
        execution = view.get(Execution, f"{name}:{each.name}")
        assert execution is not None, "the list is derived from the records"
        shown.append(_entry(execution))
    return {"executions": shown, **more}


def _behind(events: list[Event], number: int) -> int:
    """The index behind the event with this id."""
    return next((index + 1 for index, event in enumerate(events) if event["id"] == number), len(events))


def _warm(engine: Engine, view: View, arn: str) -> bool:
    """Compile what an ARN leads to; whether it always leads there: an alias may change its mind."""
    try:
        found = target(view, arn)
    except StateMachineDoesNotExist:
        return False
    digest = found.configured.definition
    if engine.programs.known(digest) is None:
        engine.programs.machine(definition_of(view, digest), digest)
    return found.alias is None
