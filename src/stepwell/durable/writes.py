"""What one decision, or one batch of them, wants to change: values only, nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwell.durable.records import Record

#: (service, kind, key)
RecordKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a committed decision asks to be done; done at least once, a repeat is harmless by its token."""

    #: unique; the same on every repeat
    token: str
    #: names the `EffectKind` that performs and completes it
    kind: str
    #: JSON
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A due time with what to do then."""

    #: unique; setting a timer again moves it
    key: str
    #: seconds since the epoch
    due: float
    #: names the handler
    kind: str
    #: JSON
    body: Mapping[str, Any]


@dataclass(slots=True)
class WriteSet:
    """Everything that one commit writes."""

    #: None deletes
    records: dict[RecordKey, Record | None] = field(default_factory=dict)
    #: the blobs that a record put here needs; they are kept as long as the record is
    references: dict[RecordKey, tuple[str, ...]] = field(default_factory=dict)
    #: small blobs, by digest
    blobs: dict[str, bytes] = field(default_factory=dict)
    #: events to append, by journal
    journal: dict[str, list[Any]] = field(default_factory=dict)
    #: journals to remove
    dropped: set[str] = field(default_factory=set)
    effects: dict[str, Effect] = field(default_factory=dict)
    #: tokens of effects that are done with
    settled: set[str] = field(default_factory=set)
    #: None cancels
    timers: dict[str, Timer | None] = field(default_factory=dict)
    #: replies kept under an effect's token, so that its repeat gets the same answer
    replies: dict[str, bytes] = field(default_factory=dict)

    #: forget small blobs that were written before this time and that no record needs
    collect: float | None = None

    def __bool__(self) -> bool:
        return bool(
            self.records
            or self.collect is not None
            or self.journal
            or self.effects
            or self.settled
            or self.timers
            or self.replies
            or self.blobs
            or self.dropped
        )

    def merge(self, later: WriteSet) -> None:
        """Lay `later` over this one."""
        self.records.update(later.records)
        for key in later.records:
            self.references.pop(key, None)
        self.references.update(later.references)
        self.blobs.update(later.blobs)
        for name in later.dropped:
            self.journal.pop(name, None)
        self.dropped |= later.dropped
        for name, events in later.journal.items():
            self.journal.setdefault(name, []).extend(events)
        self.effects.update(later.effects)
        for token in later.settled:
            self.effects.pop(token, None)
            self.replies.pop(token, None)
        self.settled |= later.settled
        self.timers.update(later.timers)
        self.replies.update(later.replies)
        self.collect = later.collect if later.collect is not None else self.collect
