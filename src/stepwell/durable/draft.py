"""A decision's draft: what it sees, and what it wants to write. It never writes."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from stepwell.calls import Call, Reply
from stepwell.durable.ports import Blob, Store, View
from stepwell.durable.records import Record
from stepwell.durable.writes import Effect, RecordKey, Timer, WriteSet

R = TypeVar("R", bound=Record)
Ask = Callable[[Call, View], Reply]


class Draft:
    """A `View` that also collects writes, and overlays them: the batch's earlier decisions, then its own."""

    def __init__(
        self, *, store: Store, batch: WriteSet, now: float, source: random.Random, ask: Ask | None = None
    ) -> None:
        self._store = store
        self._base = store.writer()
        self._batch = batch
        self._ask = ask
        #: seconds since the epoch; the same for the whole batch, never smaller than at the last commit
        self.now = now
        #: the only randomness of a decision; seeded in simulations
        self.random = source
        self.writes = WriteSet()
        self.account = self._base.account
        self.region = self._base.region

    def get(self, kind: type[R], key: str) -> R | None:
        """The record as this decision left it, or as the batch, or as the store has it."""
        place = (kind.SERVICE, kind.KIND, key)
        for layer in (self.writes.records, self._batch.records):
            if place in layer:
                found = layer[place]
                assert found is None or isinstance(found, kind)
                return found
        return self._base.get(kind, key)

    def scan(
        self, kind: type[R], *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Iterator[R]:
        """Records in the order of their keys, this decision's and the batch's writes included."""
        overlay: dict[str, Record | None] = {}
        for layer in (self._batch.records, self.writes.records):
            for (service, name, key), record in layer.items():
                if service == kind.SERVICE and name == kind.KIND and key.startswith(prefix) and key > after:
                    overlay[key] = record
        stored = (
            record
            for record in self._base.scan(kind, prefix=prefix, after=after)
            if record.key not in overlay
        )
        written: list[R] = []
        for key in sorted(overlay):
            record = overlay[key]
            if isinstance(record, kind):
                written.append(record)
        merged = heapq.merge(stored, written, key=lambda record: record.key)
        for count, record in enumerate(merged):
            if limit is not None and count >= limit:
                return
            yield record

    def journal(self, name: str) -> list[Any]:
        """All events of the journal, those of this batch included."""
        dropped = name in self._batch.dropped or name in self.writes.dropped
        events = [] if dropped else self._base.journal(name)
        if name not in self.writes.dropped:
            events = events + self._batch.journal.get(name, [])
        return events + self.writes.journal.get(name, [])

    def small_blob(self, digest: str) -> bytes | None:
        """The bytes of a blob that lives in the database."""
        return self.writes.blobs.get(digest) or self._batch.blobs.get(digest) or self._base.small_blob(digest)

    def put(self, record: Record, *, blobs: Iterable[str] = ()) -> None:
        """Write a record; `blobs` are the digests that it needs for as long as it exists."""
        place = (record.SERVICE, record.KIND, record.key)
        self.writes.records[place] = record
        self.writes.references[place] = tuple(blobs)

    def delete(self, kind: type[Record], key: str) -> None:
        """Remove a record; nothing happens when there is none."""
        place: RecordKey = (kind.SERVICE, kind.KIND, key)
        self.writes.records[place] = None
        self.writes.references.pop(place, None)

    def keep(self, blob: Blob) -> str:
        """Make a blob durable with this commit and return its digest."""
        if blob.inline is not None:
            self.writes.blobs[blob.digest] = blob.inline
        return blob.digest

    def append(self, journal: str, events: Iterable[Any]) -> None:
        """Add events (JSON values) to a journal."""
        self.writes.journal.setdefault(journal, []).extend(events)

    def drop(self, journal: str) -> None:
        """Remove a journal and all its events."""
        self.writes.journal.pop(journal, None)
        self.writes.dropped.add(journal)

    def collect(self, before: float) -> None:
        """Forget small blobs that no record needs and that were written before that time."""
        self.writes.collect = before

    def effect(self, kind: str, body: Mapping[str, Any], *, token: str | None = None) -> str:
        """Ask for something to be done after the commit; returns its token."""
        token = token or self.unique()
        self.writes.effects[token] = Effect(token=token, kind=kind, body=body)
        self.writes.settled.discard(token)
        return token

    def settle(self, token: str) -> None:
        """Forget an effect: it is done, or its result is no longer wanted."""
        self.writes.effects.pop(token, None)
        self.writes.settled.add(token)

    def timer(self, key: str, due: float, kind: str, body: Mapping[str, Any]) -> None:
        """Have `kind`'s handler called with `body` at `due`; a timer of the same key is moved."""
        self.writes.timers[key] = Timer(key=key, due=due, kind=kind, body=body)

    def cancel(self, key: str) -> None:
        """Forget a timer."""
        self.writes.timers[key] = None

    def send(self, kind: str, body: Mapping[str, Any]) -> None:
        """A durable message: `kind`'s timer handler gets `body` in a later decision, exactly once."""
        self.timer(f"message/{self.unique()}", self.now, kind, body)

    def ask(self, call: Call) -> Reply:
        """A read-only call answered from this decision's own view. Raises AwsError as the call would."""
        if self._ask is None:
            raise RuntimeError("this loop has no operations to ask")
        return self._ask(call, self)

    def known_reply(self, token: str) -> bytes | None:
        """What a call with this token was answered before."""
        return self._batch.replies.get(token) or self._store.reply(token)

    def keep_reply(self, token: str, reply: bytes) -> None:
        """Answer a repeat with this token the same."""
        self.writes.replies[token] = reply

    def unique(self) -> str:
        """A fresh identifier: 32 hexadecimal digits."""
        return f"{self.random.getrandbits(128):032x}"

    def uuid(self) -> str:
        """A fresh version-4 UUID."""
        bits = self.random.getrandbits(128)
        bits = (bits & ~(0xF << 76)) | (4 << 76)
        bits = (bits & ~(0x3 << 62)) | (2 << 62)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
