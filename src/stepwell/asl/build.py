"""From a checked model to a program: one function a state type; JSONata's are in `build_jsonata`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepwell.asl import choice, dataflow
from stepwell.asl.build_jsonata import build_state
from stepwell.asl.faults import RUNTIME, StateError
from stepwell.asl.fields import JSONATA
from stepwell.asl.jsonpath import parse_reference
from stepwell.asl.limits import MAX_SECONDS
from stepwell.asl.model import BlockModel, MachineModel, StateModel
from stepwell.asl.program import (
    Block,
    Catcher,
    ChoiceState,
    Environment,
    Expression,
    FailState,
    MapState,
    ParallelState,
    PassState,
    Placement,
    Program,
    Retrier,
    Rule,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from stepwell.asl.source import pointer
from stepwell.asl.template import compile_template
from stepwell.asl.timestamps import nanoseconds

Fields = Mapping[str, Any]


def build(machine: MachineModel) -> Program:
    """Compile a machine that has no faults."""
    block = _block(machine.block)
    return Program(
        start_at=block.start_at,
        states=block.states,
        timeout_seconds=machine.timeout_seconds,
        comment=machine.comment,
        version=machine.version,
    )


def _block(model: BlockModel) -> Block:
    return Block(
        start_at=str(model.start_at),
        states={name: _state(state) for name, state in model.states.items()},
    )


def _state(model: StateModel) -> State:
    if model.query_language == JSONATA:
        return build_state(model, _block)
    return _TYPES[model.type](model)


# --- parts ----------------------------------------------------------------------------------------------


def _template(fields: Fields, name: str) -> Expression:
    return compile_template(fields[name]) if name in fields else dataflow.identity


def _common(model: StateModel) -> dict[str, Any]:
    fields = model.fields
    return {
        "name": model.name,
        "pointer": pointer(model.path),
        "next": fields.get("Next"),
        "end": fields.get("End") is True,
        "input_path": dataflow.selection(fields.get("InputPath", "$")),
        "parameters": dataflow.identity if model.type == "Map" else _template(fields, "Parameters"),
        "result_selector": _template(fields, "ResultSelector"),
        "result_path": dataflow.placement(fields.get("ResultPath", "$")),
        "output_path": dataflow.selection(fields.get("OutputPath", "$")),
        "assign": _assignment(fields),
    }


def _handling(model: StateModel) -> dict[str, Any]:
    return {
        **_common(model),
        "retriers": tuple(Retrier.of(entry) for entry in model.fields.get("Retry", ())),
        "catchers": tuple(
            Catcher(
                error_equals=tuple(entry["ErrorEquals"]),
                next=entry["Next"],
                result_path=dataflow.placement(entry.get("ResultPath", "$")),
                assign=_assignment(entry),
            )
            for entry in model.fields.get("Catch", ())
        ),
    }


def _assignment(fields: Fields) -> Placement | None:
    """Assign: `$` is the result in it."""
    if "Assign" not in fields:
        return None
    values = compile_template(fields["Assign"])
    return lambda _raw, result, env: values(result, env)


def _after_input_path(model: StateModel, read: Callable[[Any, Environment], Any]) -> Expression:
    """A closure on the raw input, of one on the value after InputPath."""
    select = dataflow.selection(model.fields.get("InputPath", "$"))
    return lambda raw, env: read(select(raw, env), env)


def _integer(model: StateModel, name: str, default: int | None, lowest: int) -> Expression:
    fields = model.fields
    return _after_input_path(
        model, dataflow.integer(name, fields.get(name, default), fields.get(f"{name}Path"), lowest)
    )


# --- state types ----------------------------------------------------------------------------------------


def _task(model: StateModel) -> TaskState:
    fields = model.fields
    credentials = compile_template(fields.get("Credentials"))
    return TaskState(
        **_handling(model),
        resource=fields["Resource"],
        timeout=_integer(model, "TimeoutSeconds", None, lowest=1),
        heartbeat=_integer(model, "HeartbeatSeconds", None, lowest=1),
        credentials=_after_input_path(model, credentials),
    )


def _pass(model: StateModel) -> PassState:
    return PassState(
        **_common(model), has_result="Result" in model.fields, fixed_result=model.fields.get("Result")
    )


def _wait(model: StateModel) -> WaitState:
    fields = model.fields
    if "Timestamp" in fields:
        moment = _seconds(fields["Timestamp"])
        return WaitState(**_common(model), until=lambda _raw, _env, _now: moment)
    if "Seconds" in fields:
        delay = int(fields["Seconds"])
        return WaitState(**_common(model), until=lambda _raw, _env, now: now + delay)
    name = "SecondsPath" if "SecondsPath" in fields else "TimestampPath"
    text = fields[name]
    read = _after_input_path(model, dataflow.reading(parse_reference(text)))

    def until_seconds(raw: Any, env: Environment, now: float) -> float:
        found = read(raw, env)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= MAX_SECONDS:
            raise StateError(
                RUNTIME,
                f"The SecondsPath parameter does not reference an Integer value from 0 to {MAX_SECONDS}: "
                f"{text} == {dataflow.plain(found)}",
            )
        return now + found

    def until_timestamp(raw: Any, env: Environment, now: float) -> float:
        found = read(raw, env)
        if not isinstance(found, str) or nanoseconds(found) is None:
            raise StateError(
                RUNTIME,
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time "
                f"format string: {text} == {dataflow.plain(found)}",
            )
        return _seconds(found)

    return WaitState(**_common(model), until=until_seconds if name == "SecondsPath" else until_timestamp)


def _seconds(timestamp: str) -> float:
    return (nanoseconds(timestamp) or 0) / 1_000_000_000


def _choice(model: StateModel) -> ChoiceState:
    fields = model.fields
    common = _common(model)
    # a rule that holds stands for the state's own Assign
    assign = common.pop("assign")
    rules = [
        (choice.compile_rule(rule), Rule(next=rule["Next"], assign=_assignment(rule)))
        for rule in fields["Choices"]
    ]
    default = Rule(next=fields["Default"], assign=assign) if "Default" in fields else None
    found = [rule.next for _, rule in rules] + ([default.next] if default is not None else [])
    return ChoiceState(
        **common,
        choose=_after_input_path(model, choice.first(rules, default)),
        targets=tuple(dict.fromkeys(found)),
    )


def _succeed(model: StateModel) -> SucceedState:
    return SucceedState(**_common(model))


def _fail(model: StateModel) -> FailState:
    error, cause = _text(model.fields, "Error"), _text(model.fields, "Cause")
    return FailState(**_common(model), failure=lambda raw, env: (error(raw, env), cause(raw, env)))


def _text(fields: Fields, name: str) -> Callable[[Any, Environment], str | None]:
    if f"{name}Path" in fields:
        return dataflow.text_of(f"{name}Path", fields[f"{name}Path"])
    constant = fields.get(name)
    return lambda _raw, _env: constant


def _parallel(model: StateModel) -> ParallelState:
    return ParallelState(**_handling(model), branches=tuple(map(_block, model.blocks)))


def _map(model: StateModel) -> MapState:
    fields = model.fields
    path = parse_reference(fields.get("ItemsPath", "$"))
    select = dataflow.reading(path)
    # AWS names a path into the context object as if it began with a single `$`
    shown = path.text[1:] if path.context else path.text

    def items(value: Any, env: Environment) -> list[Any]:
        found = select(value, env)
        if not isinstance(found, list):
            raise StateError(RUNTIME, f'Reference path "{shown}" must point to array.')
        return found

    selector = fields.get("ItemSelector", fields.get("Parameters"))
    return MapState(
        **_handling(model),
        items=_after_input_path(model, items),
        max_concurrency=_integer(model, "MaxConcurrency", 0, lowest=0),
        item_selector=None if selector is None else compile_template(selector),
        processor=_block(model.blocks[0]),
    )


_TYPES: dict[str, Callable[[StateModel], State]] = {
    "Task": _task,
    "Pass": _pass,
    "Wait": _wait,
    "Choice": _choice,
    "Succeed": _succeed,
    "Fail": _fail,
    "Parallel": _parallel,
    "Map": _map,
}
