"""What an execution's history tells: its evidence, its batch, who decided, and what it started.

An execution that waits for a person, or that failed, has no output; its events have all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stepwell.retrain.lineage.documents import document
from stepwell.retrain.lineage.graph import Reference

#: members of an event's details that hold a task's parameters or a state's data as JSON
DOCUMENTS = ("parameters", "input", "output")
#: the action of a task → the parameter that names what it made, its kind, and what it is to the execution
STARTED = {
    "createtrainingjob": ("TrainingJobName", "training-job", "started by"),
    "createprocessingjob": ("ProcessingJobName", "processing-job", "started by"),
    "createmodel": ("ModelName", "model", "created by"),
    "createendpointconfig": ("EndpointConfigName", "endpoint-config", "created by"),
    "createendpoint": ("EndpointName", "endpoint", "created by"),
    "updateendpoint": ("EndpointName", "endpoint", "updated by"),
}
#: a batch's folder in a workflow's bucket
BATCH = re.compile(r"s3://[^/]+/batches/[^/]+(?=/|$)")


def evidence_links(execution: Mapping[str, Any], newest_first: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The s3:// URIs of an execution's evidence, the newest first, which may not be written yet.

    execution: DescribeExecution's answer; newest_first: its events, read only as far as needed. The output's
    `evidence` counts; behind it come those of tasks' parameters (or their `Payload`, as a task that waits for
    a person has it) and of states' data.
    """
    seen: set[str] = set()
    given = [document(execution.get("output"))]
    for value in _values(given, newest_first):
        for place in (value, value.get("Payload")):
            link = place.get("evidence") if isinstance(place, Mapping) else None
            if isinstance(link, str) and link.startswith("s3://") and link not in seen:
                seen.add(link)
                yield link


def batch(newest_first: Iterable[Mapping[str, Any]]) -> Reference | None:
    """The batch that an execution is about: the folder that its data names."""
    for value in _values([], newest_first):
        for each in value.values():
            found = BATCH.match(each) if isinstance(each, str) else None
            if found is not None:
                return Reference("batch", found[0])
    return None


def decisions(newest_first: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What people decided, oldest first: the outputs of tasks with `action`, `by`, `at`, `reason`."""
    found = []
    for event in newest_first:
        value = document(event.get("taskSucceededEventDetails", {}).get("output"))
        if isinstance(value, Mapping) and "action" in value and "by" in value:
            found.append({name: str(value.get(name, "")) for name in ("action", "by", "at", "reason")})
    return found[::-1]


def started(newest_first: Iterable[Mapping[str, Any]]) -> list[tuple[Reference, str]]:
    """What tasks asked SageMaker for, and packages that they registered, with the relation; oldest first."""
    found: dict[tuple[Reference, str], None] = {}
    for event in newest_first:
        details = event.get("taskScheduledEventDetails", {})
        asked = STARTED.get(str(details.get("resource", "")).lower().partition(".")[0])
        value = document(details.get("parameters"))
        if asked is not None and isinstance(value, Mapping) and isinstance(value.get(asked[0]), str):
            found[Reference(asked[1], value[asked[0]]), asked[2]] = None
        ended = event.get("taskSucceededEventDetails", {})
        made = document(ended.get("output"))
        if str(ended.get("resource", "")).lower() == "createmodelpackage" and isinstance(made, Mapping):
            found[Reference("model-package", str(made.get("ModelPackageArn", ""))), "registered by"] = None
    return list(found)[::-1]


def jobs(newest_first: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of the jobs that an execution started, the oldest first."""
    return [each.name for each, _ in started(newest_first) if each.kind.endswith("-job")]


def _values(first: Iterable[Any], newest_first: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The objects among what is known, and in the events' documents."""
    for value in first:
        if isinstance(value, Mapping):
            yield value
    for event in newest_first:
        for details in event.values():
            if isinstance(details, Mapping):
                for name in DOCUMENTS:
                    value = document(details.get(name))
                    if isinstance(value, Mapping):
                        yield value
