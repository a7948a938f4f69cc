"""The store on SQLite: write-ahead log, one writer, a snapshot for every reader.

The checkpoint runs on a thread and connection of its own, so that no commit waits for it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stepwell.durable.ports import View
from stepwell.durable.records import Record, decode, encode
from stepwell.durable.writes import Effect, Timer, WriteSet
from stepwell.errors import FolderDamaged, FolderTooNew, FolderTooOld, StoreError
from stepwell.store.queries import QUERIES, SCHEMA

R = TypeVar("R", bound=Record)

#: raised by one whenever an older release could not read what this one writes
FORMAT = 2
#: the first format that this release reads; before it, IAM knew roles only and filed their policies otherwise
OLDEST_FORMAT = 2
#: how events are packed into a journal row: 1 = a JSON array
JOURNAL_FORMAT = 1
#: seconds between a commit and the checkpoint that follows it
CHECKPOINT_DELAY = 0.05


class SqliteView:
    """`durable.ports.View` over one connection."""

    def __init__(self, connection: sqlite3.Connection, account: str, region: str) -> None:
        self._connection = connection
        self.account = account
        self.region = region

    def get(self, kind: type[R], key: str) -> R | None:
        row = self._connection.execute(QUERIES["record"], (kind.SERVICE, kind.KIND, key)).fetchone()
        return None if row is None else decode(kind, row[0])

    def scan(
        self, kind: type[R], *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Iterator[R]:
        end = prefix + "\U0010ffff"
        count = -1 if limit is None else limit
        rows = self._connection.execute(
            QUERIES["records"], (kind.SERVICE, kind.KIND, max(after, prefix), after, end, count)
        )
        for _, body in rows:
            yield decode(kind, body)

    def journal(self, name: str) -> list[Any]:
        events: list[Any] = []
        for form, packed in self._connection.execute(QUERIES["journal"], (name,)):
            if form != JOURNAL_FORMAT:
                raise FolderTooNew(f"journal {name} has format {form}; this release reads {JOURNAL_FORMAT}")
            events.extend(msgspec.json.decode(packed))
        return events

    def small_blob(self, digest: str) -> bytes | None:
        row = self._connection.execute(QUERIES["blob"], (digest,)).fetchone()
        return None if row is None else bytes(row[0])

    def referenced(self, digest: str) -> bool:
        """Whether any record needs the blob."""
        return self._connection.execute(QUERIES["referenced"], (digest,)).fetchone() is not None

    def begin(self) -> None:
        """See what is committed now, and nothing later, until `end`."""
        self._connection.execute("BEGIN")

    def end(self) -> None:
        """Let the snapshot go."""
        self._connection.execute("COMMIT")


class SqliteStore:
    """`durable.ports.Store` in one file.

    Raises FolderDamaged, FolderTooNew and FolderTooOld when it cannot be opened.
    """

    def __init__(self, path: Path, *, account: str, region: str, durable: bool = True) -> None:
        self._path = path
        self._account = account
        self._region = region
        self._writer = self._open(durable)
        self._writer_view = SqliteView(self._writer, account, region)
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._checkpointer = threading.Thread(
            target=self._checkpoint, name="stepwell-checkpoint", daemon=True
        )
        self._checkpointer.start()

    def commit(self, writes: WriteSet) -> None:
        """Write all of it in one transaction; synced when this returns."""
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._write(connection, writes)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._dirty.set()

    def writer(self) -> View:
        return self._writer_view

    @contextmanager
    def reader(self) -> Iterator[SqliteView]:
        """A snapshot for the calling thread."""
        view: SqliteView | None = getattr(self._local, "view", None)
        if view is None:
            connection = self._connect(f"file:{self._path}?mode=ro", uri=True)
            with self._readers_lock:
                self._readers.append(connection)
            view = self._local.view = SqliteView(connection, self._account, self._region)
        view.begin()
        try:
            yield view
        finally:
            view.end()

    def effects(self) -> Iterable[Effect]:
        for token, kind, body in self._writer.execute(QUERIES["effects"]).fetchall():
            yield Effect(token=token, kind=kind, body=msgspec.json.decode(body))

    def timers(self) -> Iterable[Timer]:
        for key, due, kind, body in self._writer.execute(QUERIES["timers"]).fetchall():
            yield Timer(key=key, due=due, kind=kind, body=msgspec.json.decode(body))

    def reply(self, token: str) -> bytes | None:
        row = self._writer.execute(QUERIES["reply"], (token,)).fetchone()
        return None if row is None else bytes(row[0])

    def referenced(self, digest: str) -> bool:
        """Whether any record needs the blob; for a reader's thread."""
        with self.reader() as view:
            return view.referenced(digest)

    def close(self) -> None:
        self._closing.set()
        self._dirty.set()
        self._checkpointer.join()
        with self._readers_lock:
            for connection in self._readers:
                connection.close()
        self._writer.close()

    def _write(self, connection: sqlite3.Connection, writes: WriteSet) -> None:
        run, many = connection.execute, connection.executemany
        for place, record in writes.records.items():
            run(QUERIES["delete_references"], place)
            if record is None:
                run(QUERIES["delete_record"], place)
            else:
                run(QUERIES["put_record"], (*place, encode(record)))
        for place, digests in writes.references.items():
            many(QUERIES["put_reference"], [(*place, digest) for digest in digests])
        if writes.blobs:
            written = time.time()
            many(QUERIES["put_blob"], [(digest, written, data) for digest, data in writes.blobs.items()])
        for name in writes.dropped:
            run(QUERIES["drop_journal"], (name,))
        if writes.journal:
            rows = [
                (name, JOURNAL_FORMAT, msgspec.json.encode(events)) for name, events in writes.journal.items()
            ]
            many(QUERIES["append_journal"], rows)
        for token in writes.settled:
            run(QUERIES["settle_effect"], (token,))
            run(QUERIES["forget_reply"], (token,))
        for effect in writes.effects.values():
            run(QUERIES["put_effect"], (effect.token, effect.kind, msgspec.json.encode(effect.body)))
        for key, timer in writes.timers.items():
            if timer is None:
                run(QUERIES["cancel_timer"], (key,))
            else:
                run(QUERIES["put_timer"], (key, timer.due, timer.kind, msgspec.json.encode(timer.body)))
        for token, reply in writes.replies.items():
            run(QUERIES["put_reply"], (token, reply))
        if writes.collect is not None:
            run(QUERIES["collect_blobs"], (writes.collect,))

    def _connect(self, path: str, *, uri: bool = False) -> sqlite3.Connection:
        return sqlite3.connect(path, uri=uri, isolation_level=None, check_same_thread=False, timeout=30.0)

    def _open(self, durable: bool) -> sqlite3.Connection:
        connection = self._connect(str(self._path))
        try:
            # Checked before anything is set: even the journal's mode is written into the file.
            fresh = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
            if not fresh:
                self._check(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            if fresh:
                connection.executescript(
                    f"BEGIN; {SCHEMA} INSERT INTO meta VALUES ('format', '{FORMAT}'); COMMIT;"
                )
        except sqlite3.DatabaseError as error:
            connection.close()
            raise FolderDamaged(
                f"{self._path} is not a sound Stepwell database ({error}). Nothing was changed. "
                "Restore it from a backup, or name another folder with --data"
            ) from error
        except StoreError:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok" or row is None:
            raise FolderDamaged(
                f"{self._path} is damaged ({problem if row else 'no format'}). Nothing was changed. "
                "Restore it from a backup, or name another folder with --data"
            )
        if int(row[0]) < OLDEST_FORMAT:
            raise FolderTooOld(
                f"{self._path} was written by an earlier Stepwell: its format is {row[0]}, and this "
                f"one reads from {OLDEST_FORMAT} on. Nothing was changed. Serve it with the release that "
                "wrote it, or name another folder with --data"
            )
        if int(row[0]) > FORMAT:
            raise FolderTooNew(
                f"{self._path} was written by a newer Stepwell: its format is {row[0]}, ours {FORMAT}. "
                "Nothing was changed. Upgrade Stepwell, or name another folder with --data"
            )

    def _checkpoint(self) -> None:
        connection = self._connect(str(self._path))
        while not self._closing.wait(CHECKPOINT_DELAY):
            self._dirty.wait()
            self._dirty.clear()
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        connection.close()
