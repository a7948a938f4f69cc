"""Rows are read from CSV, or refused with file, line and column."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from stepwell.retrain.gate.rows import Rows, RowsInvalid, read


def folder(tmp_path: Path, **files: str | bytes) -> Path:
    for name, text in files.items():
        content = text.encode() if isinstance(text, str) else text
        (tmp_path / f"{name}.csv").write_bytes(content)
    return tmp_path


def test_rows_of_all_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    found = read(folder(tmp_path, b="0,3\n", a="1,5\n1.0,6\n\n"), label="0", header=False, task="classes")
    assert found == Rows(
        ("1",),
        (("5",), ("6",), ("3",)),
        ("1", "1", "0"),
        tuple(hashlib.sha256(line.encode()).hexdigest()[:16] for line in ("1,5", "1.0,6", "0,3")),
    )
    assert found.text() == "5\n6\n3\n"


def test_a_header_names_the_columns_and_the_label_may_stand_anywhere(tmp_path: Path) -> None:
    found = read(folder(tmp_path, a='name,cost,x\n"a, b",7.5,1\n'), label="cost", header=True, task="numbers")
    assert (found.columns, found.labels, found.column("name")) == (("name", "x"), (7.5,), ["a, b"])
    assert found.column("cost") is None


def test_texts_with_commas_quotes_and_lines_reach_the_model_as_they_are(tmp_path: Path) -> None:
    line = '1,"a, b","say ""so""","two\nlines\u2028and a half"\n'
    found = read(folder(tmp_path, a=f"label,x,y,z\n{line}"), label="label", header=True, task="classes")
    assert found.cells == (("a, b", 'say "so"', "two\nlines\u2028and a half"),)
    assert found.text() == line.removeprefix("1,")


def test_an_empty_folder_has_no_rows(tmp_path: Path) -> None:
    assert len(read(folder(tmp_path), label="0", header=False, task="classes")) == 0
    assert len(read(folder(tmp_path, a="x,y\n"), label="x", header=True, task="classes")) == 0


#: (files, more arguments, code, what the message names)
REFUSED: list[tuple[dict[str, str | bytes], dict[str, Any], str, str]] = [
    ({"a": "1,2\n1,2,3\n"}, {}, "COLUMNS_DIFFER", "a.csv, line 2 has 3 columns, not 2"),
    ({"a": "x,y\n1,2\n", "b": "x,z\n1,2\n"}, {"header": True, "label": "x"}, "COLUMNS_DIFFER", "b.csv"),
    ({"a": "x,y\n1,2\n"}, {"header": True, "label": "z"}, "COLUMNS_DIFFER", "'z'"),
    ({"a": "x,y\n1,2\n"}, {"header": True, "label": "x", "columns": ("x", "w")}, "COLUMNS_DIFFER",
     "missing: w; unknown: y"),
    ({"a": b"\xff\xfe1,2\n"}, {}, "COLUMNS_DIFFER", "UTF-8"),
    ({"a": "1,2\n,2\n"}, {}, "LABEL_INVALID", "a.csv, line 2 has no label"),
    ({"a": "1,2\nhigh,2\n"}, {"task": "numbers"}, "LABEL_INVALID", "line 2: the label 'high' is no number"),
    ({"a": "nan,2\n"}, {"task": "numbers"}, "LABEL_INVALID", "line 1"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "more", "code", "message"), REFUSED, ids=str)
def test_what_is_wrong_is_named(
    tmp_path: Path, files: dict[str, str | bytes], more: dict[str, Any], code: str, message: str
) -> None:
    asked = {"label": "0", "header": False, "task": "classes", **more}
    with pytest.raises(RowsInvalid, match=message) as caught:
        read(folder(tmp_path, **files), **asked)
    assert caught.value.code == code
