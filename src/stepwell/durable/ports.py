"""What the core asks of a store. One conformance suite (`tests/unit/store`) covers every adapter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from stepwell.calls import Body
from stepwell.durable.records import Record
from stepwell.durable.writes import Effect, Timer, WriteSet

R = TypeVar("R", bound=Record)


class View(Protocol):
    """A consistent look at what is committed (and, within a decision, at what it wrote so far)."""

    #: the account and region that the server plays
    account: str
    region: str

    def get(self, kind: type[R], key: str) -> R | None:
        """The record, or None."""
        ...

    def scan(
        self,
        kind: type[R],
        *,
        prefix: str = "",
        after: str = "",
        limit: int | None = None,
    ) -> Iterator[R]:
        """Records in the order of their keys: those that begin with `prefix` and come behind `after`."""
        ...

    def journal(self, name: str) -> list[Any]:
        """All events of a journal, in order; empty when there is none."""
        ...

    def small_blob(self, digest: str) -> bytes | None:
        """The bytes of a blob that lives in the database."""
        ...


class Store(Protocol):
    """Durable memory: one writer, many readers."""

    def commit(self, writes: WriteSet) -> None:
        """Write all of it in one transaction; it is on disk when this returns. Raises on failure."""
        ...

    def writer(self) -> View:
        """The writer's own look, for the loop's thread only."""
        ...

    def reader(self) -> AbstractContextManager[View]:
        """A snapshot for the calling thread; sees every commit that returned before."""
        ...

    def effects(self) -> Iterable[Effect]:
        """All effects that were asked for and not settled, in the order of their commits."""
        ...

    def timers(self) -> Iterable[Timer]:
        """All timers."""
        ...

    def reply(self, token: str) -> bytes | None:
        """The reply kept under an effect's token."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes under their content hash."""

    #: hexadecimal SHA-256
    digest: str
    #: bytes
    size: int
    #: the bytes where they are few enough to live in the database: a decision hands them to `Draft.keep`
    inline: bytes | None = None


class Digest(Protocol):
    """What `hashlib` objects are: fed while bytes stream by."""

    def update(self, data: bytes, /) -> None: ...


class Blobs(Protocol):
    """Where bytes live."""

    async def write(self, body: Body, *, digests: Iterable[Digest] = ()) -> Blob:
        """Stream `body` into a synced blob, feeding `digests`; what `body` raises goes through."""
        ...

    async def write_file(self, path: Path) -> Blob:
        """Take over a file (moved where possible)."""
        ...

    def path(self, digest: str) -> Path | None:
        """The file of a large blob; None when the blob lives in the database or nowhere."""
        ...

    async def open(self, digest: str, *, offset: int = 0, length: int | None = None) -> Body:
        """The bytes, or a range of them. Raises KeyError when there is no such blob."""
        ...

    async def read(self, digest: str) -> bytes:
        """All bytes. Raises KeyError."""
        ...
