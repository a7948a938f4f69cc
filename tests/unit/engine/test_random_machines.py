"""Machines that nobody thought of: whatever they do, memory is dispensable and histories are sound."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine.machines import Definition, fails
from engine.world import FUNCTION, World


class Author:
    """Writes machines of every type of state, at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0

    def name(self) -> str:
        self.count += 1
        return f"S{self.count}"

    def block(self, depth: int) -> Definition:
        names = [self.name() for _ in range(self.random.randint(1, 3))]
        states: dict[str, Any] = {}
        for index, name in enumerate(names):
            following = names[index + 1] if index + 1 < len(names) else None
            states[name] = self.state(depth, following)
        return {"StartAt": names[0], "States": states}

    def state(self, depth: int, following: str | None) -> Definition:
        kinds = [self.passing, self.waiting, self.calling, self.calling]
        if depth:
            kinds += [self.parallel, self.mapping, self.parallel, self.mapping]
        state = self.random.choice(kinds)(depth)
        if following is None:
            state["End"] = True
        else:
            state["Next"] = following
            if "Retry" in state and self.random.random() < 0.5:
                state["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": following}]
        return state

    def passing(self, depth: int) -> Definition:
        return {"Type": "Pass", "Result": self.random.choice([1, "a" * 5000, [1, 2, 3], {"k": None}])}

    def waiting(self, depth: int) -> Definition:
        return {"Type": "Wait", "Seconds": self.random.randint(0, 9)}

    def calling(self, depth: int) -> Definition:
        retry = [{"ErrorEquals": ["A"], "MaxAttempts": self.random.randint(0, 2)}]
        name = self.random.choice(["good", "flaky", "bad"])
        return {"Type": "Task", "Resource": FUNCTION + name, "Retry": retry, "TimeoutSeconds": 30}

    def parallel(self, depth: int) -> Definition:
        branches = [self.block(depth - 1) for _ in range(self.random.randint(1, 3))]
        return {"Type": "Parallel", "Branches": branches, "Retry": self.retry()}

    def mapping(self, depth: int) -> Definition:
        return {
            "Type": "Map",
            "ItemsPath": "$$.Execution.Input.items",
            "MaxConcurrency": self.random.randint(0, 2),
            "ItemProcessor": self.block(depth - 1),
            "Retry": self.retry(),
        }

    def retry(self) -> list[Definition]:
        return [{"ErrorEquals": ["States.ALL"], "MaxAttempts": self.random.randint(0, 1)}]


def play(path: Path, definition: Definition, between: Callable[[World], None]) -> list[dict[str, Any]]:
    """The history of a machine, with something done between any two steps."""
    world = World(path)
    world.function("good", lambda event: "good")
    world.function("bad", fails(*(["A"] * 1000)))
    world.function("flaky", fails("A", None, "A"))
    execution = world.start(world.create(definition), {"items": [1, 2, 3]})
    finish(world, execution, between)
    history = world.history(execution)
    world.close()
    return history


def finish(world: World, execution: str, between: Callable[[World], None]) -> dict[str, Any]:
    """Run an execution to its end, with something done between any two steps; gives its description."""
    while world.describe(execution)["status"] == "RUNNING":
        between(world)
        if world.tick():
            continue
        if world.pending:
            world.perform()
            world.tick()
            continue
        due = world.loop.next_due()
        assert due is not None, world.types(execution)
        world.clock.advance(due - world.clock.now())
    world.run()
    assert world.loop.next_due() is None
    assert list(world.store.effects()) == []
    return world.describe(execution)


@pytest.mark.parametrize("seed", range(30))
def test_random_machine(seed: int, tmp_path: Path) -> None:
    """Kept, forgotten or crashed between its steps: one history, sound, and nothing left behind."""
    definition = Author(seed).block(2)
    kept = play(tmp_path / "kept.db", definition, lambda world: None)
    for name, between in (
        ("forgotten", lambda world: world.engine.discard()),
        ("crashed", lambda world: world.crash()),
    ):
        other = play(tmp_path / f"{name}.db", definition, between)
        assert [_line(event) for event in other] == [_line(event) for event in kept]
    _check(kept)


def redriven(
    path: Path, definition: Definition, failures: int, between: Callable[[World], None]
) -> tuple[Any, int, list[dict[str, Any]]]:
    """A machine whose tasks fail so often, redriven until it succeeds: output, redrives, history."""
    world = World(path)
    handler = fails(*["A"] * failures, result="good")
    for name in ("good", "flaky", "bad"):
        world.function(name, handler)
    execution = world.start(world.create(definition), {"items": [1, 2, 3]})
    found = finish(world, execution, between)
    while found["status"] != "SUCCEEDED":
        between(world)
        world.call("RedriveExecution", executionArn=execution)
        found = finish(world, execution, between)
    history = world.history(execution)
    output = world.output(execution)
    world.close()
    return output, found["redriveCount"], history


@pytest.mark.parametrize("seed", range(100, 120))
def test_random_machine_redriven(seed: int, tmp_path: Path) -> None:
    """However it failed and was redriven, it comes to the output of one that never failed.

    Without retries and catchers each failure needs one redrive, and no state runs again that had ended.
    """
    definition = _undefended(Author(seed).block(2))
    output, none, straight = redriven(tmp_path / "straight.db", definition, 0, lambda world: None)
    calls = sum(event["type"] == "LambdaFunctionSucceeded" for event in straight)
    failures = min(3, calls)
    assert none == 0
    kept = redriven(tmp_path / "kept.db", definition, failures, lambda world: None)
    assert kept[0] == output
    assert 0 < kept[1] <= failures or failures == 0
    assert _count(kept[2], "StateExited") == _count(straight, "StateExited")
    assert _count(kept[2], "LambdaFunctionSucceeded") == calls
    for name, between in (
        ("forgotten", lambda world: world.engine.discard()),
        ("crashed", lambda world: world.crash()),
    ):
        other = redriven(tmp_path / f"{name}.db", definition, failures, between)
        assert [_line(event) for event in other[2]] == [_line(event) for event in kept[2]]


def _count(history: list[dict[str, Any]], ending: str) -> int:
    return sum(event["type"].endswith(ending) for event in history)


def _undefended(value: Any) -> Any:
    """A definition without retriers and catchers."""
    if isinstance(value, dict):
        return {name: _undefended(item) for name, item in value.items() if name not in ("Retry", "Catch")}
    return [_undefended(item) for item in value] if isinstance(value, list) else value


def _line(event: dict[str, Any]) -> tuple[Any, ...]:
    return event["id"], event["previousEventId"], event["type"], event["timestamp"]


def _check(history: list[dict[str, Any]]) -> None:
    """Ids count from 1, causes come before effects, and only the last event ends the execution."""
    types = [event["type"] for event in history]
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    assert all(event["previousEventId"] < event["id"] for event in history)
    assert all(event["previousEventId"] > 0 for event in history[2:])
    assert [kind for kind in types if kind.startswith("Execution")] == [types[0], types[-1]]
    entered = sum(kind.endswith("StateEntered") for kind in types)
    left = sum(kind.endswith("StateExited") for kind in types)
    if types[-1] == "ExecutionSucceeded":
        given_up = sum(kind.endswith(("StateAborted", "StateFailed")) for kind in types)
        assert left <= entered <= left + given_up
