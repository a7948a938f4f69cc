"""JSON as Step Functions reads and prints it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.asl import json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(values)
def test_what_is_printed_reads_back_the_same(value: Any) -> None:
    """Types included: 1 stays 1, 1.0 stays 1.0."""
    assert repr(json.loads(json.dumps(value))) == repr(value)


def test_text_is_compact_in_key_order_and_not_escaped() -> None:
    assert json.dumps({"b": [1, 2.5], "a": "ü😀"}) == '{"b":[1,2.5],"a":"ü😀"}'


def test_big_integers_keep_their_digits() -> None:
    assert json.dumps(json.loads("123456789012345678901234567890")) == "123456789012345678901234567890"


def test_half_a_surrogate_pair_stays_an_escape() -> None:
    """The text must be encodable as UTF-8 wherever it goes."""
    text = json.dumps(json.loads('"\\ud83dx"'))
    assert text == '"\\ud83dx"'
    assert text.encode()


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", "1e999", "", "{'a':1}", "[1,]", "1 2"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        json.loads(text)


@pytest.mark.parametrize(
    ("text", "lone"),
    [
        ('"\\ud800"', True),
        ('{"a": [{"\\udfff": 1}]}', True),
        ('"\\ud83d\\ude00"', False),
        ('{"a": ["ü", 1]}', False),
    ],
)
def test_half_a_surrogate_pair_is_found_however_deep(text: str, lone: bool) -> None:
    assert json.has_lone_surrogates(json.loads(text)) == lone


def test_nan_is_not_printed() -> None:
    with pytest.raises(ValueError):
        json.dumps(float("nan"))


@pytest.mark.parametrize("levels", [json.MAX_DEPTH + 1, 100_000])
def test_nesting_is_bounded(levels: int) -> None:
    with pytest.raises(ValueError, match="inside each other"):
        json.loads("[" * levels + "]" * levels)


def test_the_deepest_allowed_value_works() -> None:
    text = '{"a":' * json.MAX_DEPTH + "1" + "}" * json.MAX_DEPTH
    value = json.loads(text)
    assert json.depth(value) == json.MAX_DEPTH
    assert json.equal(value, json.loads(text))
    assert json.dumps(value) == text


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ([1, {"a": None}], [1.0, {"a": None}], True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ([1], [1, 2], False),
        ({"a": None}, {}, False),
        ("1", 1, False),
        (None, False, False),
    ],
)
def test_equality_is_jsons(left: Any, right: Any, same: bool) -> None:
    assert json.equal(left, right) is same
    assert json.equal(right, left) is same


def test_size_counts_bytes() -> None:
    assert json.size({"a": "ü"}) == len('{"a":"ü"}'.encode())
