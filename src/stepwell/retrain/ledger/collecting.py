"""Which objects make the next batch: those that an event or a person names, or all that are pending.

An object is known by its key and its bytes (the entity tag): what comes again unchanged is not new. One that
was overwritten since an event told of it is left to the event of the newer version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from . import documents, rows
from .batches import Batch
from .faults import InputInvalid, ObjectAbsent
from .objects import Listed, Object, at_once, listing, now
from .statuses import ACCEPTED, NAMED_AGAIN, OPEN, PENDING_AGAIN
from .workflow import Workflow

NOTHING_NEW, COLLECTING, DUPLICATE = "NOTHING_NEW", "COLLECTING", "DUPLICATE"
#: what starts a run that waits until enough has arrived, where the program says how much that is
PATIENT = ("upload", "check")
HAND = "hand"
#: all that starts a run; a person who starts one may say nothing
TRIGGERS = ("upload", "schedule", "window", "check", "drift", HAND)
#: where the monitor says how it stands
MONITOR = "monitor/current.json"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The objects of the next batch, or why there is none."""

    #: in the order of their keys; empty: there is no batch to begin
    objects: tuple[Object, ...] = ()
    #: the newest object's time, where they were collected
    newest: datetime | None = None
    #: whether they were collected, and not named
    collected: bool = False
    #: what the run ends with where there is no batch
    result: Mapping[str, Any] | None = None


def choose(workflow: Workflow, given: Mapping[str, Any], at: str, known: list[Batch]) -> Choice:
    """The objects that a run is about.

    given: the execution's input; at: the time, in ISO 8601; known: all batches. Raises InputInvalid, and
    ObjectAbsent for an object that a person named.
    """
    trigger = trigger_of(given)
    named = given.get("objects")
    if named is None or (trigger == "upload" and workflow.settings.when is not None):
        return _collected(workflow, trigger, at, known)
    if not isinstance(named, list) or not named or not all(_is_named(each) for each in named):
        raise InputInvalid(
            'objects is an array of objects with a "key", as {"objects": [{"key": "data/a.csv"}]}'
        )
    unique = {each["key"]: Object.from_json(each) for each in named}
    choose_named = _told if trigger == "upload" else _asked
    return choose_named(workflow, list(unique.values()), known)


def trigger_of(given: Mapping[str, Any]) -> str:
    """What started a run, by its input. Raises InputInvalid."""
    found = given.get("trigger") or HAND
    if found not in TRIGGERS:
        raise InputInvalid(f"trigger is one of {', '.join(TRIGGERS)}, not {found!r:.60}")
    return str(found)


def _is_named(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("size", 0), int):
        return False
    return isinstance(value.get("key"), str) and bool(value["key"])


def _told(workflow: Workflow, events: list[Object], known: list[Batch]) -> Choice:
    """The objects that events told of, as far as they are new and still what they were."""
    recorded = {each.identity: batch for batch in known for each in batch.objects}
    in_use = _contents(batch for batch in known if batch.status in (ACCEPTED, *OPEN))
    chosen, old, gone = [], [], []
    present = at_once(lambda each: now(workflow.s3, workflow.bucket, each.key), events)
    for event, found in zip(events, present, strict=True):
        if batch := recorded.get(event.identity):
            old.append(batch)
        elif found is None or not found.told_by(event) or not _is_source(workflow, found.key):
            gone.append(event.key)
        elif batch := recorded.get(found.identity) or in_use.get(found.content):
            old.append(batch)
        else:
            chosen.append(found)
    if chosen:
        return Choice(objects=_ordered(chosen))
    if old:
        return _duplicate(old[0])
    return _nothing(f"{', '.join(gone)}: overwritten or deleted since, or no source of this workflow.")


def _asked(workflow: Workflow, named: list[Object], known: list[Batch]) -> Choice:
    """The objects that a person named; those of batches that came to nothing may be named again."""
    taken = _contents(batch for batch in known if batch.status not in NAMED_AGAIN)
    # what is no source is none of the ledger's to look at: its rights end there
    for asked in named:
        if not _is_source(workflow, asked.key):
            sources = ", ".join(f"{each.prefix}*{each.suffix}" for each in workflow.settings.sources)
            raise InputInvalid(f"{asked.key} is none of the workflow's sources, {sources}")
    present = at_once(lambda each: now(workflow.s3, workflow.bucket, each.key), named)
    chosen, old = [], []
    for asked, found in zip(named, present, strict=True):
        if found is None or not found.told_by(asked):
            raise ObjectAbsent(f"{workflow.uri(asked.key)} is not there, or not as it was named")
        if batch := taken.get(found.content):
            old.append(batch)
        else:
            chosen.append(found)
    return Choice(objects=_ordered(chosen)) if chosen else _duplicate(old[0])


def _collected(workflow: Workflow, trigger: str, at: str, known: list[Batch]) -> Choice:
    """All pending objects, once there are enough."""
    held = _contents(batch for batch in known if batch.status not in PENDING_AGAIN)
    listed: dict[str, Listed] = {}
    for source in workflow.settings.sources:
        for each in listing(workflow.s3, workflow.bucket, source.prefix):
            if source.holds(each.key) and (each.key, each.etag) not in held:
                listed[each.key] = each
    pending = sorted(listed.values(), key=lambda each: each.key)
    if not pending:
        return _nothing("All objects of the workflow's sources are in batches.")
    if trigger in PATIENT and (waits := _collecting(workflow, pending, at)):
        return Choice(result=waits)
    found = at_once(lambda each: now(workflow.s3, workflow.bucket, each.key), pending)
    present = [each for each in found if each is not None and each.content not in held]
    if not present:
        return _nothing("What was pending was deleted in this moment.")
    return Choice(objects=_ordered(present), newest=max(each.modified for each in pending), collected=True)


def _collecting(workflow: Workflow, pending: list[Listed], at: str) -> Mapping[str, Any] | None:
    """What the run ends with where not enough has arrived; None: enough has."""
    when = workflow.settings.when
    if when is None:
        return None
    oldest = min(each.modified for each in pending)
    if when.seconds is not None and (moment(at) - oldest).total_seconds() >= when.seconds:
        return None
    if when.score and _score_is_low(workflow):
        return None
    arrived = None if when.rows is None else rows.count(workflow, pending)
    if arrived is not None and when.rows is not None and arrived >= when.rows:
        return None
    told = f"{len(pending):,} objects are pending"
    told += "" if arrived is None else f", with {arrived:,} rows of {when.rows:,}"
    return {
        "outcome": COLLECTING,
        "sentence": f"{told}; the oldest arrived at {in_utc(oldest)}.",
        "objects": len(pending),
        "rows": arrived,
        "oldest": in_utc(oldest),
    }


def moment(text: str) -> datetime:
    """A time in ISO 8601, as Step Functions writes it."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _score_is_low(workflow: Workflow) -> bool:
    """Whether the monitor has seen the score fall, and not yet that it was back."""
    stands = documents.read(workflow.s3, workflow.bucket, MONITOR)
    return stands is not None and "score" in stands.value["drifted"]


def in_utc(when: datetime) -> str:
    """A time in ISO 8601, as Step Functions writes it: in UTC, to the millisecond."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _contents(batches: Iterable[Batch]) -> dict[tuple[str, str], Batch]:
    return {each.content: batch for batch in batches for each in batch.objects}


def _is_source(workflow: Workflow, key: str) -> bool:
    return any(source.holds(key) for source in workflow.settings.sources)


def _ordered(objects: Iterable[Object]) -> tuple[Object, ...]:
    return tuple(sorted(objects, key=lambda each: each.key))


def _duplicate(batch: Batch) -> Choice:
    sentence = f"The same objects are the batch {batch.name}, which is {batch.status}."
    result = {"outcome": DUPLICATE, "sentence": sentence, "batch": batch.name, "status": batch.status}
    return Choice(result=result)


def _nothing(sentence: str) -> Choice:
    return Choice(result={"outcome": NOTHING_NEW, "sentence": sentence})
