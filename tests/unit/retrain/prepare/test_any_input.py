"""Whatever arrives, the job ends with a batch or a message; and what it passes is what was there."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from retrain.prepare.conftest import HEADER, ROW, Batch

from stepwell.retrain.prepare import BatchInvalid, Column
from stepwell.retrain.prepare.cells import KINDS, examine
from stepwell.retrain.prepare.job import run

#: pieces that files are made of, right and wrong
SCRAPS = st.sampled_from(
    [
        HEADER,
        ROW,
        "\n",
        "\r\n",
        "\r",
        '"',
        ",",
        "\0",
        "41",
        "1e999",
        "\ufeff",
        "é",
        "\u2028",
        "\x1f",
        '""',
        " ",
    ]
).map(str.encode) | st.binary(max_size=6)
FILES = st.lists(SCRAPS, max_size=12).map(b"".join)
LINES = st.sampled_from(
    [
        '{"age": 41, "hospital": "north", "alive": true}\n',
        '{"age":',
        "}",
        "[",
        '"\\ud800"',
        "\n",
        "null",
        "NaN",
        "{}",
    ]
).map(str.encode) | st.binary(max_size=6)


def outcome(content: bytes, name: str, **declared: Any) -> str:
    """The message of a refused batch; empty: it was prepared."""
    with tempfile.TemporaryDirectory() as folder:
        batch = Batch(Path(folder) / "processing")
        batch.declare(**declared)
        batch.raw(name, content)
        try:
            prepared, _ = run(batch.base)
        except BatchInvalid as error:
            return error.message()
        assert len(batch.all_rows()) == prepared.rows
        return ""


@settings(max_examples=150, deadline=None)
@given(FILES, st.booleans())
def test_any_bytes_are_a_batch_or_a_message(content: bytes, packed: bool) -> None:
    message = outcome(HEADER.encode() + content, "a.csv")
    assert len(message.encode()) <= 1024 and "\n" not in message and "\0" not in message
    if packed:
        assert outcome(gzip.compress(HEADER.encode() + content), "a.csv") == message


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, max_size=8).map(b"".join))
def test_any_bytes_are_json_lines_or_a_message(content: bytes) -> None:
    message = outcome(content, "a.jsonl", format="jsonl")
    assert len(message.encode()) <= 1024 and "\n" not in message


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(0, 255))
def test_an_archive_with_a_wrong_byte_is_a_batch_or_a_message(place: int, value: int) -> None:
    content = bytearray(gzip.compress((HEADER + ROW * 50).encode()))
    content[place % len(content)] = value
    assert len(outcome(bytes(content), "a.csv.gz").encode()) <= 1024


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, max_size=10), st.booleans())
@example(["a\u2028b", "\x0b", "\x85", "two\nlines", ' "', ",", "\r\n", "\x1f"], True)
def test_texts_come_out_as_they_went_in(notes: list[str], as_json: bool) -> None:
    """But for line ends, which are line feeds."""
    with tempfile.TemporaryDirectory() as folder:
        batch = Batch(Path(folder) / "processing")
        batch.declare(format="jsonl" if as_json else "csv", held_out={"by": "last"})
        if as_json:
            rows = [{"age": 1, "hospital": "north", "note": note, "alive": True} for note in notes]
            batch.raw("a.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        else:
            text = io.StringIO(newline="")
            csv.writer(text, quoting=csv.QUOTE_ALL).writerows(
                [1, "north", "", note, "true"] for note in notes
            )
            batch.raw("a.csv", HEADER + text.getvalue())
        run(batch.base)
        expected = [note.replace("\r\n", "\n").replace("\r", "\n") for note in notes]
        assert [row[3] for row in batch.all_rows()] == expected


#: columns of every type, with and without all that may be declared of them
DECLARED = [
    Column("x", "number"),
    Column("x", "number", low=-1, high=40),
    Column("x", "integer", low=0),
    Column("x", "category"),
    Column("x", "category", values=("1", "a")),
    Column("x", "text", pattern="[0-9a]+"),
    Column("x", "text"),
    Column("x", "time", low=0.0),
    Column("x", "boolean"),
]
CELLS = st.text("0123456789+-.eE_ \taTrue:Z\u0663\u00a0", max_size=6) | st.sampled_from(
    [
        "1e400",
        "-1e400",
        "2026-01-01",
        "2026-01-01T00:00Z",
        "1969-12-31",
        "true",
        "FALSE",
        "nan",
        "inf",
        "40.0",
    ]
)


@pytest.mark.parametrize("column", DECLARED, ids=lambda column: f"{column.type} {column.low} {column.values}")
@settings(max_examples=60, deadline=None)
@given(cells=st.lists(CELLS, max_size=8))
def test_cells_are_as_right_together_as_one_by_one(column: Column, cells: list[str]) -> None:
    """The quick look over many cells passes those, and only those, that the close look passes."""
    found = examine(column, cells)
    trimmed = KINDS[column.type].trimmed(cells, "".join(cells))
    wrong = [
        place for place, cell in enumerate(trimmed) if not cell or KINDS[column.type].wrong(column, cell)
    ]
    assert [place for place, _ in found.faults] == wrong
    assert found.missing == trimmed.count("")
    if not wrong:
        assert len(found.values) == len(cells)
