"""Files of captured lines are whole, of one source and one hour, and the same object however often sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from stepwell.services.sagemaker.capture_files import CaptureFiles, Entry, Filed, Source

#: 2023-11-14T22:13:20Z
MOMENT = 1_700_000_000.0
SOURCE = Source("digits", "arn:aws:sagemaker:x", "blue", "arn:aws:iam::1:role/r", "s3://bucket/capture")
GREEN = SOURCE._replace(variant="green")


def made(root: Path) -> CaptureFiles:
    numbers = count(1)
    return CaptureFiles(root / "captures", unique=lambda: f"id-{next(numbers)}", durable=False)


def entries(*lines: str, source: Source = SOURCE, moment: float = MOMENT) -> list[Entry]:
    return [Entry(source, moment, f"{line}\n".encode()) for line in lines]


def content(filed: Filed) -> bytes:
    with filed.body.path.open("rb") as file:
        file.seek(filed.body.offset)
        return file.read(filed.body.length)


nobody: Callable[[Source], bool] = lambda source: False  # noqa: E731


def test_lines_of_one_source_and_hour_are_one_file_in_their_order(tmp_path: Path) -> None:
    files = made(tmp_path)
    assert not files.any()
    files.write(entries("a", "b"))
    sizes = files.write(entries("c", moment=MOMENT + 60))
    assert files.any()
    (filed,) = files.end(nobody)
    assert content(filed) == b"a\nb\nc\n"
    assert sizes == {SOURCE: filed.path.stat().st_size}
    assert filed.header.uri == "s3://bucket/capture/digits/blue/2023/11/14/22/13-20-000-id-1.jsonl"
    assert filed.header.source == SOURCE


def test_variants_and_hours_have_files_of_their_own(tmp_path: Path) -> None:
    files = made(tmp_path)
    files.write([*entries("a"), *entries("g", source=GREEN), *entries("late", moment=MOMENT + 3600)])
    found = {filed.header.uri.split("/capture/digits/")[1]: content(filed) for filed in files.end(nobody)}
    assert found == {
        "blue/2023/11/14/22/13-20-000-id-1.jsonl": b"a\n",
        "green/2023/11/14/22/13-20-000-id-2.jsonl": b"g\n",
        "blue/2023/11/14/23/13-20-000-id-3.jsonl": b"late\n",
    }


def test_no_line_is_added_to_a_file_that_may_be_on_its_way(tmp_path: Path) -> None:
    files = made(tmp_path)
    files.write(entries("a"))
    (first,) = files.end(nobody)
    files.write(entries("b"))
    assert [content(filed) for filed in files.end(nobody)] == [b"a\n", b"b\n"]
    assert content(first) == b"a\n"


def test_a_source_that_waits_goes_on_with_its_file(tmp_path: Path) -> None:
    files = made(tmp_path)
    files.write([*entries("a"), *entries("g", source=GREEN)])
    assert [content(filed) for filed in files.end(lambda source: source == GREEN)] == [b"a\n"]
    files.write(entries("h", source=GREEN))
    assert [content(filed) for filed in files.end(nobody)] == [b"a\n", b"g\nh\n"]


@pytest.mark.parametrize("torn", [b"", b'{"captureData', b"x" * 200_000])
def test_what_a_kill_left_half_written_is_no_part_of_the_file(tmp_path: Path, torn: bytes) -> None:
    made(tmp_path).write(entries("a", "b"))
    (path,) = (tmp_path / "captures").iterdir()
    with path.open("ab") as file:
        file.write(torn)
    (filed,) = made(tmp_path).end(nobody)
    assert content(filed) == b"a\nb\n"


@pytest.mark.parametrize("left", [b"", b'{"source"', b'{"source":1}\n', b'{"source":1}\nhalf'])
def test_a_file_without_a_whole_line_is_removed(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "captures" / "x.jsonl"
    path.parent.mkdir()
    path.write_bytes(left)
    assert made(tmp_path).end(nobody) == []
    assert not path.exists()


def test_a_file_whose_first_line_is_damaged_stays_and_stops_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = made(tmp_path)
    files.write(entries("a"))
    damaged = tmp_path / "captures" / "x.jsonl"
    damaged.write_bytes(b"not json\nline\n")
    assert [content(filed) for filed in files.end(nobody)] == [b"a\n"]
    assert damaged.exists() and "first line is damaged" in caplog.text


def test_what_a_full_disk_does_not_take_leaves_no_half_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = made(tmp_path)
    files.write(entries("a"))
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 2:
            return write(descriptor, data[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        files.write(entries("bbb"))
    monkeypatch.undo()
    files.write(entries("c"))
    assert [content(filed) for filed in files.end(nobody)] == [b"a\nc\n"]
