"""Whatever comes in as a definition, the answer is diagnostics or a program."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stepwell import asl
from stepwell.asl import fields
from stepwell.asl.choice import PATH_OPERATORS
from stepwell.asl.intrinsics.functions import FUNCTIONS
from stepwell.asl.limits import MAX_DEFINITION_BYTES

MACHINE = '{"StartAt": "S", "States": {"S": {"Type": "Pass", "End": true}}}'

names = sorted({name for table in fields.STATE.values() for name in table})
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["$", "$.a[", "$$.x", "S", "T", "States.Array(", "States.ALL", "arn:a:b:c:d:e", "JSONata"]
    )
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*names, "Variable", "And", "Not", "StringEquals", "IsNull", "StartAt", "States", "a.$"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
states = st.builds(
    lambda type_, rest: {"Type": type_, **rest},
    st.sampled_from(fields.TYPES),
    st.dictionaries(st.sampled_from(names), anything, max_size=6),
)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    assert isinstance(asl.validate(text), tuple)


@settings(max_examples=300, deadline=None)
@given(anything, st.dictionaries(st.sampled_from(["S", "T", ""]), states | anything, max_size=3))
def test_any_json_is_answered_and_what_is_valid_compiles(top: Any, inner: dict[str, Any]) -> None:
    """No definition crashes, and none that has no error fails to compile."""
    top = top if isinstance(top, dict) else {}
    text = json.dumps({"StartAt": "S", **top, "States": inner})
    found = asl.validate(text)
    if any(diagnostic.severity == "ERROR" for diagnostic in found):
        with pytest.raises(asl.DefinitionInvalid):
            asl.compile(text)
    else:
        assert asl.compile(text).start_at in inner
    for diagnostic in found:
        assert diagnostic.line >= 1
        assert diagnostic.column >= 1
        assert diagnostic.caret(text).endswith("^")


paths = st.sampled_from(
    ["$", "$.a", "$.a.b", "$.a[0]", "$['b']", "$$.x", "$$.Execution.Name", "$.a[1].b", "$.b.a"]
)
queries = paths | st.sampled_from(
    ["$..a", "$.a[*].b", "$.a[?(@.b > 1)]", "$.b[-1:]", "$.a.length()", "$.a.avg()"]
)
calls = st.builds(
    lambda name, arguments: f"States.{name}({', '.join(arguments)})",
    st.sampled_from(sorted(FUNCTIONS)),
    st.lists(queries | st.sampled_from(["1", "-2.5", "'a'", "null", "'{}'", "false"]), max_size=3),
)
templates = st.dictionaries(st.sampled_from(["p.$", "q.$"]), queries | calls, max_size=2)
result_paths = st.sampled_from([None, "$", "$.a", "$.a.b", "$.a[0].b", "$.c.d"])
shared = {"InputPath": queries | st.none(), "OutputPath": queries | st.none()}
placed = {**shared, "Parameters": templates, "ResultPath": result_paths}
worked = {**placed, "ResultSelector": templates}
operators = st.sampled_from(sorted({**PATH_OPERATORS}))
rules = st.builds(lambda variable, name, other: {"Variable": variable, name: other}, paths, operators, paths)
valid_states = st.one_of(
    st.fixed_dictionaries({"Type": st.just("Pass")}, optional=placed),
    st.fixed_dictionaries(
        {"Type": st.just("Task"), "Resource": st.just("arn:aws:states:::lambda:invoke")},
        optional={
            **worked,
            "TimeoutSecondsPath": paths,
            "HeartbeatSecondsPath": paths,
            "Credentials": templates,
        },
    ),
    st.fixed_dictionaries({"Type": st.just("Wait"), "SecondsPath": paths}, optional=shared),
    st.fixed_dictionaries({"Type": st.just("Wait"), "TimestampPath": paths}, optional=shared),
    st.fixed_dictionaries({"Type": st.just("Fail"), "ErrorPath": paths, "CausePath": paths}),
    st.fixed_dictionaries(
        {"Type": st.just("Choice"), "Choices": st.lists(rules, min_size=1, max_size=3)}, optional=shared
    ),
    st.fixed_dictionaries(
        {"Type": st.just("Map"), "ItemProcessor": st.just(json.loads(MACHINE.replace('"S"', '"Inner"')))},
        optional={**worked, "ItemsPath": paths, "MaxConcurrencyPath": paths},
    ),
)
data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-2, 2)
    | st.sampled_from([10**400, 1e308])
    | st.sampled_from(["", "x", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(valid_states, data, data)
def test_a_state_fails_only_as_states_fail(written: dict[str, Any], raw: Any, result: Any) -> None:
    """Every closure of a state gives a value or raises StateError, whatever comes in, and changes nothing."""
    if written["Type"] == "Choice":
        choices = [{**rule, "Next": "Z"} for rule in written["Choices"]]
        definition = {"S": {**written, "Choices": choices}, "Z": {"Type": "Succeed"}}
    else:
        definition = {"S": written if written["Type"] == "Fail" else {**written, "End": True}}
    text = json.dumps({"StartAt": "S", "States": definition})
    assume(not any(found.severity == "ERROR" for found in asl.validate(text)))
    state: Any = asl.compile(text).states["S"]
    env = asl.Environment(context={"x": [1], "Execution": {"Name": "n"}})
    before = copy.deepcopy((raw, result, env.context))
    for evaluate in (
        lambda: state.effective_input(raw, env),
        lambda: state.output(raw, result, env),
        *(
            (lambda name=name: getattr(state, name)(raw, env))
            for name in (
                "timeout",
                "heartbeat",
                "credentials",
                "failure",
                "items",
                "max_concurrency",
            )
            if hasattr(state, name)
        ),
        *([lambda: state.choose(raw, env).next] if hasattr(state, "choose") else []),
        *([lambda: state.until(raw, env, 0.0)] if hasattr(state, "until") else []),
        *([lambda: state.item_input(raw, result, 0, env)] if hasattr(state, "item_input") else []),
    ):
        with contextlib.suppress(asl.StateError):
            json.dumps(evaluate(), allow_nan=False)
    assert (raw, result, env.context) == before


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "INVALID_JSON_DESCRIPTION", (1, 1)),
        ("[]", "INVALID_JSON_DESCRIPTION", (1, 1)),
        ("null", "INVALID_JSON_DESCRIPTION", (1, 1)),
        ('{\n "StartAt" "S"}', "INVALID_JSON_DESCRIPTION", (2, 12)),
        ('{"StartAt": "S", "StartAt": "S"' + MACHINE[15:], "INVALID_JSON_DESCRIPTION", (1, 18)),
        ('{"Comment": ' + "[" * 120 + "]" * 120 + "}", "TOO_DEEPLY_NESTED", (1, 1)),
        ("[" * 100_000, "INVALID_JSON_DESCRIPTION", (1, 1)),
        (MACHINE + " " * MAX_DEFINITION_BYTES, "SCHEMA_VALIDATION_FAILED", (1, 1)),
    ],
)
def test_what_is_no_definition(text: str, code: str, place: tuple[int, int]) -> None:
    (found,) = asl.validate(text)
    assert (found.code, (found.line, found.column)) == (code, place)


def test_the_message_of_one_fault_is_awss() -> None:
    with pytest.raises(asl.DefinitionInvalid) as refused:
        asl.compile('{"StartAt": "S"}')
    assert str(refused.value) == (
        "Invalid State Machine Definition: "
        "'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /, "
        "MISSING_TRANSITION_TARGET: Missing 'Next' target: S at /StartAt'"
    )


def test_faults_without_a_place_say_null() -> None:
    loop = '{"StartAt": "S", "States": {"S": {"Type": "Pass", "Next": "S"}}}'
    assert asl.create_message(asl.validate(loop)) == (
        "Invalid State Machine Definition: 'MISSING_END_STATE: Workflow has no terminal state at null'"
    )


def test_warnings_do_not_make_a_definition_invalid() -> None:
    text = MACHINE.replace('"Pass"', '"Pass", "Parameters": {"a": "$.b"}')
    (warning,) = asl.validate(text)
    assert warning.severity == "WARNING"
    assert asl.compile(text).start_at == "S"
    assert asl.create_message([warning]) == "Invalid State Machine Definition: ''"


def test_a_caret_stands_under_the_place() -> None:
    text = MACHINE.replace('"StartAt"', '\n\t"Foo": 1,\n\n\n\t"TimeoutSeconds": 0, "StartAt"')
    places = {found.pointer: found.caret(text) for found in asl.validate(text)}
    faulty, caret = places["/TimeoutSeconds"].split("\n")
    assert faulty.startswith('5 | \t"TimeoutSeconds": 0')
    assert caret == "    \t^"
    assert str(asl.validate(text)[1]).startswith("5:2: SCHEMA_VALIDATION_FAILED: Value must be between")
