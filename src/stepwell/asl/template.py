"""Payload templates: JSON in which a key that ends with `.$` has a path or a call for its value.

What holds no such key is a constant, handed out as it is. A compiled template makes new containers
only around what it computes.
"""

from __future__ import annotations

from typing import Any

from stepwell.asl import intrinsics, json
from stepwell.asl.faults import RUNTIME, StateError
from stepwell.asl.jsonpath import JsonPath, PathMissing
from stepwell.asl.jsonpath import parse as parse_path
from stepwell.asl.pathtext import PathError
from stepwell.asl.program import Environment, Expression
from stepwell.asl.source import Path

SUFFIX = ".$"


#: the way to the object that holds a faulty expression, and what is wrong
Fault = tuple[Path, str]


def compile_template(template: Any) -> Expression:
    """Compile a template without faults. The closure raises StateError."""
    compiled = _compile(template)
    if compiled is None:
        return lambda _value, _env: template
    return compiled


def faults(template: Any) -> list[Fault]:
    """All that is wrong with a template, in the order of its text."""
    found: list[Fault] = []
    _collect(template, (), found)
    return found


def compile_expression(text: str) -> JsonPath | intrinsics.Call:
    """A path or an intrinsic call. Raises PathError."""
    return parse_path(text) if text.startswith("$") else intrinsics.parse(text)


def _collect(template: Any, path: Path, found: list[Fault]) -> None:
    if isinstance(template, list):
        for index, item in enumerate(template):
            _collect(item, (*path, index), found)
    if not isinstance(template, dict):
        return
    for key, value in template.items():
        if not key.endswith(SUFFIX):
            _collect(value, (*path, key), found)
            continue
        if key.removesuffix(SUFFIX) in template:
            message = f"The fields '{key}' and '{key.removesuffix(SUFFIX)}' must not both be given"
            found.append((path, message))
        if not _is_expression(value):
            message = (
                f"The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call"
            )
            found.append((path, message))


def _is_expression(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        compile_expression(value)
    except PathError:
        return False
    return True


def _compile(template: Any) -> Expression | None:
    """The closure of a template, or None for a constant."""
    if isinstance(template, dict):
        return _compile_object(template)
    if isinstance(template, list):
        return _compile_array(template)
    return None


def _compile_object(template: dict[str, Any]) -> Expression | None:
    members: list[tuple[str, Expression | None, Any]] = []
    for key, value in template.items():
        if key.endswith(SUFFIX):
            members.append((key.removesuffix(SUFFIX), _field(key, compile_expression(value)), None))
        else:
            members.append((key, _compile(value), value))
    if all(expression is None for _, expression, _ in members):
        return None

    def evaluate(value: Any, env: Environment) -> Any:
        return {
            key: constant if expression is None else expression(value, env)
            for key, expression, constant in members
        }

    return evaluate


def _compile_array(template: list[Any]) -> Expression | None:
    items = [(_compile(item), item) for item in template]
    if all(expression is None for expression, _ in items):
        return None

    def evaluate(value: Any, env: Environment) -> Any:
        return [constant if expression is None else expression(value, env) for expression, constant in items]

    return evaluate


def _field(key: str, expression: JsonPath | intrinsics.Call) -> Expression:
    if not isinstance(expression, JsonPath):
        return expression
    path = expression

    def evaluate(value: Any, env: Environment) -> Any:
        try:
            return path(value, env)
        except PathMissing:
            found = json.dumps(env.context if path.context else value)
            raise StateError(
                RUNTIME,
                f"The JSONPath '{path.text}' specified for the field '{key}' could not be found "
                f"in the input '{found}'",
            ) from None

    return evaluate
