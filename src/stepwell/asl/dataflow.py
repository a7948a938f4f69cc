"""What a JSONPath state does with its data: InputPath, ResultPath and their like, as closures.

The order is AWS's: raw input → InputPath → Parameters → (work) → ResultSelector → ResultPath, which puts
the result into the *raw* input → OutputPath.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepwell.asl import intrinsics, json
from stepwell.asl.faults import RESULT_PATH_MATCH_FAILURE, RUNTIME, StateError
from stepwell.asl.jsonpath import JsonPath, PathMissing, parse, parse_reference
from stepwell.asl.program import Environment, Expression, Placement
from stepwell.asl.template import compile_expression


def identity(value: Any, _env: Environment) -> Any:
    return value


def selection(text: str | None) -> Expression:
    """InputPath and OutputPath: null selects an empty object."""
    if text is None:
        return lambda _value, _env: {}
    if text == "$":
        return identity
    return reading(parse(text))


def reading(path: JsonPath) -> Expression:
    """A path whose absence fails the state."""

    def read(value: Any, env: Environment) -> Any:
        try:
            return path(value, env)
        except PathMissing as missing:
            raise StateError(RUNTIME, f"Invalid path '{path.text}' : {missing}") from None

    return read


def placement(text: str | None) -> Placement:
    """ResultPath: null keeps the input, `$` replaces it, else the result goes where the path leads."""
    if text is None:
        return lambda raw, _result, _env: raw
    path = parse_reference(text)
    if not path.lead:
        return lambda _raw, result, _env: result
    return lambda raw, result, _env: _place(raw, path, result)


def _place(raw: Any, path: JsonPath, result: Any) -> Any:
    """`raw` with `result` at the place: copies what lies on the way, shares the rest.

    Objects that are missing on the way are made. Raises StateError(States.ResultPathMatchFailure) where
    something else stands there.
    """
    steps = path.lead
    containers: list[Any] = []
    current = raw
    for position, step in enumerate(steps):
        fits = (
            isinstance(current, dict)
            if isinstance(step, str)
            else isinstance(current, list) and step < len(current)
        )
        if not fits:
            raise StateError(
                RESULT_PATH_MATCH_FAILURE,
                f"Unable to apply ReferencePath {path.text} to input {json.dumps(raw)}",
            )
        containers.append(current)
        last = position == len(steps) - 1
        if not last:
            current = current.get(step, {}) if isinstance(step, str) else current[step]
    value = result
    for step, container in zip(reversed(steps), reversed(containers), strict=True):
        copy = container.copy()
        copy[step] = value
        value = copy
    return value


def integer(
    name: str, constant: Any, text: str | None, lowest: int
) -> Callable[[Any, Environment], int | None]:
    """A number of seconds or iterations: a constant, or what `text` (the field `{name}Path`) leads to.

    The closure takes the value after InputPath.
    """
    if text is None:
        fixed = None if constant is None else int(constant)
        return lambda _value, _env: fixed
    read = reading(parse_reference(text))

    def resolve(value: Any, env: Environment) -> int:
        found = read(value, env)
        if not isinstance(found, int) or isinstance(found, bool):
            raise StateError(
                RUNTIME,
                f'The {name}Path field refers to value "{plain(found)}" which is not a valid integer: {text}',
            )
        if found < lowest:
            raise StateError(
                RUNTIME, f"{name} {'cannot be negative' if lowest == 0 else 'must be positive'}."
            )
        return found

    return resolve


def text_of(name: str, text: str) -> Callable[[Any, Environment], str]:
    """ErrorPath and CausePath: a reference path or an intrinsic function that leads to a string."""
    expression = compile_expression(text)
    read = expression if isinstance(expression, intrinsics.Call) else reading(expression)

    def resolve(value: Any, env: Environment) -> str:
        found = read(value, env)
        if not isinstance(found, str):
            raise StateError(
                RUNTIME, f"The {name} parameter does not reference a String value: {text} == {plain(found)}"
            )
        return found

    return resolve


def plain(value: Any) -> str:
    """A value inside a message: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
