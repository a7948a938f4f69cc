"""A stream's file keeps every whole line, in any order of time, across restarts and torn tails."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from stepwell.services.logs import segment as module
from stepwell.services.logs.segment import Segment


def messages(segment: Segment, start: int = 0, end: int = 1 << 62, newest_first: bool = False) -> list[str]:
    return [event.message for event in segment.events(start, end, newest_first=newest_first)]


def test_events_come_in_the_order_of_time_however_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 200)
    source = random.Random(3)
    times = [source.randrange(1000) for _ in range(300)]
    segment = Segment(tmp_path / "s.log")
    for place in range(0, 300, 7):
        segment.append([(time, f"at {time}") for time in times[place : place + 7]], 5, sync=False)
    expected = [f"at {time}" for time in sorted(times)]
    assert messages(segment) == expected
    assert messages(segment, newest_first=True) == expected[::-1]
    assert messages(segment, 300, 600) == [f"at {time}" for time in sorted(times) if 300 <= time < 600]
    assert messages(Segment(tmp_path / "s.log"), 300, 600) == messages(segment, 300, 600)


def test_equal_times_keep_the_order_of_writing(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "s.log")
    segment.append([(5, "b"), (5, "a")], 9, sync=True)
    segment.append([(5, "c")], 9, sync=True)
    assert messages(segment) == ["b", "a", "c"]
    assert messages(segment, newest_first=True) == ["c", "a", "b"]


def test_a_torn_tail_is_cut_off_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "s.log"
    Segment(path).append([(1, "one"), (2, "two")], 9, sync=True)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        segment = Segment(path)
        kept = ["one", "two"][: whole[:cut].count(b"\n")]
        assert messages(segment) == kept
        segment.append([(3, "three")], 9, sync=True)
        assert messages(Segment(path)) == [*kept, "three"]


def test_an_unreadable_line_costs_nothing_but_itself(tmp_path: Path) -> None:
    path = tmp_path / "s.log"
    Segment(path).append([(1, "one"), (2, "two"), (3, "three")], 9, sync=True)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\x00\xff\n" + lines[2])
    segment = Segment(path)
    assert messages(segment) == ["one", "three"]
    segment.append([(4, "four")], 9, sync=True)
    assert messages(Segment(path)) == ["one", "three", "four"]


def test_any_text_comes_back(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "s.log")
    texts = ["line\nbreak", "\r\x1e\u2028", "ünï", '"quoted" \\', "😀"]
    segment.append([(1, text) for text in texts] + [(1, "half \ud800")], 9, sync=True)
    assert messages(segment) == [*texts, "half ?"]


def test_the_summary_knows_first_and_last_times(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "s.log")
    assert (segment.summary().first, segment.summary().last) == (None, None)
    segment.append([(7, "x"), (3, "y")], 11, sync=False)
    for summary in (segment.summary(), Segment(tmp_path / "s.log").summary()):
        assert (summary.first, summary.last, summary.ingested) == (3, 7, 11)


def test_reading_makes_no_file_and_a_removed_one_takes_no_lines(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "g" / "s.log")
    assert messages(segment) == [] and list(tmp_path.iterdir()) == []
    segment.append([(1, "x")], 9, sync=False)
    segment.remove()
    with pytest.raises(FileNotFoundError):
        segment.append([(2, "y")], 9, sync=False)
    assert messages(segment) == [] and list((tmp_path / "g").iterdir()) == []
