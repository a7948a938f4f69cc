"""Payload templates against a slow, obvious model of what they mean."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell import asl
from stepwell.asl.template import compile_template, faults

NAMES = ("a", "b", "c")
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["x", "$.a", ""])
inputs = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=10,
)
#: a template is drawn as a tree in which `("path", names)` stands for an expression
paths = st.lists(st.sampled_from(NAMES), max_size=3).map(lambda names: ("path", tuple(names)))
trees = st.recursive(
    scalars | paths,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("klm"), inner, max_size=3),
    max_leaves=10,
)


class Missing(Exception):
    """The model found nothing."""


def written(tree: Any) -> Any:
    """The template's JSON. An expression outside an object can't be written: it becomes a constant."""
    if isinstance(tree, dict):
        return dict(member(key, inner) for key, inner in tree.items())
    if isinstance(tree, list):
        return [written(inner) for inner in tree]
    return "constant" if isinstance(tree, tuple) else tree


def member(key: str, tree: Any) -> tuple[str, Any]:
    if isinstance(tree, tuple):
        return f"{key}.$", "$" + "".join(f".{name}" for name in tree[1])
    return key, written(tree)


def meaning(tree: Any, value: Any, in_object: bool = False) -> Any:
    if isinstance(tree, tuple):
        if not in_object:
            return "constant"
        for name in tree[1]:
            if not isinstance(value, dict) or name not in value:
                raise Missing
            value = value[name]
        return value
    if isinstance(tree, dict):
        return {key: meaning(inner, value, True) for key, inner in tree.items()}
    if isinstance(tree, list):
        return [meaning(inner, value) for inner in tree]
    return tree


@settings(deadline=None)
@given(trees, inputs)
def test_templates_mean_what_the_model_says(tree: Any, value: Any) -> None:
    """The same value, or States.Runtime where the model finds nothing; nothing given is changed."""
    template = written(tree)
    before = copy.deepcopy((template, value))
    evaluate = compile_template(template)
    env = asl.Environment(context={})
    try:
        expected = meaning(tree, value)
    except Missing:
        with pytest.raises(asl.StateError, match=r"States\.Runtime: The JSONPath"):
            evaluate(value, env)
    else:
        assert repr(evaluate(value, env)) == repr(expected)
    assert (template, value) == before


def test_constants_are_shared_not_copied() -> None:
    constant = {"big": [1, 2, 3]}
    evaluate = compile_template({"k": constant, "v.$": "$"})
    value = {"x": 1}
    result = evaluate(value, asl.Environment(context={}))
    assert result["k"] is constant
    assert result["v"] is value


def test_all_faults_are_found() -> None:
    template = {"a.$": "x", "b": [{"c.$": 1}, {"d.$": "$.["}], "e": 1, "e.$": "$.e"}
    assert [path for path, _ in faults(template)] == [(), ("b", 0), ("b", 1), ()]
