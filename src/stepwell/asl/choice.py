"""Choice rules: comparisons by one table, combined by And, Or and Not; compiled to predicates."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwell.asl import json
from stepwell.asl.faults import NO_CHOICE_MATCHED, RUNTIME, StateError
from stepwell.asl.jsonpath import JsonPath, PathMissing, parse
from stepwell.asl.program import Environment, Rule
from stepwell.asl.timestamps import nanoseconds

#: input of the state, environment → whether the rule holds
Predicate = Callable[[Any, Environment], bool]
#: value of the variable, operand → whether the comparison holds
Comparison = Callable[[Any, Any], bool]


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_timestamp(value: Any) -> bool:
    return isinstance(value, str) and nanoseconds(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One comparison operator."""

    #: whether the rule's own operand makes sense
    accepts: Callable[[Any], bool]
    #: JSON type of the operand, for messages
    operand: str
    compare: Comparison


def _between(accepts: Callable[[Any], bool], by: Comparison, key: Callable[[Any], Any]) -> Comparison:
    """A comparison that is false between different types."""
    return lambda left, right: accepts(left) and accepts(right) and by(key(left), key(right))


def _same(value: Any) -> Any:
    return value


def _test(accepts: Callable[[Any], bool]) -> Operator:
    return Operator(
        accepts=_is_boolean, operand="Boolean", compare=lambda value, wanted: accepts(value) is wanted
    )


_ORDERS: dict[str, Comparison] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_TYPES: dict[str, tuple[Callable[[Any], bool], str, Callable[[Any], Any]]] = {
    "String": (_is_string, "String", _same),
    "Numeric": (json.is_number, "Number", _same),
    "Timestamp": (_is_timestamp, "Timestamp", nanoseconds),
}


def matches(text: str, pattern: str) -> bool:
    """StringMatches: `*` stands for any text, `\\*` and `\\\\` for themselves. Linear in both lengths."""
    parts = _glob(pattern)
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _glob(pattern: str) -> list[str]:
    parts = [""]
    escaped = False
    for char in pattern:
        if escaped or char not in "\\*":
            parts[-1] += char
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            parts.append("")
    return parts


#: comparison operators that take a constant; IsPresent stands apart, since it alone may miss its variable
OPERATORS: dict[str, Operator] = {
    **{
        f"{name}{order}": Operator(accepts=accepts, operand=operand, compare=_between(accepts, by, key))
        for name, (accepts, operand, key) in _TYPES.items()
        for order, by in _ORDERS.items()
    },
    "BooleanEquals": Operator(
        accepts=_is_boolean, operand="Boolean", compare=_between(_is_boolean, operator.is_, _same)
    ),
    "StringMatches": Operator(
        accepts=_is_string, operand="String", compare=_between(_is_string, matches, _same)
    ),
    "IsNull": _test(lambda value: value is None),
    "IsString": _test(_is_string),
    "IsNumeric": _test(json.is_number),
    "IsBoolean": _test(_is_boolean),
    "IsTimestamp": _test(_is_timestamp),
}
PRESENT = "IsPresent"
#: operators whose operand is a path: `StringEqualsPath` for `StringEquals`
PATH_OPERATORS: dict[str, Operator] = {
    f"{name}Path": row
    for name, row in OPERATORS.items()
    if not name.startswith("Is") and name != "StringMatches"
}
#: what combines rules
COMBINERS = ("And", "Or", "Not")


def compile_rule(rule: Mapping[str, Any]) -> Predicate:
    """Compile one checked rule."""
    if "And" in rule:
        parts = [compile_rule(part) for part in rule["And"]]
        return lambda value, env: all(part(value, env) for part in parts)
    if "Or" in rule:
        parts = [compile_rule(part) for part in rule["Or"]]
        return lambda value, env: any(part(value, env) for part in parts)
    if "Not" in rule:
        inner = compile_rule(rule["Not"])
        return lambda value, env: not inner(value, env)
    variable = parse(rule["Variable"])
    if PRESENT in rule:
        wanted = rule[PRESENT]
        return lambda value, env: _is_present(variable, value, env) is wanted
    name = next(name for name in rule if name in OPERATORS or name in PATH_OPERATORS)
    operand = rule[name]
    if name in OPERATORS:
        compare = OPERATORS[name].compare
        return lambda value, env: compare(_read(variable, value, env), operand)
    compare, other = PATH_OPERATORS[name].compare, parse(operand)
    return lambda value, env: compare(_read(variable, value, env), _read(other, value, env))


def first(
    rules: Sequence[tuple[Predicate, Rule]], default: Rule | None
) -> Callable[[Any, Environment], Rule]:
    """What a Choice state does: the first rule that holds, else the default."""

    def choose(value: Any, env: Environment) -> Rule:
        for holds, rule in rules:
            if holds(value, env):
                return rule
        if default is None:
            raise StateError(
                NO_CHOICE_MATCHED,
                "Failed to transition out of the state. The state does not point to a next state.",
            )
        return default

    return choose


def _read(path: JsonPath, value: Any, env: Environment) -> Any:
    try:
        return path(value, env)
    except PathMissing:
        raise StateError(
            RUNTIME,
            f"Invalid path '{path.text}': The choice state's condition path references an invalid value.",
        ) from None


def _is_present(path: JsonPath, value: Any, env: Environment) -> bool:
    try:
        found = path(value, env)
    except PathMissing:
        return False
    return path.definite or found != []
