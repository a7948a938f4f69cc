"""Histories by examples: cases are data, in `histories.json`, so that adding one needs no code.

A case has a definition, an input, what its functions say call by call (`{"result": …}` or `{"error": …}`;
the last one is said again), and its whole history: `ID<-PREVIOUS TYPE NAME`, with the name of the state
or the index of the iteration where the event has one. Time passes until nothing is left to wait for.
The ids and previous ids follow histories recorded on AWS.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine.world import FUNCTION, World

CASES = json.loads((Path(__file__).parent / "histories.json").read_text())


def line(event: dict[str, Any]) -> str:
    """An event as a case writes it."""
    found = f"{event['id']}<-{event['previousEventId']} {event['type']}"
    for member, details in event.items():
        if member.endswith("EventDetails"):
            label = details.get("index", details.get("name", details.get("error")))
            if label is not None:
                found += f" {label}"
    return found


def play(world: World, case: dict[str, Any]) -> str:
    """Run a case to its end; the execution's ARN."""

    def answering(answers: list[dict[str, Any]]) -> Any:
        def handler(event: Any) -> Any:
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if "error" in answer:
                raise type(answer["error"], (Exception,), {})("no luck")
            return answer["result"]

        return handler

    for name, answers in case.get("functions", {}).items():
        world.function(name, answering(list(answers)))
    definition = json.loads(json.dumps(case["definition"]).replace("function:", FUNCTION))
    execution = world.execute(definition, case.get("input"))
    while world.describe(execution)["status"] == "RUNNING":
        due = world.loop.next_due()
        assert due is not None, world.types(execution)
        world.advance(due - world.clock.now())
    return execution


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_history(case: dict[str, Any], tmp_path: Path) -> None:
    """The history, event by event, and how it ended."""
    world = World(tmp_path / "stepwell.db")
    try:
        execution = play(world, case)
        assert [line(event) for event in world.history(execution)] == case["history"]
        found = world.describe(execution)
        if "output" in case:
            assert json.loads(found["output"]) == case["output"]
        else:
            assert found.get("error") == case["error"]
    finally:
        world.close()
