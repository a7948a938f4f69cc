"""The link from an execution to its evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stepwell.retrain.lineage.executions import batch, decisions, evidence_links, started
from stepwell.retrain.lineage.graph import Reference

LINK = "s3://digits/runs/march/gate-1/evidence.json"
OTHER = "s3://digits/runs/march/gate-2/evidence.json"


def task(**parameters: Any) -> dict[str, Any]:
    """A task's beginning, as a history has it."""
    return {"id": 9, "taskScheduledEventDetails": {"parameters": json.dumps(parameters)}}


WAITING = task(FunctionName="ledger", Payload={"token": "t", "evidence": LINK})
#: what is known → the links, newest first
CASES: dict[str, tuple[Any, list[dict[str, Any]], list[str]]] = {
    "its output has it": ({"evidence": LINK}, [], [LINK]),
    "it waits for a person": (None, [{"id": 10}, WAITING], [LINK]),
    "it failed after another gate": (None, [task(evidence=OTHER), WAITING, WAITING], [OTHER, LINK]),
    "a state's data has it": (
        None, [{"stateEnteredEventDetails": {"input": json.dumps({"evidence": LINK})}}], [LINK],
    ),
    "an output of another kind": ([1], [WAITING], [LINK]),
    "no link of this form": ({"evidence": "/tmp/x"}, [task(evidence=7)], []),
    "text that is no JSON": (None, [{"taskFailedEventDetails": {"cause": "x", "output": "{"}}], []),
    "nothing": (None, [], []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_evidence_is_where_the_output_says_and_then_where_tasks_do(case: str) -> None:
    output, events, links = CASES[case]
    execution = {} if output is None else {"output": json.dumps(output)}
    assert list(evidence_links(execution, events)) == links


def test_events_are_read_only_as_far_as_needed() -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield WAITING
        raise AssertionError("read on")

    assert next(evidence_links({}, events())) == LINK
    assert next(evidence_links({"output": json.dumps({"evidence": OTHER})}, events())) == OTHER


def asked(resource: str, **parameters: Any) -> dict[str, Any]:
    """A task's beginning."""
    return {"taskScheduledEventDetails": {"resource": resource, "parameters": json.dumps(parameters)}}


def answered(resource: str, output: Any) -> dict[str, Any]:
    """A task's end."""
    return {"taskSucceededEventDetails": {"resource": resource, "output": json.dumps(output)}}


def test_what_an_execution_started_is_told_oldest_first_and_once() -> None:
    events = [
        asked("updateEndpoint", EndpointName="digits", EndpointConfigName="digits-2"),
        answered("createModelPackage", {"ModelPackageArn": "arn:package"}),
        asked("describeEndpoint", EndpointName="digits"),
        asked("createTrainingJob.sync", TrainingJobName="march"),
        asked("createTrainingJob.sync", TrainingJobName="march"),
        asked("createProcessingJob.sync"),
    ]
    assert started(events) == [
        (Reference("training-job", "march"), "started by"),
        (Reference("model-package", "arn:package"), "registered by"),
        (Reference("endpoint", "digits"), "updated by"),
    ]


def test_what_people_decided_is_a_tasks_answer() -> None:
    one = {"action": "release", "by": "arn:ada", "at": "2026-03-02", "reason": "coded so"}
    later = {**one, "action": "approve", "more": 1}
    events = [answered("invoke", later), answered("invoke", {"action": "x"}), answered("invoke", one)]
    assert decisions(events) == [one, {**one, "action": "approve"}]


def test_the_batch_is_the_folder_that_data_names() -> None:
    entered = {"input": json.dumps({"rows": 3, "manifest": "s3://digits/batches/march-0a1b/manifest.json"})}
    assert batch([{"id": 2}, {"stateEnteredEventDetails": entered}]) == Reference(
        "batch", "s3://digits/batches/march-0a1b"
    )
    assert (
        batch([{"stateEnteredEventDetails": {"input": json.dumps({"data": "s3://digits/data/x"})}}]) is None
    )
