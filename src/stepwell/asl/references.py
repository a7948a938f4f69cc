"""Which variables each state of a machine reads: DescribeStateMachine tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.asl import intrinsics, queries
from stepwell.asl.fields import JSONATA
from stepwell.asl.jsonpath import JsonPath
from stepwell.asl.model import MachineModel, StateModel
from stepwell.asl.pathtext import PathError
from stepwell.asl.template import SUFFIX, compile_expression

#: fields that hold blocks, whose states speak for themselves
_BLOCKS = frozenset({"Branches", "ItemProcessor", "Iterator"})


def variable_references(machine: MachineModel) -> dict[str, list[str]]:
    """State name → the variables that it reads, in the order of the text; states that read none left out."""
    known = {name for state in machine.block.walk() for name in _assigned(state.fields)}
    found = {}
    for state in machine.block.walk():
        names = [name for name in dict.fromkeys(_read(state)) if name in known]
        if names:
            found[state.name] = names
    return found


def _assigned(fields: Mapping[str, Any]) -> Iterator[str]:
    for part in (fields, *fields.get("Choices", ()), *fields.get("Catch", ())):
        yield from (key.removesuffix(SUFFIX) for key in part.get("Assign", ()))


def _read(state: StateModel) -> Iterator[str]:
    fields = {name: value for name, value in state.fields.items() if name not in _BLOCKS}
    if state.query_language == JSONATA:
        yield from queries.variables_of(fields)
    else:
        yield from _in_jsonpath("", fields)


def _in_jsonpath(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _in_jsonpath(name, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _in_jsonpath(key, inner)
    elif isinstance(value, str) and key.endswith((SUFFIX, "Path", "Variable")):
        try:
            yield from _in_expression(compile_expression(value))
        except PathError:
            return


def _in_expression(expression: Any) -> Iterator[str]:
    if isinstance(expression, JsonPath) and expression.variable is not None:
        yield expression.variable
    elif isinstance(expression, intrinsics.Call):
        for argument in expression.arguments:
            yield from _in_expression(argument)
