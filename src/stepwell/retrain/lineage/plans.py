"""Plans: what a run of a retraining workflow trains on and judges by, in the run's folder of the bucket."""

from __future__ import annotations

import re
from typing import Any

from stepwell.retrain.lineage.documents import Document, text_in
from stepwell.retrain.lineage.graph import Reference
from stepwell.retrain.lineage.source import Source, Unreadable

#: a run's folder in a workflow's bucket: the bucket's URI, the execution's name
RUN = re.compile(r"(s3://[^/]+)/runs/([^/]+)/")


def plan_of(uri: str, source: Source) -> dict[str, Any]:
    """The plan of the run in whose folder a URI is, with its bucket as `place`; empty where there is none."""
    run = RUN.match(uri)
    if run is None:
        return {}
    try:
        document = source.read(Reference("plan", f"{run[0]}plan.json"))
    except Unreadable:
        return {}
    return {**document, "place": run[1]} if document is not None else {}


def execution_of(plan: Document, source: Source) -> Reference | None:
    """The execution of a plan, which has its ARN, or its name: then the plan's own batch has the ARN."""
    arn = text_in(plan, "execution")
    if arn and not arn.startswith("arn:"):
        try:
            record = source.read(batch_of(str(plan["place"]), plan.get("batch"))) or {}
        except Unreadable:
            record = {}
        given = text_in(record, "execution")
        arn = given if given.endswith(f":{arn}") else named(arn, source)
    return Reference("execution", arn) if arn else None


def named(name: str, source: Source) -> str:
    """The ARN of the only execution of that name; empty where there is none, or none that is certain."""
    try:
        found = source.names("execution", name)
    except Unreadable:
        return ""
    return found[0] if len(found) == 1 else ""


def batch_of(bucket: str, name: Any) -> Reference:
    """A batch of a workflow's bucket."""
    return Reference("batch", f"{bucket}/batches/{name}")
