"""Plan: what a run trains on and judges by, fixed before it is done, and written down.

Who asks again gets the first answer, since jobs may have started by it. So the plan, and the configuration
of each gate, are written once and then read.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from . import champion as champions
from . import claim
from .batches import FOLDER, Batch, accepted, owned
from .champion import Champion
from .faults import BatchInvalid
from .objects import Object, at_once, now
from .statuses import INVALID, RETURNED
from .workflow import Workflow, manifest, name_of

SCHEMA = "stepwell.plan/1"
PROCESSING = "/opt/ml/processing"


def plan(workflow: Workflow, event: Mapping[str, Any]) -> dict[str, Any]:
    """The run with what it trains on, and what its first gate reads.

    Raises ClaimLost, BatchTaken, BatchWithdrawn, and BatchInvalid where an object was changed since the run
    began: a manifest names keys, so nobody knows which of its versions Prepare read.
    """
    execution, run = event["execution"], event["run"]
    claim.held(workflow, execution)
    batch = _read(workflow, owned(workflow.batches.get(run["batch"]), execution), event["at"])
    trusted = accepted(workflow.batches.all())
    newest = workflow.settings.batches
    trained = [*(trusted if newest is None else trusted[max(0, len(trusted) - newest) :]), batch]
    if not any(each.train_rows for each in trained):
        raise BatchInvalid(f"there are no rows to train on, neither in {batch.name} nor in accepted batches")
    folder, job = f"runs/{name_of(execution)}", f"{run['job']}-train"
    found = {
        "schema": SCHEMA,
        "execution": execution,
        "batch": batch.name,
        "batches": [_used(each, "train.csv", each.train_rows) for each in trained if each.train_rows],
        "trusted": [
            _used(each, "held-out.csv", each.held_out_rows) for each in trusted if each.held_out_rows
        ],
        "champion": _known(champions.find(workflow)),
        "code": {"train": workflow.settings.code, "sha256": _digest(workflow)},
        "train_manifest": workflow.uri(f"{folder}/train.manifest"),
        "trusted_manifest": None,
        "image": workflow.settings.image,
        "hyperparameters": dict(workflow.settings.hyperparameters),
        "training_job": job,
    }
    found["trusted_version"] = version(found["trusted"])
    if found["trusted"]:
        found["trusted_manifest"] = workflow.uri(f"{folder}/trusted.manifest")
    kept = workflow.kept(f"{folder}/plan.json", found, lambda there: there["training_job"] == job)
    names = [f"{each['name']}/train.csv" for each in kept["batches"]]
    workflow.write(f"{folder}/train.manifest", manifest(workflow.uri(f"{FOLDER}/"), names))
    planned = {
        **run,
        "plan": workflow.uri(f"{folder}/plan.json"),
        "models": workflow.uri("models"),
        "training_job": job,
        "train_manifest": kept["train_manifest"],
        "challenger": workflow.uri(f"models/{job}/output/model.tar.gz"),
    }
    champion = None if kept["champion"] is None else Champion(**kept["champion"])
    return attempt(workflow, execution, planned, 1, champion, kept["trusted"])


def attempt(
    workflow: Workflow,
    execution: str,
    run: Mapping[str, Any],
    number: int,
    champion: Champion | None,
    trusted: list[dict[str, Any]],
    released: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The run with what its gate of that number reads: the champion and the trusted rows as they are now.

    trusted: as the plan has them; released: who overruled the first part, for the gate.
    """
    folder, settings = f"runs/{name_of(execution)}", workflow.settings
    found = {
        "gate": dict(settings.gate),
        "input": {
            "label": settings.label,
            "header": True,
            "columns": list(settings.columns),
            "champion": champion is not None,
        },
        "sources": {
            "batch": run["batch"],
            "execution": execution,
            "trusted": {each["name"]: each["digest"] for each in trusted},
            "trusted_version": version(trusted),
            "champion": _known(champion),
        },
        **({} if released is None else {"released": dict(released)}),
    }
    key = f"{folder}/gate-{number}.json"
    # another run of this name had other objects, or another turn: then its plan was written over too
    kept = workflow.kept(key, found, lambda there: there["sources"]["batch"] == run["batch"])
    champion = None if kept["sources"]["champion"] is None else Champion(**kept["sources"]["champion"])
    gate = f"{folder}/gate-{number}"
    inputs = [
        _input("challenger", run["challenger"]),
        _input("new", f"{run['folder']}/held-out.csv"),
        _input("config", workflow.uri(key)),
        _input("code", settings.gate_code),
    ]
    if kept["sources"]["trusted"]:
        names = [f"{each}/held-out.csv" for each in kept["sources"]["trusted"]]
        trusted_key = f"{folder}/trusted.manifest" if number == 1 else f"{folder}/trusted-{number}.manifest"
        uri = workflow.write(trusted_key, manifest(workflow.uri(f"{FOLDER}/"), names))
        inputs.append(_input("trusted", uri, "ManifestFile"))
    # SageMaker fails a job with an input that isn't there; without it the gate says CHAMPION_MISSING
    if champion is not None and champions.is_readable(workflow, champion):
        inputs.append(_input("champion", str(champion.model_data)))
    return {
        **run,
        "model": f"{run['job']}-{number}",
        "champion_config": (champion.config or "") if champion is not None else "",
        "attempt": number,
        "gate_job": f"{run['job']}-gate-{number}",
        "gate_inputs": inputs,
        "gate_folder": workflow.uri(gate),
        "summary_key": f"{gate}/summary.json",
        "evidence": workflow.uri(f"{gate}/evidence.json"),
    }


def trusted_now(workflow: Workflow) -> list[dict[str, Any]]:
    """The held-out rows of all accepted batches, as a plan names them."""
    found = accepted(workflow.batches.all())
    return [_used(each, "held-out.csv", each.held_out_rows) for each in found if each.held_out_rows]


def version(used: list[dict[str, Any]]) -> str:
    """SHA-256 that names these rows as a whole, whatever their order."""
    lines = sorted(f"{each['name']} {each['digest']}\n" for each in used)
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def _read(workflow: Workflow, batch: Batch, at: str) -> Batch:
    """The batch with what Prepare counted. Raises BatchInvalid."""
    prepared = workflow.read(f"{FOLDER}/{batch.name}/prepared.json")
    if prepared is None:
        raise BatchInvalid(f"Prepare left no prepared.json for {batch.name}")
    present = at_once(lambda each: now(workflow.s3, workflow.bucket, each.key), batch.objects)
    changed = [
        then.key
        for then, found in zip(batch.objects, present, strict=True)
        if found is None or found.content != then.content
    ]
    if changed:
        more = f" (and {len(changed) - 1:,} more objects)" if len(changed) > 1 else ""
        told = f"{changed[0]}{more} changed while it was read"
        status = RETURNED if batch.collected else INVALID
        by = batch.execution
        workflow.batches.change(
            batch.name,
            lambda each: (
                owned(each, by).moved(status, at=at, by=by, why=f"{told}.") if each.status != status else each
            ),
        )
        raise BatchInvalid(f"{told}: its newer version is another batch's")
    digests = prepared["sources"]
    objects = tuple(_hashed(each, digests.get(each.key)) for each in batch.objects)
    return workflow.batches.change(
        batch.name,
        lambda each: dataclasses.replace(
            owned(each, batch.execution),
            objects=objects,
            rows=prepared["rows"],
            train_rows=prepared["train_rows"],
            held_out_rows=prepared["held_out_rows"],
            columns=tuple(prepared["columns"]),
            digests=dict(prepared["digests"]),
        ),
    )


def _hashed(each: Object, sha256: str | None) -> Object:
    return dataclasses.replace(each, sha256=sha256)


def _used(batch: Batch, file: str, rows: int | None) -> dict[str, Any]:
    return {"name": batch.name, "digest": batch.digests[file], "rows": rows}


def _known(champion: Champion | None) -> dict[str, Any] | None:
    return None if champion is None else champion.to_json()


def _digest(workflow: Workflow) -> str:
    """SHA-256 of the training code's archive."""
    bucket, _, key = workflow.settings.code.removeprefix("s3://").partition("/")
    found = hashlib.sha256()
    for piece in workflow.s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
        found.update(piece)
    return found.hexdigest()


def _input(name: str, uri: str, kind: str = "S3Prefix") -> dict[str, Any]:
    local = {"LocalPath": f"{PROCESSING}/{name}", "S3DataType": kind, "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {"S3Uri": uri, **local}}
