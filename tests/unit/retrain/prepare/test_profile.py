"""A profile says what brute force over all rows says, exactly or within the error that it states."""

from __future__ import annotations

import bisect
import json
import math
import random
import statistics
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from retrain.prepare.conftest import HEADER, ROW, Batch

from stepwell.retrain.prepare.profile import MOST_COUNTS, Profile, ProfileInvalid
from stepwell.retrain.prepare.quantiles import Sketch
from stepwell.retrain.prepare.tallies import Categories, Numbers, Texts, Times

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 3))
PIECES = st.lists(st.lists(NUMBERS, max_size=30), max_size=8)


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_numbers_in_pieces_are_as_numbers_at_once(pieces: list[list[float]]) -> None:
    tally = Numbers(width=16384)
    for piece in pieces:
        tally.add(piece)
    values = sorted(value for piece in pieces for value in piece)
    found = tally.profile(missing=2)
    assert found.missing == 2
    if not values:
        assert (found.least, found.mean, found.quantiles) == (None, None, ())
        return
    assert (found.least, found.most, found.zeros) == (values[0], values[-1], values.count(0.0))
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    assert found.deviation == pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-4)
    places = [max(1, math.ceil(part * len(values) / 20)) - 1 for part in range(21)]
    assert list(found.quantiles) == [values[place] for place in places]
    assert found.quantile_error == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(-50, 50).map(float), max_size=40), max_size=12), st.integers(2, 16))
def test_a_sketchs_ranks_are_within_the_error_that_it_states(pieces: list[list[float]], width: int) -> None:
    sketch = Sketch(width)
    for piece in pieces:
        sketch.add(piece)
    values = sorted(value for piece in pieces for value in piece)
    found = sketch.quantiles(20)
    assert sketch.count == len(values)
    assert len(found) == (21 if values else 0)
    for part, value in enumerate(found):
        wanted = max(1, math.ceil(part * len(values) / 20))
        least, most = bisect.bisect_left(values, value) + 1, bisect.bisect_right(values, value)
        assert least - sketch.slack <= wanted <= most + sketch.slack


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled", "alternating"])
def test_the_error_of_a_million_numbers_is_small_in_any_order(order: str) -> None:
    """Below 0.1 % of the ranks; and as odd and even take turns, steps' errors make up for each other."""
    count, sketch = 1_000_000, Sketch()
    values = [float(value) for value in range(count)]
    if order == "descending":
        values.reverse()
    elif order == "shuffled":
        random.Random(4).shuffle(values)
    elif order == "alternating":
        values = [value for pair in zip(values, reversed(values), strict=True) for value in pair][:count]
    for at in range(0, count, 4096):
        sketch.add(values[at : at + 4096])
    ranks = sorted(values)
    assert sketch.slack / count < 0.001
    for part, value in enumerate(sketch.quantiles(20)):
        place = bisect.bisect_left(ranks, value)
        assert abs(place - part * count / 20) <= sketch.slack / 2


def test_numbers_near_the_largest_have_a_mean_and_no_deviation() -> None:
    """The document stays JSON: what a float can't hold is null."""
    tally = Numbers(width=1024)
    tally.add([1.7e308, -1.7e308])
    tally.add([1.7e308])
    found = tally.profile(0)
    assert found.mean == pytest.approx(1.7e308 / 3)
    assert found.deviation is None
    json.dumps(found.to_json(), allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=30), max_size=10), st.integers(1, 4))
def test_counts_are_exact_or_too_low_by_no_more_than_is_stated(
    pieces: list[list[str]], distinct: int
) -> None:
    tally, exact = Categories(distinct), Categories()
    for piece in pieces:
        tally.add(piece)
        exact.add(piece)
    true = Counter(value for piece in pieces for value in piece)
    assert exact.profile(0).counts == dict(true)
    assert (exact.profile(0).others, exact.profile(0).count_error) == (0, 0)
    found = tally.profile(0)
    for value, count in true.items():
        assert count - found.count_error <= found.counts.get(value, 0) <= count
    assert sum(found.counts.values()) + found.others == sum(true.values())


def test_the_most_frequent_categories_are_named_and_the_rest_counted() -> None:
    tally = Categories()
    tally.add([f"{at:03}" for at in range(300)] + ["299"])
    found = tally.profile(0)
    assert len(found.counts) == MOST_COUNTS
    assert list(found.counts)[:2] == ["299", "000"]
    assert found.others == 100


def test_texts_and_times_have_bounds() -> None:
    texts, times = Texts(), Times()
    for piece in (["abc", "a"], [], ["abcd"]):
        texts.add(piece)
    for seconds in ([86400.5], [], [0.0, 1.0]):
        times.add(seconds)
    assert texts.profile(1).to_json() == {"type": "text", "missing": 1, "shortest": 1, "longest": 4}
    assert times.profile(0).to_json() == {
        "type": "time",
        "missing": 0,
        "first": "1970-01-01T00:00:00Z",
        "last": "1970-01-02T00:00:00.500000Z",
    }
    assert Texts().profile(3).to_json() == {"type": "text", "missing": 3, "shortest": None, "longest": None}
    assert Times().profile(3).to_json() == {"type": "time", "missing": 3, "first": None, "last": None}


def test_the_document_has_the_form_that_others_read(batch: Batch) -> None:
    batch.raw("a.csv", HEADER + ROW + "0,south,,,FALSE\n0,south,,,0\n")
    batch.prepare()
    value = json.loads((batch.base / "batch" / "profile.json").read_text())
    age = value["columns"].pop("age")
    assert (age["type"], age["missing"], age["min"], age["max"], age["zeros"]) == ("number", 0, 0.0, 41.0, 2)
    assert age["quantiles"] == [0.0] * 14 + [41.0] * 7
    assert age["mean"] == pytest.approx(41 / 3)
    assert age["deviation"] == pytest.approx(statistics.pstdev([41, 0, 0]))
    assert value == {
        "schema": "stepwell.profile/1",
        "rows": 3,
        "columns": {
            "hospital": {
                "type": "category",
                "missing": 0,
                "counts": {"south": 2, "north": 1},
                "others": 0,
                "count_error": 0,
            },
            "since": {
                "type": "time",
                "missing": 2,
                "first": "2026-01-05T00:00:00Z",
                "last": "2026-01-05T00:00:00Z",
            },
            "note": {"type": "text", "missing": 2, "shortest": 4, "longest": 4},
            "alive": {
                "type": "category",
                "missing": 0,
                "counts": {"0": 1, "FALSE": 1, "true": 1},
                "others": 0,
                "count_error": 0,
            },
        },
    }
    read = batch.described()[1]
    assert Profile.parse(json.dumps(read.to_json())) == read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "no stepwell.profile/1"),
        ('{"schema": "stepwell.profile/2"}', "no stepwell.profile/1"),
        ('{"schema": "stepwell.profile/1", "columns": {}}', "lacks"),
        (
            '{"schema": "stepwell.profile/1", "rows": 1, "columns": {"a": {"type": "integer"}}}',
            "one of number",
        ),
    ],
)
def test_what_is_no_profile_is_told(text: str, message: str) -> None:
    with pytest.raises(ProfileInvalid, match=message):
        Profile.parse(text)
