"""The link from an execution to its evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stepwell.retrain.lineage.executions import evidence_link

LINK = "s3://digits/runs/march/gate-1/evidence.json"
OTHER = "s3://digits/runs/march/gate-2/evidence.json"


def task(**parameters: Any) -> dict[str, Any]:
    """A task's beginning, as a history has it."""
    return {"id": 9, "taskScheduledEventDetails": {"parameters": json.dumps(parameters)}}


WAITING = task(FunctionName="ledger", Payload={"token": "t", "evidence": LINK})
#: what is known → the link
CASES: dict[str, tuple[Any, list[dict[str, Any]], str | None]] = {
    "its output has it": ({"evidence": LINK}, [task(evidence=OTHER)], LINK),
    "it waits for a person": (None, [{"id": 10}, WAITING, task(evidence=OTHER)], LINK),
    "it failed after another gate": (None, [task(evidence=OTHER), WAITING], OTHER),
    "a function of its own has it": (
        None, [{"lambdaFunctionScheduledEventDetails": {"input": json.dumps({"evidence": LINK})}}], LINK,
    ),
    "an output of another kind": ([1], [WAITING], LINK),
    "no link of this form": ({"evidence": "/tmp/x"}, [task(evidence=7)], None),
    "text that is no JSON": (None, [{"taskFailedEventDetails": {"cause": "x", "output": "{"}}], None),
    "nothing": (None, [], None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_evidence_is_where_the_output_says_or_the_newest_task(case: str) -> None:
    output, events, link = CASES[case]
    execution = {} if output is None else {"output": json.dumps(output)}
    assert evidence_link(execution, events) == link


def test_events_are_read_only_as_far_as_needed() -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield WAITING
        raise AssertionError("read on")

    assert evidence_link({}, events()) == LINK
    assert evidence_link({"output": json.dumps({"evidence": LINK})}, events()) == LINK
