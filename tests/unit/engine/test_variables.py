"""Variables: set by Assign, seen by what follows and by what is inside, given back by the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine.machines import Definition
from engine.world import World

JSONATA = {"QueryLanguage": "JSONata"}


@pytest.fixture
def world(tmp_path: Path) -> Any:
    world = World(tmp_path / "stepwell.db")
    yield world
    world.close()


def machine(states: Definition, **fields: Any) -> Definition:
    """States one after the other, in the order given, where they don't say otherwise."""
    names = list(states)
    linked = {}
    for name, following in zip(names, [*names[1:], None], strict=True):
        leaves = "Next" in states[name] or states[name]["Type"] in ("Choice", "Succeed", "Fail")
        linked[name] = {
            **states[name],
            **({} if leaves else {"End": True} if following is None else {"Next": following}),
        }
    return {"StartAt": names[0], "States": linked, **fields}


def assigned(world: World, execution: str) -> dict[str, Any]:
    """What each state's exit says that it set."""
    found = {}
    for event in world.history(execution):
        details = event.get("stateExitedEventDetails", {})
        if "assignedVariables" in details:
            assert details["assignedVariablesDetails"] == {"truncated": False}
            found[details["name"]] = {
                name: json.loads(text) for name, text in details["assignedVariables"].items()
            }
    return found


def test_what_is_assigned_together_sees_what_was_there_before(world: World) -> None:
    """Two variables change places, and Output sees the old ones."""
    states = {
        "Set": {"Type": "Pass", "Assign": {"x": 1, "y": 2}},
        "Swap": {"Type": "Pass", "Assign": {"x": "{% $y %}", "y": "{% $x %}"}, "Output": "{% [$x, $y] %}"},
        "Look": {"Type": "Pass", "Output": ["{% $states.input %}", "{% $x %}", "{% $y %}"]},
    }
    execution = world.execute(machine(states, **JSONATA))
    assert world.output(execution) == [[1, 2], 2, 1]
    assert assigned(world, execution) == {"Set": {"x": 1, "y": 2}, "Swap": {"x": 2, "y": 1}}


def test_jsonpath_reads_variables_in_paths_templates_rules_and_calls(world: World) -> None:
    rule = {
        "Variable": "$v.n[0]",
        "NumericLessThanPath": "$v.n[1]",
        "Next": "Less",
        "Assign": {"rule": "less"},
    }
    call = "States.Format('{}-{}', $name, $rule)"
    states = {
        "Set": {"Type": "Pass", "Result": {"n": [1, 2]}, "Assign": {"v.$": "$", "name.$": "$$.State.Name"}},
        "Choose": {"Type": "Choice", "Choices": [rule], "Default": "More"},
        "More": {"Type": "Fail"},
        "Less": {
            "Type": "Pass",
            "InputPath": "$v",
            "Parameters": {"in.$": "$.n", "call.$": call, "plain": "$rule"},
        },
    }
    execution = world.execute(machine(states))
    assert world.output(execution) == {"in": [1, 2], "call": "Set-less", "plain": "$rule"}


def test_a_result_is_what_jsonpath_assigns_from(world: World) -> None:
    """The raw result of a task, the effective input of a Wait, the error of a catcher."""
    ok = world.function("ok", lambda event: {"r": event})
    bad = world.function("bad", lambda event: 1 / 0)
    caught = {
        "ErrorEquals": ["States.ALL"],
        "Next": "Look",
        "Assign": {"caught.$": "$.Error"},
        "ResultPath": None,
    }
    task = {"Type": "Task", "InputPath": "$.in", "ResultSelector": {"s": 1}, "Assign": {"task.$": "$.r"}}
    seen = {f"{name}.$": f"${name}" for name in ("task", "wait", "caught")}
    states = {
        "Ok": {**task, "Resource": ok},
        "Wait": {"Type": "Wait", "Seconds": 0, "InputPath": "$.s", "Assign": {"wait.$": "$"}},
        "Bad": {"Type": "Task", "Resource": bad, "Catch": [caught], "Assign": {"never": 1}, "Next": "Look"},
        "Look": {"Type": "Pass", "Parameters": {**seen, "in.$": "$"}},
    }
    execution = world.execute(machine(states), {"in": 7})
    assert world.output(execution) == {"task": 7, "wait": 1, "caught": "ZeroDivisionError", "in": 1}


def inner(states: Definition) -> Definition:
    return machine(states)


@pytest.mark.parametrize("crashing", [False, True], ids=["", "crashing"])
def test_scopes(world: World, crashing: bool) -> None:
    """A branch sees what is around it, keeps its own to itself, and all survives a restart."""
    branch = {
        "A": {"Type": "Pass", "Assign": {"own": "{% $outer & $states.input %}"}},
        "W": {"Type": "Wait", "Seconds": 5},
        "B": {"Type": "Pass", "Output": "{% $own & $outer %}"},
    }
    body = {
        "I": {"Type": "Pass", "Assign": {"item": "{% $states.context.Map.Item.Value %}"}},
        "V": {"Type": "Wait", "Seconds": "{% $item %}"},
        "O": {"Type": "Pass", "Output": "{% $outer & $string($item) %}"},
    }
    states = {
        "Set": {"Type": "Pass", "Assign": {"outer": "o"}},
        "Both": {
            "Type": "Parallel",
            "Arguments": "-",
            "Branches": [
                inner(branch),
                inner({f"{name}2": state for name, state in branch.items()}),
                inner({"M": {"Type": "Map", "Items": [3, 1, 2], "ItemProcessor": inner(body)}}),
            ],
            "Assign": {"after": "{% $states.result %}"},
        },
        "Look": {"Type": "Pass", "Output": ["{% $after %}", "{% $exists($own) or $exists($item) %}"]},
    }
    execution = world.start(world.create(machine(states, **JSONATA)))
    for _ in range(8):
        world.run()
        if crashing:
            world.crash()
        world.advance(1)
    assert world.output(execution) == [["o-o", "o-o", ["o3", "o1", "o2"]], False]


def test_a_rule_that_holds_assigns_in_place_of_the_state(world: World) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [
            {"Condition": "{% $states.input = 1 %}", "Next": "Look", "Assign": {"by": "rule"}, "Output": "r"},
            {"Condition": "{% $states.input = 2 %}", "Next": "Look"},
        ],
        "Default": "Look",
        "Assign": {"by": "state"},
        "Output": "s",
    }
    states = {"C": choice, "Look": {"Type": "Pass", "Output": "{% [$states.input, $by ~> $string] %}"}}
    arn = world.create(machine(states, **JSONATA))
    found = []
    for value in (1, 2, 3):
        execution = world.start(arn, value)
        world.run()
        found.append(world.describe(execution).get("output"))
    assert found == ['["r","rule"]', "[2]", '["s","state"]']


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"big": "x" * 262_143}, "The size of the variable 'big'"),
        ({"a": "x" * 200_000, "b": "x" * 200_000}, "assigned variables with a total size"),
        ({"a": "x" * 262_142}, None),
    ],
)
def test_variables_have_limits(world: World, values: dict[str, str], told: str | None) -> None:
    execution = world.execute(machine({"S": {"Type": "Pass", "Assign": values}}))
    found = world.describe(execution)
    if told is None:
        assert found["status"] == "SUCCEEDED"
    else:
        assert found["error"] == "States.DataLimitExceeded"
        assert told in found["cause"]


def test_all_variables_of_an_execution_have_a_limit(world: World) -> None:
    """Ten mebibytes, whatever scope they are in; a variable that is set again counts once."""
    value = {"x": "x" * 250_000}

    def assigning(names: int) -> Definition:
        return machine({f"S{n}": {"Type": "Pass", "Assign": {f"v{n % names}.$": "$.x"}} for n in range(50)})

    execution = world.execute(assigning(45), value)
    assert world.describe(execution)["error"] == "States.DataLimitExceeded"
    execution = world.start(world.create(assigning(30), "second"), value)
    world.run()
    assert world.describe(execution)["status"] == "SUCCEEDED"


def test_payloads_left_out_leave_variables_out(world: World) -> None:
    execution = world.execute(machine({"S": {"Type": "Pass", "Assign": {"secret": 1}}}))
    found = world.call("GetExecutionHistory", executionArn=execution, includeExecutionData=False)
    assert "secret" not in json.dumps(found["events"])


def test_items_are_the_same_after_a_restart(world: World) -> None:
    """What is drawn by chance is drawn once, though it is worked out again from the journal."""
    body = {"V": {"Type": "Wait", "Seconds": 1}, "O": {"Type": "Pass"}}
    states = {
        "M": {
            "Type": "Map",
            "Items": "{% $shuffle([1..30]) %}",
            "MaxConcurrency": 3,
            "ItemProcessor": inner(body),
        }
    }
    execution = world.start(world.create(machine(states, **JSONATA)))
    for _ in range(12):
        world.run()
        world.crash()
        world.advance(1)
    assert sorted(world.output(execution)) == list(range(1, 31))
