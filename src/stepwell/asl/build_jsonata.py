"""From a checked JSONata state to its closures: what `build` does for JSONPath.

A JSONata state has two steps where a JSONPath one has five: Arguments in front of its work, and Output, in
parallel with Assign, behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepwell.asl import choice
from stepwell.asl.dataflow import identity, plain
from stepwell.asl.limits import MAX_SECONDS
from stepwell.asl.model import BlockModel, StateModel
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
    Retrier,
    Rule,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from stepwell.asl.queries import (
    CLOSING,
    ERROR_OUTPUT,
    OPENING,
    RESULT,
    QueryError,
    compile_query,
    is_expression,
    placed,
    states_of,
)
from stepwell.asl.source import pointer
from stepwell.asl.timestamps import nanoseconds

Fields = Mapping[str, Any]
#: how a nested block is compiled
Compile = Callable[[BlockModel], Block]

_INPUT = f"{OPENING} $states.input {CLOSING}"
#: states whose work has a result that their input is not
_WORKING = frozenset({"Task", "Parallel", "Map"})


def build_state(model: StateModel, block: Compile) -> State:
    """Compile a JSONata state that has no faults."""
    return _TYPES[model.type](model, block)


# --- parts ----------------------------------------------------------------------------------------------


def _of_input(template: Any, field: str, expected: str | None = None) -> Expression:
    """A field as a closure on the state's raw input."""
    evaluate = compile_query(template, field, expected)
    return lambda raw, env: evaluate(states_of(raw, env), env)


def _placed(fields: Fields, name: str, member: str | None, prefix: str = "") -> Placement | None:
    """Output or Assign; None where it is not there."""
    if name not in fields:
        return None
    return placed(compile_query(fields[name], prefix + name), member)


def _common(model: StateModel) -> dict[str, Any]:
    fields = model.fields
    member = RESULT if model.type in _WORKING else None
    return {
        "name": model.name,
        "pointer": pointer(model.path),
        "next": fields.get("Next"),
        "end": fields.get("End") is True,
        "input_path": identity,
        "parameters": _of_input(fields["Arguments"], "Arguments") if "Arguments" in fields else identity,
        "result_selector": identity,
        "result_path": lambda _raw, result, _env: result,
        "output_path": identity,
        "query_output": _placed(fields, "Output", member),
        "assign": _placed(fields, "Assign", member),
    }


def _handling(model: StateModel) -> dict[str, Any]:
    return {
        **_common(model),
        "retriers": tuple(Retrier.of(entry) for entry in model.fields.get("Retry", ())),
        "catchers": tuple(
            _catcher(entry, index) for index, entry in enumerate(model.fields.get("Catch", ()))
        ),
    }


def _catcher(entry: Fields, index: int) -> Catcher:
    prefix = f"Catch[{index}]/"
    output = _placed(entry, "Output", ERROR_OUTPUT, prefix)
    return Catcher(
        error_equals=tuple(entry["ErrorEquals"]),
        next=entry["Next"],
        result_path=output or (lambda _raw, error_output, _env: error_output),
        assign=_placed(entry, "Assign", ERROR_OUTPUT, prefix),
    )


def _integer(
    fields: Fields, name: str, default: int | None, lowest: int
) -> Callable[[Any, Environment], Any]:
    """A number of seconds or iterations, on the raw input."""
    written = fields.get(name, default)
    if not is_expression(written):
        fixed = None if written is None else int(written)
        return lambda _raw, _env: fixed
    read = _of_input(written, name, "number")

    def resolve(raw: Any, env: Environment) -> int:
        found = read(raw, env)
        if not isinstance(found, int):
            why = f"The {name} field cannot be parsed as an integer: {plain(found)}"
            raise QueryError(why, name, evaluating=False)
        if not lowest <= found <= MAX_SECONDS:
            why = f"{name} must be between {lowest} and {MAX_SECONDS} but was: {found}"
            raise QueryError(why, name, evaluating=False)
        return found

    return resolve


def _text(fields: Fields, name: str) -> Callable[[Any, Environment], str | None]:
    return _of_input(fields.get(name), name, "string")


# --- state types ----------------------------------------------------------------------------------------


def _task(model: StateModel, _block: Compile) -> State:
    fields = model.fields
    return TaskState(
        **_handling(model),
        resource=fields["Resource"],
        timeout=_integer(fields, "TimeoutSeconds", None, lowest=1),
        heartbeat=_integer(fields, "HeartbeatSeconds", None, lowest=1),
        credentials=_credentials(fields),
    )


def _credentials(fields: Fields) -> Expression:
    """`{"RoleArn": …}`, or None."""
    if "Credentials" not in fields:
        return lambda _raw, _env: None
    read = _of_input(fields["Credentials"], "Credentials", "object")

    def resolve(raw: Any, env: Environment) -> Any:
        found = read(raw, env)
        if not isinstance(found.get("RoleArn"), str):
            why = f"The Credentials field has no RoleArn that is a string: {plain(found)}"
            raise QueryError(why, "Credentials", evaluating=False)
        return found

    return resolve


def _pass(model: StateModel, _block: Compile) -> State:
    return PassState(**_common(model))


def _succeed(model: StateModel, _block: Compile) -> State:
    return SucceedState(**_common(model))


def _wait(model: StateModel, _block: Compile) -> State:
    fields = model.fields
    if "Seconds" in fields:
        seconds = _integer(fields, "Seconds", None, lowest=0)
        return WaitState(**_common(model), until=lambda raw, env, now: now + seconds(raw, env))
    read = _of_input(fields["Timestamp"], "Timestamp", "string")

    def until(raw: Any, env: Environment, _now: float) -> float:
        found = read(raw, env)
        moment = nanoseconds(found)
        if moment is None:
            raise QueryError(
                "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format "
                f"string: {found}",
                "Timestamp",
                evaluating=False,
            )
        return moment / 1_000_000_000

    return WaitState(**_common(model), until=until)


def _choice(model: StateModel, _block: Compile) -> State:
    fields = model.fields
    common = _common(model)
    # a rule that holds stands for the state's own Output and Assign
    output, assign = common.pop("query_output"), common.pop("assign")
    rules = [_rule(rule, f"Choices[{index}]/") for index, rule in enumerate(fields["Choices"])]
    default = None
    if "Default" in fields:
        default = Rule(next=fields["Default"], output=output, assign=assign)
    targets = [rule.next for _, rule in rules] + ([default.next] if default is not None else [])
    return ChoiceState(**common, choose=choice.first(rules, default), targets=tuple(dict.fromkeys(targets)))


def _rule(rule: Fields, prefix: str) -> tuple[choice.Predicate, Rule]:
    return _of_input(rule["Condition"], f"{prefix}Condition", "boolean"), Rule(
        next=rule["Next"],
        output=_placed(rule, "Output", None, prefix),
        assign=_placed(rule, "Assign", None, prefix),
    )


def _fail(model: StateModel, _block: Compile) -> State:
    error, cause = _text(model.fields, "Error"), _text(model.fields, "Cause")
    return FailState(**_common(model), failure=lambda raw, env: (error(raw, env), cause(raw, env)))


def _parallel(model: StateModel, block: Compile) -> State:
    return ParallelState(**_handling(model), branches=tuple(map(block, model.blocks)))


def _map(model: StateModel, block: Compile) -> State:
    fields = model.fields
    selector = fields.get("ItemSelector")
    return MapState(
        **_handling(model),
        items=_of_input(fields.get("Items", _INPUT), "Items", "array"),
        max_concurrency=_integer(fields, "MaxConcurrency", 0, lowest=0),
        item_selector=None if selector is None else _of_input(selector, "ItemSelector"),
        processor=block(model.blocks[0]),
    )


_TYPES: dict[str, Callable[[StateModel, Compile], State]] = {
    "Task": _task,
    "Pass": _pass,
    "Wait": _wait,
    "Choice": _choice,
    "Succeed": _succeed,
    "Fail": _fail,
    "Parallel": _parallel,
    "Map": _map,
}
