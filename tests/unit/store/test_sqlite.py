"""The SQLite store: what is committed is there, and a folder that is not sound is refused, never emptied."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import ClassVar

import pytest

from stepwell.contact import read_key
from stepwell.durable import Effect, Record, Timer, WriteSet
from stepwell.errors import FolderDamaged, FolderInUse, FolderTooNew, FolderTooOld, StoreError, UsageError
from stepwell.store import Folder, SqliteStore
from stepwell.store.rootkey import read_or_create


class Thing(Record, frozen=True, kw_only=True):
    SERVICE: ClassVar[str] = "test"
    KIND: ClassVar[str] = "thing"
    name: str
    size: int = 0

    @property
    def key(self) -> str:
        return self.name


def make(path: Path) -> SqliteStore:
    return SqliteStore(path, account="0" * 12, region="us-east-1", durable=False)


def put(*things: Thing) -> WriteSet:
    return WriteSet(records={(thing.SERVICE, thing.KIND, thing.key): thing for thing in things})


def test_all_that_a_commit_wrote_is_read_back_after_reopening(tmp_path: Path) -> None:
    store = make(tmp_path / "db")
    writes = put(Thing(name="é", size=2**53 + 1))
    writes.blobs["d1"] = b"\x00bytes"
    writes.journal["j"] = [{"id": 1}, {"id": 2}]
    writes.effects["t"] = Effect(token="t", kind="k", body={"a": [1]})
    writes.timers["u"] = Timer(key="u", due=1.5, kind="k", body={})
    writes.replies["t2"] = b"{}"
    store.commit(writes)
    store.commit(WriteSet(journal={"j": [{"id": 3}]}))
    store.close()
    store = make(tmp_path / "db")
    with store.reader() as view:
        assert view.get(Thing, "é") == Thing(name="é", size=2**53 + 1)
        assert view.journal("j") == [{"id": 1}, {"id": 2}, {"id": 3}]
        assert view.small_blob("d1") == b"\x00bytes"
    assert [effect.body for effect in store.effects()] == [{"a": [1]}]
    assert [timer.due for timer in store.timers()] == [1.5]
    assert store.reply("t2") == b"{}"
    store.close()


def test_a_reader_keeps_its_snapshot_while_the_writer_commits(tmp_path: Path) -> None:
    store = make(tmp_path / "db")
    store.commit(put(Thing(name="a", size=1)))
    with store.reader() as view:
        assert view.get(Thing, "a") == Thing(name="a", size=1)
        store.commit(put(Thing(name="a", size=2)))
        assert view.get(Thing, "a") == Thing(name="a", size=1)
    with store.reader() as view:
        assert view.get(Thing, "a") == Thing(name="a", size=2)
    store.close()


def test_a_failing_commit_leaves_nothing_behind(tmp_path: Path) -> None:
    store = make(tmp_path / "db")
    writes = put(Thing(name="a"))
    writes.effects["t"] = Effect(token="t", kind="k", body={"not json": object()})
    with pytest.raises(TypeError):
        store.commit(writes)
    with store.reader() as view:
        assert view.get(Thing, "a") is None
    store.commit(put(Thing(name="b")))
    store.close()


def test_small_blobs_are_collected_only_when_no_record_needs_them(tmp_path: Path) -> None:
    store = make(tmp_path / "db")
    writes = put(Thing(name="a"))
    writes.blobs = {"kept": b"1", "orphan": b"2"}
    writes.references[("test", "thing", "a")] = ("kept",)
    store.commit(writes)
    store.commit(WriteSet(collect=float("inf")))
    with store.reader() as view:
        assert view.small_blob("kept") == b"1"
        assert view.small_blob("orphan") is None
    assert store.referenced("kept")
    store.close()


def test_a_damaged_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_bytes(b"this is not a database, it is a letter" * 100)
    before = path.read_bytes()
    with pytest.raises(FolderDamaged, match="Nothing was changed"):
        make(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("form", "error", "words"),
    [("99", FolderTooNew, "newer Stepwell"), ("1", FolderTooOld, "earlier Stepwell")],
)
def test_a_database_of_a_release_too_far_away_is_refused(
    tmp_path: Path, form: str, error: type[StoreError], words: str
) -> None:
    path = tmp_path / "db"
    make(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = ? WHERE name = 'format'", (form,))
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(error, match=words):
        make(path)
    assert path.read_bytes() == before


def test_a_folder_serves_one_server_at_a_time(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.announce({"url": "http://127.0.0.1:1"})
    with pytest.raises(FolderInUse, match=r"http://127\.0\.0\.1:1"):
        Folder(tmp_path)
    folder.database.write_bytes(b"kept")
    folder.close()
    Folder(tmp_path).close()


@pytest.mark.parametrize("emptied", [False, True])
@pytest.mark.parametrize("evidence", ["blobs", "served"])
def test_a_folder_that_lost_its_database_is_refused_not_emptied(
    tmp_path: Path, evidence: str, emptied: bool
) -> None:
    folder = Folder(tmp_path)
    if evidence == "blobs":
        (tmp_path / "blobs" / "ab").mkdir()
    else:
        folder.announce({"url": "http://127.0.0.1:1"})
    folder.close()
    if emptied:
        folder.database.touch()
    with pytest.raises(FolderDamaged, match=r"stepwell\.db is missing or empty"):
        Folder(tmp_path)


def test_somebody_elses_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "stepwell.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(FolderDamaged, match="no such table: meta"):
        make(path)
    assert path.read_bytes() == before


def test_the_root_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = read_or_create(tmp_path, account="0" * 12, region="us-east-1")
    assert read_key(tmp_path) == key
    assert (tmp_path / "credentials.json").stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="belongs to account"):
        read_or_create(tmp_path, account="1" * 12, region="us-east-1")
