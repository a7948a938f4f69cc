"""An expression may take its time: the loop does not, and the execution goes on when the value is there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from engine.machines import Definition
from engine.world import World

#: recursion that no memory stops and no end: only a limit of time does
ENDLESS = "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}"
#: one step that no limit of time interrupts
HUGE = "{% $length($pad('x', $states.input.width)) %}"
#: too slow for a decision, and not endless
SLOW = "{% $sum([1..60000].($ * 2)) %}"
SLOW_SUM = 60000 * 60001


@pytest.fixture
def world(tmp_path: Path) -> Any:
    world = World(tmp_path / "stepwell.db")
    yield world
    world.close()


def machine(**states: Any) -> Definition:
    first, *_ = states
    return {"QueryLanguage": "JSONata", "StartAt": first, "States": states}


def single(**fields: Any) -> Definition:
    return machine(S={"Type": "Pass", "End": True, **fields})


def test_an_endless_expression_fails_its_state_and_never_holds_a_decision(world: World) -> None:
    arn = world.create(single(Output=ENDLESS))
    began = time.perf_counter()
    execution = world.start(arn)
    world.run(effects=False)
    assert time.perf_counter() - began < 1.0
    assert [effect.kind for effect in world.pending] == ["evaluation"]
    world.run()
    found = world.describe(execution)
    assert (found["status"], found["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "specified for the field 'Output' threw an error during evaluation. D1012: " in found["cause"]


@pytest.mark.parametrize(("width", "length"), [(100_000, 100_000), (10**12, None)])
def test_what_may_grow_is_made_elsewhere(world: World, width: int, length: int | None) -> None:
    """A text of a terabyte ends the process that tries to make it; a large one is made."""
    execution = world.execute(single(Output=HUGE), {"width": width})
    found = world.describe(execution)
    assert (found["status"], found.get("output")) == (
        ("FAILED", None) if length is None else ("SUCCEEDED", str(length))
    )


def mapped(**fields: Any) -> Definition:
    inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    return {"Type": "Map", "ItemProcessor": inner, "End": True, **fields}


STATES: dict[str, tuple[Definition, Any]] = {
    "Pass": ({"Type": "Pass", "Output": SLOW, "End": True}, SLOW_SUM),
    "Assign": ({"Type": "Pass", "Assign": {"x": SLOW}, "Output": 1, "End": True}, 1),
    "Succeed": ({"Type": "Succeed", "Output": [SLOW, SLOW.replace("2", "3")]}, [SLOW_SUM, SLOW_SUM * 3 // 2]),
    "Wait": (
        {
            "Type": "Wait",
            "Seconds": "{% $count([1..60000].($ * 2)) - 59990 %}",
            "Output": SLOW,
            "End": True,
        },
        SLOW_SUM,
    ),
    "Parallel": (
        {
            "Type": "Parallel",
            "Arguments": SLOW,
            "Branches": [
                {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}},
                {"StartAt": "B", "States": {"B": {"Type": "Pass", "Output": SLOW, "End": True}}},
            ],
            "Output": f"{{% $states.result[0] + $states.result[1] + ({SLOW[2:-2]}) %}}",
            "End": True,
        },
        3 * SLOW_SUM,
    ),
    "Map": (
        mapped(
            Items="{% ([1..60000].($ * 2))[[0..2]] %}",
            ItemSelector="{% $states.context.Map.Item.Value + $count([1..60000].($ * 2)) %}",
            MaxConcurrency=1,
            Output=f"{{% $sum($states.result) + ({SLOW[2:-2]}) %}}",
        ),
        12 + 180_000 + SLOW_SUM,
    ),
}


@pytest.mark.parametrize("type_", STATES)
@pytest.mark.parametrize("crashing", [False, True], ids=["", "crashing"])
def test_every_field_may_take_its_time(
    world: World, type_: str, crashing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever field it stands in, and if the server dies while it is evaluated."""
    monkeypatch.setattr("stepwell.engine.context.PATIENCE", 1)
    state, output = STATES[type_]
    execution = world.start(world.create(machine(S=state)))
    asked = 0
    while world.describe(execution)["status"] == "RUNNING":
        world.run(effects=False)
        asked += len(world.pending)
        if crashing:
            world.crash()
        world.run()
        world.advance(5)
    assert asked > 0
    assert world.output(execution) == output


def test_a_task_keeps_its_result_while_its_output_is_evaluated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepwell.engine.context.PATIENCE", 1)
    function = world.function("f", lambda event: {"n": event})
    state = {
        "Type": "Task",
        "Resource": function,
        "Arguments": 7,
        "Output": f"{{% $states.result.n + ({SLOW[2:-2]}) %}}",
        "End": True,
    }
    execution = world.start(world.create(machine(S=state)))
    world.run(effects=False)
    world.perform()
    world.run(effects=False)
    assert world.types(execution)[-1] == "LambdaFunctionSucceeded"
    world.crash()
    world.run()
    assert world.output(execution) == 7 + SLOW_SUM
    assert len([call for call in world.calls if call.operation == "Invoke"]) == 1


def test_a_stopped_execution_waits_for_no_value(world: World) -> None:
    execution = world.start(world.create(single(Output=ENDLESS)))
    world.run(effects=False)
    world.call("StopExecution", executionArn=execution)
    world.run()
    assert world.describe(execution)["status"] == "ABORTED"


def test_items_that_took_their_time_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart an iteration fails, is caught and knows its item: nobody is asked again."""
    monkeypatch.setattr("stepwell.engine.context.PATIENCE", 1)
    function = world.function("f", lambda event: 1 / 0)
    caught = {"ErrorEquals": ["States.ALL"], "Next": "Z", "Output": "{% $states.context.Map.Item.Value %}"}
    body = {
        "StartAt": "W",
        "States": {
            "W": {"Type": "Wait", "Seconds": 1, "Next": "T"},
            "T": {"Type": "Task", "Resource": function, "Catch": [caught], "Next": "Z"},
            "Z": {"Type": "Succeed"},
        },
    }
    state = mapped(Items="{% ([1..60000].($ * 2))[[0..1]] %}", ItemProcessor=body)
    execution = world.start(world.create(machine(S=state)))
    world.run()
    world.crash()
    world.advance(2)
    assert world.output(execution) == [2, 4]
    assert "EvaluationFailed" not in world.types(execution)


@pytest.mark.parametrize("type_", ["Pass", "Parallel", "Map"])
def test_a_redrive_asks_again(world: World, type_: str) -> None:
    """Of an execution that was stopped while an expression was evaluated, wherever that was."""
    body = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
    fields: Definition = {
        "Pass": {},
        "Parallel": {"Branches": [body]},
        "Map": {"Items": [1], "ItemProcessor": body},
    }[type_]
    state = {"Type": type_, **fields, "Output": "{% $length($pad('x', $states.input.width)) %}", "End": True}
    execution = world.start(world.create(machine(S=state)), {"width": 7})
    world.run(effects=False)
    world.call("StopExecution", executionArn=execution)
    world.run()
    world.call("RedriveExecution", executionArn=execution)
    world.run()
    assert world.output(execution) == 7


def test_a_catcher_has_less_time(world: World) -> None:
    """What a catcher's own expressions may not begin is told as any other failure."""
    function = world.function("f", lambda event: 1 / 0)
    caught = {"ErrorEquals": ["States.ALL"], "Next": "Z", "Output": HUGE}
    state = {"Type": "Task", "Resource": function, "Catch": [caught], "End": True}
    execution = world.execute(machine(S=state, Z={"Type": "Succeed"}), {"width": 5})
    found = world.describe(execution)
    assert found["error"] == "States.QueryEvaluationError"
    assert "Catch[0]/Output" in found["cause"]
