"""What is acknowledged is synced before; workers' output is, soon after."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell.clock import ManualClock
from stepwell.services.logs import Segments
from stepwell.services.logs import segments as module
from stepwell.services.logs.segments import file_name


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The name and size of every file when it was synced."""
    found: list[tuple[str, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_file():
            found.append((path.name, path.stat().st_size))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


@pytest.fixture
def segments(tmp_path: Path) -> Iterator[Segments]:
    made = Segments(tmp_path, clock=ManualClock(), submit=lambda decision: None, permits=lambda *_: True)
    yield made
    made.close()


def test_events_that_are_put_are_on_disk_when_put_returns(
    segments: Segments, synced: list[tuple[str, int]]
) -> None:
    segments.put("g", "s", [(1, "x")])
    assert synced == [("s.log", (segments.root / "g" / "s.log").stat().st_size)]


def test_workers_output_is_in_the_file_at_once_and_synced_when_closed(
    segments: Segments, synced: list[tuple[str, int]]
) -> None:
    segments.write("g", "s", [(1.0, "x")])
    size = (segments.root / "g" / "s.log").stat().st_size
    assert size > 0
    segments.close()
    assert ("s.log", size) in synced


def test_workers_output_is_synced_by_itself(
    segments: Segments, synced: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SYNC_INTERVAL", 0.001)
    done = threading.Event()
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (real(descriptor), done.set()))
    segments.put("g", "s", [(1, "x")])
    done.clear()
    segments.write("g", "s", [(1.0, "x")])
    assert done.wait(10)


def test_a_full_disk_costs_lines_not_the_work(
    segments: Segments, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    segments.write("g", "s", [(1.0, "one")])
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        segments.write("g", "s", [(2.0, "two")])
        with pytest.raises(OSError, match="No space"):
            segments.put("g", "s", [(3, "three")])
    segments.write("g", "s", [(4.0, "four")])
    found = segments.segment("g", "s").events(0, 1 << 62)
    assert [event.message for event in found] == ["one", "four"]
    assert "lost 1 lines of s in g" in caplog.text


@pytest.mark.parametrize("name", [".", "..", "/aws/lambda/f", "2023/11/14/[$LATEST]0", "x" * 512, "ü" * 100])
def test_any_name_is_a_files_name(name: str) -> None:
    text = file_name(name)
    assert "/" not in text and text not in (".", "..") and len(f"{text}.log".encode()) < 256
    assert text != file_name(name + "x")
