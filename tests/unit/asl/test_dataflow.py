"""ResultPath against a slow, obvious model: copy everything, then write."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell import asl
from stepwell.asl.dataflow import placement
from stepwell.asl.jsonpath import bracketed

ENV = asl.Environment(context={})

values = st.recursive(
    st.none() | st.integers(0, 3) | st.text(max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
steps = st.lists(st.sampled_from("abc") | st.integers(0, 2), min_size=1, max_size=4)


class Conflict(Exception):
    """Something else stands on the way."""


def model(raw: Any, path: list[str | int], result: Any) -> Any:
    root = copy.deepcopy(raw)
    current = root
    for position, step in enumerate(path):
        if isinstance(step, str):
            if not isinstance(current, dict):
                raise Conflict
            if position < len(path) - 1:
                current.setdefault(step, {})
        elif not isinstance(current, list) or step >= len(current):
            raise Conflict
        if position == len(path) - 1:
            current[step] = result
        else:
            current = current[step]
    return root


@settings(deadline=None)
@given(values, steps, values)
def test_result_path_does_what_the_model_does(raw: Any, path: list[str | int], result: Any) -> None:
    """And it changes nothing that was there before."""
    place = placement(bracketed(path))
    before = copy.deepcopy((raw, result))
    try:
        expected = model(raw, path, result)
    except Conflict:
        with pytest.raises(asl.StateError, match=r"^States\.ResultPathMatchFailure"):
            place(raw, result, ENV)
    else:
        assert place(raw, result, ENV) == expected
    assert (raw, result) == before


def test_what_is_not_on_the_way_is_shared() -> None:
    raw = {"a": {"b": 1, "c": [1]}, "d": [2]}
    output = placement("$.a.b")(raw, {"r": 1}, ENV)
    assert output["d"] is raw["d"]
    assert output["a"]["c"] is raw["a"]["c"]
    assert raw["a"]["b"] == 1
