"""A fan-out of any width comes to its end, and costs nothing while it waits."""

from __future__ import annotations

from typing import Any

import pytest
from engine.machines import single, task
from engine.world import World

from stepwell.engine.engine import STEPS

WIDE = 2 * STEPS + 7


def started(world: World, *more: dict[str, Any]) -> str:
    """The ARN of an execution with many branches that only pass, and `more`."""
    branches = [
        {"StartAt": f"b{number}", "States": {f"b{number}": {"Type": "Pass", "Result": number, "End": True}}}
        for number in range(WIDE)
    ]
    definition = single(Type="Parallel", Branches=[*branches, *more])
    return world.start(world.create(definition))


@pytest.mark.parametrize("crash", [False, True], ids=["memory", "journal"])
def test_branches_that_are_done_do_not_take_the_steps_of_others(world: World, crash: bool) -> None:
    execution = started(world)
    for _ in range(20):
        if crash:
            world.crash()
        world.tick()
    assert world.output(execution) == list(range(WIDE))


def test_branches_that_are_done_wait_quietly_for_the_last(world: World) -> None:
    arn = world.function("slow", lambda event: "last")
    execution = started(world, {"StartAt": "slow", "States": {"slow": {**task(arn), "End": True}}})
    assert [bool(world.tick()) for _ in range(20)][-5:] == [False] * 5
    world.run()
    assert world.output(execution) == [*range(WIDE), "last"]
