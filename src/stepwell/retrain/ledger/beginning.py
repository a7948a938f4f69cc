"""Begin: a run takes its turn, and gets a batch, or is told that there is none.

The order of the writes is what makes a crash harmless: the claim first, then the record, then the manifest.
Whoever comes next takes over the claim of a run that has ended, and finds its record.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from . import claim
from .batches import FOLDER, Batch, Entry
from .collecting import DUPLICATE, Choice, choose, trigger_of
from .faults import Conflict, InputInvalid
from .objects import Object
from .statuses import FAILED, NAMED_AGAIN, OPEN, PREPARING
from .workflow import Workflow, manifest

#: hexadecimal digits of a batch's name; more where other objects have the same
DIGITS = (8, 16, 64)
#: characters of a job's name before its digest; Prepare and gates add to it, and 63 are allowed
LONGEST_WORD = 35


def begin(workflow: Workflow, event: Mapping[str, Any]) -> dict[str, Any]:
    """What the run is about; `due` says whether there is a batch. Frees the claim where there is none.

    Raises Busy while it is another's turn, InputInvalid and ObjectAbsent for the execution's input.
    """
    execution, at = event["execution"], event["at"]
    given = event.get("input", {})
    if not isinstance(given, dict):
        raise InputInvalid(f"an execution's input is an object, not {given!r}")
    claim.take(workflow, execution, at)
    try:
        found = _begun(workflow, execution, given, at)
    except Exception:
        claim.free(workflow, execution, at)
        raise
    if isinstance(found, Batch):
        return _run(workflow, found)
    claim.free(workflow, execution, at)
    return {"due": False, "result": dict(found)}


def job_name(workflow: str, batch: Batch) -> str:
    """What the names of a run's jobs begin with: AWS keeps job names for good, so each run has its own."""
    word = re.sub(r"[^a-z0-9]+", "-", workflow.lower()).strip("-")[:LONGEST_WORD].strip("-") or "run"
    return f"{word}-{_digest([batch.execution, batch.begun])[:12]}"


def names(choice: Choice, at: str) -> Iterable[str]:
    """What a batch of these objects may be called, the best name first: the same objects, the same names."""
    if len(choice.objects) == 1:
        base = PurePosixPath(choice.objects[0].key).name.partition(".")[0]
        word = re.sub(r"[^A-Za-z0-9_-]+", "-", base).strip("-")[:40] or "batch"
    else:
        word = at[:10] if choice.newest is None else choice.newest.date().isoformat()
    digest = _digest(_identities(choice.objects))
    return [f"{word}-{digest[:digits]}" for digits in DIGITS]


def _begun(
    workflow: Workflow, execution: str, given: Mapping[str, Any], at: str
) -> Batch | Mapping[str, Any]:
    """The batch that is begun, or what the run ends with."""
    known = workflow.batches.all()
    for batch in known:
        if batch.status == PREPARING and batch.execution == execution:
            # asked again: the first answer was lost
            return batch
    known = [_settled(workflow, batch, execution, at) for batch in known]
    choice = choose(workflow, given, at, known)
    if choice.result is not None:
        return choice.result
    entry = Entry(status=PREPARING, at=at, by=execution, why=f"Begun by {trigger_of(given)}.")
    new = Batch(
        name="",
        status=PREPARING,
        execution=execution,
        trigger=trigger_of(given),
        collected=choice.collected,
        objects=choice.objects,
        created=at,
        history=(entry,),
    )
    for name in names(choice, at):
        found = _recorded(workflow, dataclasses.replace(new, name=name))
        if found is not None:
            break
    else:
        raise InputInvalid(f"no name is left for a batch of {len(choice.objects)} objects")
    if found.execution == execution and found.status == PREPARING:
        return found
    sentence = f"The same objects are the batch {found.name}, which is {found.status}."
    return {"outcome": DUPLICATE, "sentence": sentence, "batch": found.name, "status": found.status}


def _recorded(workflow: Workflow, new: Batch) -> Batch | None:
    """The batch of that name, written now or before; None where it is one of other objects."""
    try:
        workflow.batches.create(new)
    except Conflict:
        there = workflow.batches.get(new.name)
        if sorted(_identities(there.objects)) != sorted(_identities(new.objects)):
            return None
        return workflow.batches.change(new.name, lambda batch: _again(batch, new))
    return new


def _again(batch: Batch, new: Batch) -> Batch:
    """A batch that came to nothing, begun again; any other as it is."""
    if batch.status not in NAMED_AGAIN:
        return batch
    entry = new.history[0]
    return batch.moved(
        PREPARING,
        at=entry.at,
        by=entry.by,
        why=entry.why,
        execution=new.execution,
        trigger=new.trigger,
        collected=new.collected,
        objects=new.objects,
        rows=None,
        train_rows=None,
        held_out_rows=None,
        columns=(),
        digests={},
        outcome=None,
        package=None,
    )


def _settled(workflow: Workflow, batch: Batch, execution: str, at: str) -> Batch:
    """A batch that a run left open when it was stopped has failed; any other is as it is."""
    if batch.status not in OPEN or batch.execution == execution:
        return batch
    if claim.is_running(workflow, batch.execution):
        return batch
    holder = batch.execution

    def step(now: Batch) -> Batch:
        if now.execution != holder or now.status not in OPEN:
            return now
        return now.moved(FAILED, at=at, by=execution, why="Its run had ended and left it open.")

    return workflow.batches.change(batch.name, step)


def _run(workflow: Workflow, batch: Batch) -> dict[str, Any]:
    """What all later states of the machine have as their input."""
    folder = f"{FOLDER}/{batch.name}"
    keys = [each.key for each in batch.objects]
    return {
        "due": True,
        "batch": batch.name,
        "trigger": batch.trigger,
        "manifest": workflow.write(f"{folder}/manifest.json", manifest(workflow.uri(""), keys)),
        "folder": workflow.uri(folder),
        "job": job_name(workflow.settings.workflow, batch),
    }


def _identities(objects: Iterable[Object]) -> list[list[str]]:
    return [list(each.identity) for each in objects]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode("utf-8")).hexdigest()
