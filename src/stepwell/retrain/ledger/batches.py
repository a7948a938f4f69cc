"""Batches: one record each, `batches/NAME/batch.json`, and what people may do with them.

A record is written on conditions only, and its history is kept. The command line uses this module too, with
a client of its own: the functions of a person (`withdraw`, `accept`) need no claim, since a run that has the
batch in hand looks at its status again before each step that counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import documents
from .faults import BatchTaken, BatchUnknown, BatchWithdrawn, Conflict, MoveRefused
from .objects import Object, at_once
from .statuses import ACCEPTED, OPEN, SET_ASIDE, STATUSES, WITHDRAWN

#: the record's form; another number is another form
SCHEMA = "stepwell.batch/1"
FOLDER = "batches"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change of a batch's status."""

    #: what it became
    status: str
    #: when, in ISO 8601
    at: str
    #: who: the ARN of an execution or of a person
    by: str
    #: why, in a sentence
    why: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Data that arrived together, and what became of it."""

    #: its name: where it came from, and a digest of its objects
    name: str
    #: a key of STATUSES
    status: str
    #: ARN of the execution that has, or last had, it in hand
    execution: str
    #: what started that: upload, schedule, window, check, drift or hand
    trigger: str
    #: whether its objects were collected, and not named by an event or a person
    collected: bool
    #: its raw objects, in the order of their keys
    objects: tuple[Object, ...]
    #: when it was begun first, in ISO 8601
    created: str
    #: how it became what it is, oldest first
    history: tuple[Entry, ...]
    #: rows in all; None until they are read
    rows: int | None = None
    #: rows to train on
    train_rows: int | None = None
    #: rows held out
    held_out_rows: int | None = None
    #: names of the columns, in order
    columns: tuple[str, ...] = ()
    #: SHA-256 of train.csv and held-out.csv
    digests: Mapping[str, str] = field(default_factory=dict)
    #: what the gate said: decision, reason, sentence, evidence (s3:// URI); None: nothing yet
    outcome: Mapping[str, Any] | None = None
    #: ARN of the model package that was made of it
    package: str | None = None
    #: its place among the accepted, ascending
    order: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The record."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Batch:
        """The batch of a record. Raises ValueError for another form."""
        if value.get("schema") != SCHEMA:
            raise ValueError(f"this is no record of form {SCHEMA}: {value.get('schema')}")
        found = {name: each for name, each in value.items() if name != "schema"}
        found["objects"] = tuple(Object.from_json(each) for each in found["objects"])
        found["history"] = tuple(Entry(**each) for each in found["history"])
        found["columns"] = tuple(found["columns"])
        return cls(**found)

    @property
    def begun(self) -> str:
        """When it was begun last: that tells one beginning from the one before."""
        return next(each.at for each in reversed(self.history) if each.status == "PREPARING")

    def moved(self, status: str, *, at: str, by: str, why: str, **changes: Any) -> Batch:
        """The batch with another status, as its history's newest entry. Raises MoveRefused."""
        allowed, meaning = STATUSES[self.status]
        if status not in allowed:
            raise MoveRefused(
                f"{self.name} is {self.status} ({meaning}) and can become {', '.join(allowed)}, not {status}"
            )
        entry = Entry(status=status, at=at, by=by, why=why)
        return dataclasses.replace(self, status=status, history=(*self.history, entry), **changes)


class Batches:
    """The records of one workflow's bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def get(self, name: str) -> Batch:
        """A batch. Raises BatchUnknown."""
        return self._read(name)[0]

    def find(self, name: str) -> Batch | None:
        """A batch; None where there is none of that name."""
        found = documents.read(self._s3, self._bucket, _key(name))
        return None if found is None else Batch.from_json(found.value)

    def all(self) -> list[Batch]:
        """All batches, the first begun first."""
        names: list[str] = []
        paginator = self._s3.get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self._bucket, Prefix=f"{FOLDER}/", Delimiter="/"):
            names += [each["Prefix"].split("/")[1] for each in page.get("CommonPrefixes", ())]
        found = [each for each in at_once(self.find, names) if each is not None]
        return sorted(found, key=lambda each: (each.created, each.name))

    def create(self, batch: Batch) -> None:
        """Record a batch that must not be there. Raises Conflict."""
        documents.create(self._s3, self._bucket, _key(batch.name), batch.to_json())

    def change(self, name: str, step: Callable[[Batch], Batch]) -> Batch:
        """Change a batch; `step` is asked again where another writer was faster. Gives what is there then.

        Raises BatchUnknown, what `step` raises, and Conflict where writers never leave off.
        """
        for _ in range(documents.TRIES):
            batch, etag = self._read(name)
            changed = step(batch)
            if changed == batch:
                return batch
            try:
                documents.replace(self._s3, self._bucket, _key(name), changed.to_json(), etag)
            except Conflict:
                continue
            return changed
        raise Conflict(f"{name} was written by others {documents.TRIES} times")

    def withdraw(self, name: str, *, by: str, why: str, at: str) -> Batch:
        """Take a batch out: no training reads it from now on, its held-out rows are trusted no more, and a
        run that has it in hand ends at its next step.

        by: the ARN of who does it; at: ISO 8601. Raises BatchUnknown, MoveRefused.
        """
        return self.change(name, lambda batch: batch.moved(WITHDRAWN, at=at, by=by, why=why))

    def accept(self, name: str, *, by: str, why: str, at: str) -> Batch:
        """Accept a batch that was set aside, or was withdrawn after it had been judged: the next training
        reads it.

        Raises BatchUnknown, and MoveRefused: also where its objects are accepted or in hand with another
        batch, since rows are not trained on twice.
        """
        known = self.all()

        def step(batch: Batch) -> Batch:
            if batch.status not in (SET_ASIDE, WITHDRAWN):
                meaning = STATUSES[batch.status][1]
                raise MoveRefused(
                    f"{name} is {batch.status} ({meaning}): only what was set aside is accepted so"
                )
            judged = any(each.status in (ACCEPTED, SET_ASIDE) for each in batch.history)
            if batch.status == WITHDRAWN and not judged:
                raise MoveRefused(f"{name} was withdrawn before it was judged: it can't be accepted")
            mine = {each.content for each in batch.objects}
            for other in known:
                taken = other.name != name and other.status in (ACCEPTED, *OPEN)
                if taken and mine & {each.content for each in other.objects}:
                    raise MoveRefused(f"objects of {name} are in {other.name} too, which is {other.status}")
            return batch.moved(ACCEPTED, at=at, by=by, why=why, order=next_order(known))

        return self.change(name, step)

    def _read(self, name: str) -> tuple[Batch, str]:
        found = documents.read(self._s3, self._bucket, _key(name))
        if found is None:
            raise BatchUnknown(f"there is no batch {name} in {self._bucket}")
        return Batch.from_json(found.value), found.etag


def accepted(batches: Iterable[Batch]) -> list[Batch]:
    """Those that are trained on, in the order in which they were accepted."""
    found = [each for each in batches if each.status == ACCEPTED]
    return sorted(found, key=lambda each: (each.order or 0, each.name))


def next_order(batches: Iterable[Batch]) -> int:
    """The place of the batch that is accepted next; those of withdrawn ones stay theirs."""
    return 1 + max((each.order or 0 for each in batches), default=0)


def owned(batch: Batch, execution: str) -> Batch:
    """The batch, if it is that execution's still. Raises BatchTaken, BatchWithdrawn."""
    if batch.execution != execution:
        raise BatchTaken(f"{batch.name} is in the hands of {batch.execution} by now")
    return standing(batch)


def standing(batch: Batch) -> Batch:
    """The batch, unless a person took it out. Raises BatchWithdrawn."""
    if batch.status == WITHDRAWN:
        last = batch.history[-1]
        raise BatchWithdrawn(f"{batch.name} was withdrawn by {last.by} at {last.at}: {last.why}")
    return batch


def _key(name: str) -> str:
    return f"{FOLDER}/{name}/batch.json"
