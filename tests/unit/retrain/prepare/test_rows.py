"""What batches are like and may be: other orders of columns, other line ends, packed files, empty ones."""

from __future__ import annotations

import gzip

import pytest
from retrain.prepare.conftest import HEADER, ROW, Batch

from stepwell.retrain.prepare import files, rows

WELL = ["41", "north", "2026-01-05", "well", "true"]
#: what stands in a.csv → its rows as they are written, and the remarks
FORMS: dict[str, tuple[str | bytes, list[list[str]], list[str]]] = {
    "as declared": (HEADER + ROW, [WELL], []),
    "a byte order mark": ("\ufeff" + HEADER + ROW, [WELL], []),
    "returns and line feeds": ((HEADER + ROW).replace("\n", "\r\n"), [WELL], []),
    "no last line end": ((HEADER + ROW).rstrip(), [WELL], []),
    "blank lines": (HEADER + "\n" + ROW + "\r\n", [WELL], []),
    "packed": (gzip.compress((HEADER + ROW).encode()), [WELL], []),
    "packed in two parts": (gzip.compress(HEADER.encode()) + gzip.compress(ROW.encode()), [WELL], []),
    "quotes": (
        '"age","hospital","since","note","alive"\n"41","north",,"a, ""b""",true\n',
        [["41", "north", "", 'a, "b"', "true"]],
        [],
    ),
    "a line end within a cell": (
        HEADER + '41,north,,"two\r\nlines",1\n',
        [["41", "north", "", "two\nlines", "1"]],
        [],
    ),
    "spaces around": (
        HEADER + "\t41 , north , 2026-01-05T10:00:00Z , a , false \n".replace(" north ", "north"),
        [["41", "north", "2026-01-05T10:00:00Z", " a ", "false"]],
        [],
    ),
    "another order": (
        "alive,note,since,hospital,age\ntrue,well,2026-01-05,north,41\n",
        [WELL],
        ["a.csv has its columns in another order"],
    ),
    "spaces in the header": ("age, hospital, since, note, alive\n" + ROW, [WELL], []),
    "a header only": (HEADER, [], []),
    "nothing": ("", [], ["a.csv is empty"]),
    "a mark only": ("\ufeff", [], ["a.csv is empty"]),
    "line ends only": ("\n\n", [], ["a.csv is empty"]),
    "numbers of all forms": (
        HEADER + "".join(f"{cell},north,,,1\n" for cell in ("+1", "1.", ".5", "1e1", "1E+1", "007", "-0")),
        [[cell, "north", "", "", "1"] for cell in ("+1", "1.", ".5", "1e1", "1E+1", "007", "-0")],
        [],
    ),
}


@pytest.mark.parametrize("case", FORMS)
def test_rows_are_read(batch: Batch, case: str) -> None:
    content, expected, remarks = FORMS[case]
    batch.raw("a.csv", content)
    assert batch.prepare()[: len(remarks)] == remarks
    assert sorted(batch.all_rows()) == sorted(expected)
    assert batch.rows("train")[0] == batch.rows("held-out")[0] == HEADER.strip().split(",")


def test_json_lines_are_read(batch: Batch) -> None:
    """Numbers keep their digits; a member that is null, empty or not there is missing."""
    batch.declare(format="jsonl")
    batch.raw(
        "a.jsonl",
        '{"age": 1.50, "hospital": "north", "since": null, "note": "", "alive": false}\r\n\n'
        '\t{"alive": 1, "hospital": "south", "age": 12345678901234567890e-18}',
    )
    batch.prepare()
    assert sorted(batch.all_rows()) == [
        ["1.50", "north", "", "", "false"],
        ["12345678901234567890e-18", "south", "", "", "1"],
    ]
    profile = batch.described()[1]
    assert [profile.columns[name].missing for name in ("age", "since", "note")] == [0, 2, 2]


def test_without_a_header_columns_are_those_declared(batch: Batch) -> None:
    batch.declare(header=False)
    batch.raw("a.csv", ROW)
    batch.prepare()
    assert batch.all_rows() == [WELL]


def test_files_are_read_in_the_order_of_keys(batch: Batch) -> None:
    """By bytes, as S3 lists them: capitals first, a folder's slash after a full stop."""
    names = ["B.csv", "a.csv", "a/b.csv", "a0.csv", "é.csv"]
    batch.declare(held_out={"by": "last", "share": 0.2})
    for age, name in enumerate(names):
        batch.raw(name, f"{HEADER}{age},north,,,1\n")
    batch.prepare()
    assert [row[0] for row in batch.rows("train")[1:] + batch.rows("held-out")[1:]] == [
        "0",
        "1",
        "2",
        "3",
        "4",
    ]
    assert list(batch.described()[0].sources) == names


@pytest.mark.parametrize("piece", [7, 64, 1 << 20])
@pytest.mark.parametrize("together", [1, 2, 4096])
def test_where_pieces_end_makes_no_difference(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, piece: int, together: int
) -> None:
    """Also within a character, a cell of two lines, or after a byte order mark."""
    monkeypatch.setattr(files, "PIECE", piece)
    monkeypatch.setattr(rows, "TOGETHER", together)
    batch.raw("a.csv", "\ufeff" + HEADER + '41,north,,"жжжж\nжж",true\n' * 9 + ROW * 9)
    batch.prepare()
    assert sorted(batch.all_rows()) == sorted([WELL] * 9 + [["41", "north", "", "жжжж\nжж", "true"]] * 9)
    batch.raw("b.csv", HEADER + '41,north,,"жжжж\nжж",true\n' * 9 + "x,north,,,true\n")
    assert batch.refused().startswith('BATCH_INVALID: b.csv, line 20, column "age"')


def test_a_line_without_an_end_does_not_fill_the_memory(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIECE", 100)
    monkeypatch.setattr(files, "LONGEST_LINE", 1000)
    batch.raw("a.csv", HEADER + "x" * 1200)
    assert batch.refused() == (
        "BATCH_INVALID: a.csv, line 2: the line is longer than 1,000 bytes; the file is not read on"
    )


def test_one_class_is_no_fault(batch: Batch) -> None:
    """Whether labels are plausible is the gate's question."""
    batch.raw("a.csv", HEADER + "".join(f"{age},north,,,true\n" for age in range(50)))
    assert batch.prepare() == []
    assert batch.described()[1].columns["alive"].counts == {"true": 50}
