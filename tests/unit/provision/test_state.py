"""What a stack remembers, and whom it lets at it."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stepwell.provision import state
from stepwell.provision.problems import StackInUse, StateDamaged, StateForeign, StateTooNew
from stepwell.provision.state import Resource

FRESH = state.new(project="p", stack="dev", account="0" * 12, region="us-east-1", server="s1")
ROLE = Resource(urn="urn:pulumi:dev::p::aws:iam/role:Role::r", type="aws:iam/role:Role", custom=True, id="r")


def _file(folder: Path) -> Path:
    return folder / "p" / "dev.json"


def test_every_change_is_on_disk_at_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0600, no temporary file left, and what another run reads is what was put."""
    with state.held(tmp_path, FRESH) as held:
        held.put(ROLE)
        assert json.loads(_file(tmp_path).read_text())["resources"][0]["id"] == "r"
    assert stat.S_IMODE(_file(tmp_path).stat().st_mode) == 0o600
    assert sorted(f.name for f in _file(tmp_path).parent.iterdir()) == ["dev.json", "dev.lock"]
    with state.held(tmp_path, FRESH) as held:
        assert held.get(ROLE.urn) == ROLE


def test_what_is_no_news_is_not_written(tmp_path: Path) -> None:
    """The second `up` leaves the file alone."""
    with state.held(tmp_path, FRESH) as held:
        held.put(ROLE)
        before = _file(tmp_path).stat().st_mtime_ns, _file(tmp_path).stat().st_ino
        held.put(replace(ROLE))
        held.set_outputs({}, [])
        held.take(held.content)
        assert (_file(tmp_path).stat().st_mtime_ns, _file(tmp_path).stat().st_ino) == before


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: Any) -> None:
    """The new content is written beside and renamed, never in place."""
    with state.held(tmp_path, FRESH) as held:
        held.put(ROLE)
        before = _file(tmp_path).read_bytes()

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            held.put(replace(ROLE, id="other"))
        assert _file(tmp_path).read_bytes() == before


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """A second run is told who holds the stack, and since when; readers share."""
    with state.held(tmp_path, FRESH) as held:
        held.put(ROLE)
        holder = rf"process {os.getpid()} of \S.*, since 20\d\d-"
        with pytest.raises(StackInUse, match=holder), state.held(tmp_path, FRESH):
            pytest.fail("both hold it")
    with state.held(tmp_path, FRESH, reads=True), state.held(tmp_path, FRESH, reads=True) as held:
        assert held.get(ROLE.urn) == ROLE


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    """Not even a folder for a stack that has never been run."""
    with state.held(tmp_path / "stacks", FRESH, reads=True) as held:
        held.put(ROLE)
    assert not (tmp_path / "stacks").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"version": 1}',
        b'{"version": 1, "project": "p", "stack": "dev", "account": 1}',
        b'{"version": null}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    """It is never taken for an empty stack, and never overwritten."""
    _file(tmp_path).parent.mkdir()
    _file(tmp_path).write_bytes(content)
    with pytest.raises(StateDamaged, match=r"dev\.json"), state.held(tmp_path, FRESH):
        pytest.fail("it was accepted")
    assert _file(tmp_path).read_bytes() == content


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """With what to do."""
    _file(tmp_path).parent.mkdir()
    _file(tmp_path).write_text(json.dumps({"version": state.VERSION + 1, "else": "new"}))
    with pytest.raises(StateTooNew, match="Upgrade Stepwell"), state.held(tmp_path, FRESH):
        pytest.fail("it was accepted")


@pytest.mark.parametrize(
    ("what", "other"), [("account", "1" * 12), ("region", "eu-west-1"), ("server", "s2")]
)
def test_another_servers_state_is_refused(tmp_path: Path, what: str, other: str) -> None:
    """Both sides are named."""
    with state.held(tmp_path, FRESH) as held:
        held.put(ROLE)
    theirs = replace(FRESH, **{what: other})
    with (
        pytest.raises(StateForeign, match=f"{what} {getattr(FRESH, what)}.*{what} {other}"),
        state.held(tmp_path, theirs),
    ):
        pytest.fail("it was accepted")


def test_a_server_without_an_id_is_not_compared(tmp_path: Path) -> None:
    """Only what both sides know is."""
    with state.held(tmp_path, FRESH) as held:
        held.put(ROLE)
    with state.held(tmp_path, replace(FRESH, server="")) as held:
        assert held.get(ROLE.urn) == ROLE


def test_a_replaced_resource_stays_known_until_it_is_deleted(tmp_path: Path) -> None:
    """Old and new share a URN; the old one is found among the condemned after a restart."""
    successor = replace(ROLE, id="r2")
    with state.held(tmp_path, FRESH) as held:
        held.put(ROLE)
        held.condemn(ROLE.urn, successor)
    with state.held(tmp_path, FRESH) as held:
        assert held.get(ROLE.urn) == successor
        (condemned,) = held.condemned()
        assert (condemned.id, condemned.status) == ("r", "condemned")
        held.forget(condemned)
        assert (held.condemned(), held.resources()) == ([], [successor])


def test_a_new_name_is_taken_over_in_every_mention(tmp_path: Path) -> None:
    """Dependencies and parents follow."""
    hanging = Resource(
        urn="urn:2",
        type="t",
        custom=True,
        parent=ROLE.urn,
        dependencies=[ROLE.urn],
        property_dependencies={"role": [ROLE.urn]},
    )
    with state.held(tmp_path, FRESH) as held:
        held.put(ROLE)
        held.put(hanging)
        held.rename(ROLE.urn, replace(ROLE, urn="urn:new"))
        moved = held.get("urn:2")
    assert moved is not None
    assert (moved.parent, moved.dependencies) == ("urn:new", ["urn:new"])
    assert moved.property_dependencies == {"role": ["urn:new"]}
