"""Data folders that cannot be served: one clear line, the contract's exit code, nothing changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Running

#: what a start may rewrite: who holds the folder
TRANSIENT = ("lock", "stepwell.db-wal", "stepwell.db-shm")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a server filled with small and large things; the server is stopped."""
    running = Running(tmp_path_factory.mktemp("filled") / "data")
    running.start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="small", Body=b"small")
    s3.put_object(Bucket="kept", Key="large", Body=b"l" * 100_000)
    running.stop()
    return running.data


@pytest.fixture
def used(filled: Path, tmp_path: Path) -> Running:
    """A copy of it for one test."""
    shutil.copytree(filled, tmp_path / "data")
    return Running(tmp_path / "data")


def serve(running: Running, *options: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail."""
    return subprocess.run(
        [sys.executable, "-m", "stepwell", "serve", "--data", str(running.data), *options],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def content(folder: Path) -> dict[str, str]:
    """Every file that holds data, by its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in TRANSIENT
    }


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on standard error; nothing was on standard output."""
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("stepwell: ")
    return line


def overwrite_the_head(data: Path) -> None:
    with (data / "stepwell.db").open("r+b") as file:
        file.write(b"this is no database" * 10)


def overwrite_the_middle(data: Path) -> None:
    size = (data / "stepwell.db").stat().st_size
    with (data / "stepwell.db").open("r+b") as file:
        for page in range(1, size // 4096, 2):
            file.seek(page * 4096)
            file.write(os.urandom(4096))


def cut_in_half(data: Path) -> None:
    os.truncate(data / "stepwell.db", (data / "stepwell.db").stat().st_size // 2)


def empty_the_file(data: Path) -> None:
    os.truncate(data / "stepwell.db", 0)


def remove_the_database(data: Path) -> None:
    (data / "stepwell.db").unlink()


def remove_the_key(data: Path) -> None:
    (data / "credentials.json").unlink()


def spoil_the_key(data: Path) -> None:
    (data / "credentials.json").write_text('{"access_key_id"')


def of_a_newer_release(data: Path) -> None:
    with sqlite3.connect(data / "stepwell.db") as database:
        database.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    database.close()


def another_database(data: Path) -> None:
    (data / "stepwell.db").unlink()
    with sqlite3.connect(data / "stepwell.db") as database:
        database.execute("CREATE TABLE somebody_elses (a)")
    database.close()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (overwrite_the_head, "is not a sound Stepwell database"),
        (overwrite_the_middle, "stepwell.db is "),
        (cut_in_half, "stepwell.db is "),
        (empty_the_file, "stepwell.db is missing or empty"),
        (remove_the_database, "stepwell.db is missing or empty"),
        (remove_the_key, "credentials.json is missing"),
        (spoil_the_key, "credentials.json is damaged"),
        (of_a_newer_release, "was written by a newer Stepwell: its format is 99"),
        (another_database, "is not a sound Stepwell database"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_spoilt_folder_is_refused_and_left_as_it_is(
    used: Running, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(used.data)
    before = content(used.data)
    done = serve(used)
    assert done.returncode == 1
    line = said(done)
    assert says in line
    assert str(used.data) in line
    assert content(used.data) == before


def test_a_folder_that_was_put_right_is_served_with_all_that_it_held(used: Running) -> None:
    database = (used.data / "stepwell.db").read_bytes()
    cut_in_half(used.data)
    assert serve(used).returncode == 1
    (used.data / "stepwell.db").write_bytes(database)
    used.start()
    try:
        s3 = used.client("s3")
        assert s3.get_object(Bucket="kept", Key="small")["Body"].read() == b"small"
        assert s3.get_object(Bucket="kept", Key="large")["Body"].read() == b"l" * 100_000
    finally:
        used.stop()


def test_a_lost_database_is_noticed_where_nothing_else_was_written(tmp_path: Path) -> None:
    """A folder without blobs, logs and workers still knows that it was served."""
    running = Running(tmp_path / "data")
    running.start()
    running.client("s3").create_bucket(Bucket="kept")
    running.stop()
    (running.data / "stepwell.db").unlink()
    done = serve(running)
    assert (done.returncode, "is missing or empty" in said(done)) == (1, True)
    assert not (running.data / "stepwell.db").exists()


def test_a_folder_in_use_is_refused_and_its_server_goes_on(used: Running) -> None:
    used.start()
    try:
        assert used.process is not None
        done = serve(used, "--listen", "127.0.0.1:0")
        assert done.returncode == 1
        line = said(done)
        assert f"process {used.process.pid} at {used.url}" in line
        assert "stepwell stop --data" in line
        assert used.client("s3").list_buckets()["Buckets"][0]["Name"] == "kept"
    finally:
        used.stop()


def test_a_port_in_use_is_refused_and_nothing_is_changed(used: Running, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        before = content(used.data)
        done = serve(used, "--listen", f"127.0.0.1:{port}")
        assert done.returncode == 2
        line = said(done)
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in line
        assert "--listen" in line
        assert content(used.data) == before
    used.start()
    used.stop()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--listen", "nonsense"), "--listen takes ADDRESS:PORT"),
        (("--listen", "localhost:0"), "--listen takes an IP address"),
        (("--listen", "0.0.0.0:0"), "reachable from other machines"),
        (("--listen", "127.0.0.1:99999"), "--listen takes ADDRESS:PORT"),
        (("--account", "111122223333"), "belongs to account 000000000000"),
        (("--region", "eu-west-1"), "belongs to account 000000000000 in us-east-1"),
    ],
)
def test_settings_that_do_not_fit_are_wrong_usage(used: Running, options: tuple[str, ...], says: str) -> None:
    before = content(used.data)
    done = serve(used, *options)
    assert done.returncode == 2
    assert says in said(done)
    assert content(used.data) == before


def test_a_data_folder_that_is_a_file_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    done = serve(Running(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "is a file" in done.stderr
    assert (tmp_path / "data").read_text() == "mine"


@pytest.mark.parametrize("command", ["status", "executions", "env", "logs"])
def test_commands_without_a_server_say_how_to_start_one(used: Running, command: str) -> None:
    done = used.stepwell(command)
    assert done.returncode == 1
    assert said(done) == (
        f"stepwell: no server runs on {used.data}. Start one: stepwell serve --data {used.data}"
    )


def test_up_tells_why_the_server_that_it_starts_does_not(used: Running, tmp_path: Path) -> None:
    """The background server's own words reach the shell."""
    of_a_newer_release(used.data)
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "program" / "__main__.py").write_text("")
    done = used.stepwell("up", str(tmp_path / "program"))
    assert done.returncode == 1
    assert "was written by a newer Stepwell: its format is 99" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_root_key_is_its_owners_only(used: Running) -> None:
    mode = (used.data / "credentials.json").stat().st_mode & 0o777
    assert mode == 0o600
    assert used.data.stat().st_mode & 0o077 == 0
    assert set(json.loads((used.data / "credentials.json").read_text())) >= {"access_key_id", "account"}
