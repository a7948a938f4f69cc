"""The `stepwell` program in this process, on a data folder that seems to have a server.

Requests are real up to the wire: boto3 validates and serialises them, and a test answers for the server.
"""

from __future__ import annotations

import fcntl
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stepwell import cli
from stepwell.cli import connection
from stepwell.cli.caller import Caller
from stepwell.contact import RootKey

URL = "http://127.0.0.1:45660"
KEY = RootKey(
    access_key_id="AKIATEST", secret_access_key="a+secret/key", account="000000000000", region="eu-west-3"
)

Answer = Callable[[dict[str, Any]], Mapping[str, Any]]


class Refused(Exception):
    """An AWS error's code and message."""


@dataclass
class FakeServer:
    """Answers operations from `answers`, and keeps what was asked."""

    url: str = URL
    key: RootKey = KEY
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def client(self, service: str, *, url: str, key: RootKey, caller: Caller | None = None) -> Any:
        assert (url, key, caller) == (URL, KEY, None)
        made = MAKE(service, url=url, key=key)
        made.meta.events.register("before-call", self._answer)
        return made

    def refuse(self, code: str, message: str) -> Mapping[str, Any]:
        """What an answer returns that is an error."""
        raise Refused(code, message)

    def _answer(self, model: Any, params: Mapping[str, Any], **_: Any) -> tuple[Any, Mapping[str, Any]]:
        body = params["body"]
        # STS is asked with a form, all others with JSON
        request = dict(body) if isinstance(body, Mapping) else json.loads(body)
        self.asked.append((model.name, request))
        try:
            return SimpleNamespace(status_code=200), self.answers[model.name](request)
        except Refused as error:
            code, message = error.args
            return SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": message}}


MAKE = connection.client


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder that is held as a running server holds it."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "credentials.json").write_text(
        json.dumps({name: getattr(KEY, name) for name in KEY.__dataclass_fields__})
    )
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(json.dumps({"pid": 1, "url": URL, "ready": True}))
        lock.flush()
        yield folder


@pytest.fixture
def server(data: Path, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """The server behind `data`."""
    fake = FakeServer()
    monkeypatch.setattr(connection, "client", fake.client)
    monkeypatch.setenv("STEPWELL_DATA", str(data))
    return fake


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("history", "x")`: the program with these arguments, its outputs and its exit code."""

    def program(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["stepwell", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Ended(code=int(ended.value.code or 0), out=captured.out, err=captured.err)

    return program
