"""Held-out rows stay held out: a copy in a later batch falls where the first one fell."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from retrain.prepare.conftest import HEADER, Batch

from stepwell.retrain.prepare.splitting import held_out

NOTES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=8)
ROWS = st.tuples(st.integers(0, 120).map(str), st.sampled_from(["north", "south"]), NOTES)


def written(rows: list[tuple[str, str, str]], label: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(
        (age, hospital, "", note, label) for age, hospital, note in rows
    )
    return HEADER + text.getvalue()


def sides(rows: list[tuple[str, str, str]], label: str, **how: object) -> dict[tuple[str, ...], str]:
    """Each row without its label → where it fell; a row is never on both sides."""
    with tempfile.TemporaryDirectory() as folder:
        batch = Batch(Path(folder) / "processing")
        batch.declare(held_out={"share": 0.5, **how})
        batch.raw("a.csv", written(rows, label))
        batch.prepare()
        found: dict[tuple[str, ...], str] = {}
        for side in ("train", "held-out"):
            for row in batch.rows(side)[1:]:
                assert row[4] == label
                assert found.setdefault(tuple(row[:4]), side) == side
        assert len(batch.all_rows()) == len(rows)
        return found


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, max_size=12), st.lists(ROWS, max_size=12))
def test_a_copy_falls_on_the_same_side_whatever_its_label_and_company(
    first: list[tuple[str, str, str]], others: list[tuple[str, str, str]]
) -> None:
    before, after = sides(first, "true"), sides(others + first[::-1], "false")
    assert before == {row: after[row] for row in before}


@settings(max_examples=20, deadline=None)
@given(st.lists(ROWS, max_size=20))
def test_rows_with_one_value_of_the_column_stay_together(rows: list[tuple[str, str, str]]) -> None:
    found = sides(rows, "true", by="column", column="age")
    for age in {row[0] for row in rows}:
        assert len({side for row, side in found.items() if row[0] == age}) == 1


@pytest.mark.parametrize("share", [0.05, 0.25, 0.8])
def test_about_the_share_is_held_out(share: float) -> None:
    """Within five standard deviations of a fair draw; it is the same every time."""
    found = sum(held_out(f"{at}\x1fx", share) for at in range(10_000))
    assert abs(found - share * 10_000) < 5 * (10_000 * share * (1 - share)) ** 0.5


def test_more_rows_held_out_are_the_same_and_others() -> None:
    texts = [str(at) for at in range(1000)]
    assert {text for text in texts if held_out(text, 0.2)} < {text for text in texts if held_out(text, 0.4)}


#: rows → rows to train on, held out; a quarter of them
LAST = {
    0: (0, 0),
    1: (1, 0),
    3: (3, 0),
    4: (3, 1),
    5: (4, 1),
    8: (6, 2),
    4096: (3072, 1024),
    10_001: (7501, 2500),
}


@pytest.mark.parametrize("rows", LAST)
@pytest.mark.parametrize("files", [1, 3])
def test_the_last_rows_are_held_out_in_their_order(batch: Batch, rows: int, files: int) -> None:
    """Over files and pieces, and over cells of several lines."""
    batch.declare(held_out={"by": "last"})
    lines = [f'1,north,,"line\n{at}",true\n' for at in range(rows)]
    for number in range(files):
        here = lines[number * rows // files : (number + 1) * rows // files]
        batch.raw(f"{number}.csv", HEADER + "".join(here))
    batch.prepare()
    found = [[row[3] for row in batch.rows(side)[1:]] for side in ("train", "held-out")]
    assert (len(found[0]), len(found[1])) == LAST[rows]
    assert found[0] + found[1] == [f"line\n{at}" for at in range(rows)]
    prepared = batch.described()[0]
    assert (prepared.train_rows, prepared.held_out_rows) == LAST[rows]


def test_no_row_on_one_side_is_remarked_on(batch: Batch) -> None:
    batch.declare(held_out={"by": "last"})
    batch.raw("a.csv", HEADER)
    assert batch.prepare() == ["there are no rows to train on"]
    batch.raw("a.csv", HEADER + "1,north,,,true\n")
    assert batch.prepare() == ["no rows are held out"]
