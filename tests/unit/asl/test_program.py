"""What compiled states compute, beyond the common flow of data."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from stepwell import asl
from stepwell.asl.program import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    TaskState,
    WaitState,
    item_environment,
)

HUGE = 10**400
LAMBDA = "arn:aws:states:::lambda:invoke"
ENV = asl.Environment(context={"Execution": {"Name": "run-1", "Input": {"list": [1]}}})
PASS = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": True}}}


def compile_state(**fields: Any) -> Any:
    if fields["Type"] not in ("Fail", "Succeed", "Choice"):
        fields["End"] = True
    states = {"S": fields, **({"Z": {"Type": "Succeed"}} if fields["Type"] == "Choice" else {})}
    return asl.compile(json.dumps({"StartAt": "S", "States": states})).states["S"]


def failure_of(call: Any) -> tuple[str, str]:
    with pytest.raises(asl.StateError) as failed:
        call()
    return failed.value.error, failed.value.detail


def test_a_task_knows_its_times() -> None:
    """Constants, paths into the input, and None where the definition sets nothing."""
    plain: TaskState = compile_state(Type="Task", Resource=LAMBDA)
    assert (plain.timeout({}, ENV), plain.heartbeat({}, ENV), plain.credentials({}, ENV)) == (
        None,
        None,
        None,
    )
    fixed: TaskState = compile_state(Type="Task", Resource=LAMBDA, TimeoutSeconds=9, HeartbeatSeconds=3)
    assert (fixed.timeout({}, ENV), fixed.heartbeat({}, ENV)) == (9, 3)
    state: TaskState = compile_state(
        Type="Task",
        Resource=LAMBDA,
        InputPath="$.in",
        TimeoutSecondsPath="$.t",
        HeartbeatSecondsPath="$.h",
        Credentials={"RoleArn.$": "$.role"},
    )
    raw = {"in": {"t": 9, "h": 3, "role": "arn:r"}}
    assert (state.timeout(raw, ENV), state.heartbeat(raw, ENV)) == (9, 3)
    assert state.credentials(raw, ENV) == {"RoleArn": "arn:r"}


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("9", 'The TimeoutSecondsPath field refers to value "9" which is not a valid integer: $.t'),
        (1.5, 'The TimeoutSecondsPath field refers to value "1.5" which is not a valid integer: $.t'),
        ({}, 'The TimeoutSecondsPath field refers to value "{}" which is not a valid integer: $.t'),
        (True, 'The TimeoutSecondsPath field refers to value "true" which is not a valid integer: $.t'),
        (0, "TimeoutSeconds must be positive."),
    ],
)
def test_a_wrong_timeout_fails_the_state(value: Any, detail: str) -> None:
    state: TaskState = compile_state(Type="Task", Resource=LAMBDA, TimeoutSecondsPath="$.t")
    assert failure_of(lambda: state.timeout({"t": value}, ENV)) == ("States.Runtime", detail)


@pytest.mark.parametrize(
    ("fields", "raw", "due"),
    [
        ({"Seconds": 5}, {}, 1005.0),
        ({"Seconds": 0}, {}, 1000.0),
        ({"SecondsPath": "$.s"}, {"s": 7}, 1007.0),
        ({"Timestamp": "1970-01-01T00:30:00.5Z"}, {}, 1800.5),
        ({"TimestampPath": "$.t"}, {"t": "1970-01-01T00:00:01Z"}, 1.0),
    ],
)
def test_when_a_wait_is_over(fields: dict[str, Any], raw: Any, due: float) -> None:
    state: WaitState = compile_state(Type="Wait", **fields)
    assert state.until(raw, ENV, 1000.0) == due


@pytest.mark.parametrize(
    ("fields", "raw", "detail"),
    [
        (
            {"SecondsPath": "$.s"},
            {"s": "5"},
            "The SecondsPath parameter does not reference an Integer value from 0 to 99999999: $.s == 5",
        ),
        (
            {"SecondsPath": "$.s"},
            {"s": -1},
            "The SecondsPath parameter does not reference an Integer value from 0 to 99999999: $.s == -1",
        ),
        (
            {"SecondsPath": "$.s"},
            {"s": HUGE},
            "The SecondsPath parameter does not reference an Integer value from 0 to 99999999: "
            f"$.s == {HUGE}",
        ),
        (
            {"TimestampPath": "$.t"},
            {"t": "2024-01-01 00:00:00Z"},
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time "
            "format string: $.t == 2024-01-01 00:00:00Z",
        ),
        ({"TimestampPath": "$.t"}, {}, "Invalid path '$.t' : No results for path: $['t']"),
    ],
)
def test_a_wait_for_nonsense_fails(fields: dict[str, Any], raw: Any, detail: str) -> None:
    state: WaitState = compile_state(Type="Wait", **fields)
    assert failure_of(lambda: state.until(raw, ENV, 0.0)) == ("States.Runtime", detail)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, None)),
        ({"Error": "E", "Cause": "c"}, ("E", "c")),
        ({"ErrorPath": "$.e", "CausePath": "States.Format('{}!', $.c)"}, ("X", "y!")),
        ({"ErrorPath": "$$.Execution.Name"}, ("run-1", None)),
    ],
)
def test_how_a_fail_fails(fields: dict[str, Any], expected: Any) -> None:
    state: FailState = compile_state(Type="Fail", **fields)
    assert state.failure({"e": "X", "c": "y"}, ENV) == expected


def test_a_fail_needs_text() -> None:
    state: FailState = compile_state(Type="Fail", CausePath="$.c")
    assert failure_of(lambda: state.failure({"c": 1}, ENV)) == (
        "States.Runtime",
        "The CausePath parameter does not reference a String value: $.c == 1",
    )


def test_a_choice_takes_the_first_rule_that_holds() -> None:
    rules = [
        {"Variable": "$.n", "NumericLessThan": 10, "Next": "S"},
        {"Variable": "$.n", "NumericLessThan": 20, "Next": "Z"},
    ]
    state: ChoiceState = compile_state(Type="Choice", Choices=rules, InputPath="$.in")
    assert [state.choose({"in": {"n": n}}, ENV).next for n in (5, 15)] == ["S", "Z"]
    assert state.targets == ("S", "Z")
    assert failure_of(lambda: state.choose({"in": {"n": 25}}, ENV))[0] == "States.NoChoiceMatched"
    assert failure_of(lambda: state.choose({"in": {}}, ENV)) == (
        "States.Runtime",
        "Invalid path '$.n': The choice state's condition path references an invalid value.",
    )


def test_a_choice_falls_back_to_its_default() -> None:
    rules = [{"Variable": "$.n", "IsNull": True, "Next": "S"}]
    state: ChoiceState = compile_state(Type="Choice", Choices=rules, Default="Z")
    assert state.choose({"n": 1}, ENV).next == "Z"


def test_a_parallel_has_its_branches_in_order() -> None:
    other = {"StartAt": "Other", "States": {"Other": {"Type": "Succeed"}}}
    state: ParallelState = compile_state(Type="Parallel", Branches=[PASS, other])
    assert [branch.start_at for branch in state.branches] == ["Inner", "Other"]


def test_a_map_selects_items_and_their_inputs() -> None:
    state: MapState = compile_state(
        Type="Map",
        InputPath="$.in",
        ItemsPath="$.list",
        ItemSelector={"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "c.$": "$.common"},
        ItemProcessor=PASS,
        MaxConcurrencyPath="$.max",
    )
    raw = {"in": {"list": ["a", "b"], "common": 7, "max": 3}}
    assert state.items(raw, ENV) == ["a", "b"]
    assert state.item_input(raw, "b", 1, ENV) == {"i": 1, "v": "b", "c": 7}
    assert state.max_concurrency(raw, ENV) == 3
    assert state.effective_input(raw, ENV) == raw["in"]


def test_a_map_without_selector_hands_over_the_items() -> None:
    state: MapState = compile_state(Type="Map", ItemProcessor=PASS)
    assert state.items([1, 2], ENV) == [1, 2]
    assert state.item_input([1, 2], 2, 1, ENV) == 2
    assert state.max_concurrency([1, 2], ENV) == 0


@pytest.mark.parametrize(("path", "shown"), [("$", "$"), ("$.a", "$.a"), ("$$.Execution", "$.Execution")])
def test_a_map_needs_an_array(path: str, shown: str) -> None:
    state: MapState = compile_state(Type="Map", ItemsPath=path, ItemProcessor=PASS)
    assert failure_of(lambda: state.items({"a": 1}, ENV)) == (
        "States.Runtime",
        f'Reference path "{shown}" must point to array.',
    )


def test_a_negative_concurrency_fails() -> None:
    state: MapState = compile_state(Type="Map", MaxConcurrencyPath="$.m", ItemProcessor=PASS)
    assert failure_of(lambda: state.max_concurrency({"m": -1}, ENV)) == (
        "States.Runtime",
        "MaxConcurrency cannot be negative.",
    )


def test_an_iteration_sees_its_item_beside_the_rest_of_the_context() -> None:
    env = item_environment(ENV, "x", 4)
    assert env.context["Map"] == {"Item": {"Index": 4, "Value": "x"}}
    assert env.context["Execution"] == ENV.context["Execution"]
    assert "Map" not in ENV.context


def test_random_functions_draw_from_the_environment_only() -> None:
    """The same seed gives the same result: a decision can be journaled."""
    state = compile_state(
        Type="Pass",
        Parameters={"id.$": "States.UUID()", "n.$": "States.MathRandom(0, 1000)"},
    )
    first, second, other = (
        state.effective_input({}, asl.Environment(context={}, random=random.Random(seed)))
        for seed in (1, 1, 2)
    )
    assert first == second != other
    assert first["id"][14] == "4"


def test_a_seeded_random_number_needs_no_source() -> None:
    state = compile_state(Type="Pass", Parameters={"n.$": "States.MathRandom(0, 1000, 42)"})
    results = {
        state.effective_input({}, asl.Environment(context={}, random=random.Random(s)))["n"] for s in (1, 2)
    }
    assert len(results) == 1


def test_integrations_are_found_at_any_depth() -> None:
    task = {"Type": "Task", "Resource": LAMBDA, "End": True}
    definition = {
        "StartAt": "P",
        "States": {
            "P": {
                "Type": "Parallel",
                "Branches": [
                    {
                        "StartAt": "M",
                        "States": {
                            "M": {
                                "Type": "Map",
                                "ItemProcessor": {"StartAt": "T1", "States": {"T1": task}},
                                "End": True,
                            }
                        },
                    }
                ],
                "Next": "T2",
            },
            "T2": task,
        },
    }
    program = asl.compile(json.dumps(definition))
    assert [state.name for state in asl.integrations(program)] == ["T1", "T2"]
    assert [state.pointer for state in asl.integrations(program)] == [
        "/States/P/Branches[0]/States/M/ItemProcessor/States/T1",
        "/States/T2",
    ]


def test_a_program_keeps_what_the_machine_says_of_itself() -> None:
    program = asl.compile(json.dumps({"Comment": "c", "Version": "1.0", "TimeoutSeconds": 60, **PASS}))
    assert (program.comment, program.version, program.timeout_seconds) == ("c", "1.0", 60)
