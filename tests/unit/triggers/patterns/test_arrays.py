"""Arrays, against event-ruler's own account of them: fields are flattened, each with the elements it lies in.

A pattern fits where every field of it can be given a value such that no two of the values lie in different
elements of the same array. Here all choices are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.triggers.patterns import compile_pattern

#: where a value lies: the place of an array in the event → the index of the element
Membership = dict[tuple[Any, ...], int]


def flattened(
    value: Any, path: tuple[str, ...] = (), place: tuple[Any, ...] = (), within: Membership | None = None
) -> Iterator[tuple[tuple[str, ...], Any, Membership]]:
    """Every leaf: its path of names, its value, the elements that it lies in."""
    within = within or {}
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flattened(inner, (*path, name), (*place, name), within)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from flattened(inner, path, (*place, index), {**within, place: index})
    else:
        yield path, value, within


def fields(
    pattern: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    for name, wanted in pattern.items():
        if isinstance(wanted, dict):
            yield from fields(wanted, (*path, name))
        else:
            yield (*path, name), wanted


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    leaves = list(flattened(event))
    choices: list[list[Membership]] = []
    for path, wanted in fields(pattern):
        found = [(value, within) for at, value, within in leaves if at == path]
        if not found and {"exists": False} in wanted:
            continue
        choices.append([within for value, within in found if value in wanted or {"exists": True} in wanted])
    return any(consistent(choice) for choice in product(*choices))


def consistent(choice: tuple[Membership, ...]) -> bool:
    seen: Membership = {}
    for within in choice:
        for place, index in within.items():
            if seen.setdefault(place, index) != index:
                return False
    return True


names = st.sampled_from(["a", "b"])
scalars = st.sampled_from(["x", "y"])
leaf = st.lists(
    st.one_of(scalars, st.sampled_from([{"exists": True}, {"exists": False}])), min_size=1, max_size=2
)
patterns = st.recursive(
    st.dictionaries(names, leaf, min_size=1),
    lambda inner: st.dictionaries(names, st.one_of(leaf, inner), min_size=1),
    max_leaves=4,
)
objects = st.recursive(
    st.dictionaries(names, scalars, max_size=2),
    lambda inner: st.dictionaries(
        names,
        st.one_of(
            scalars, inner, st.lists(st.one_of(scalars, inner, st.lists(inner, max_size=2)), max_size=3)
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(patterns, objects)
def test_fields_fit_in_the_same_elements(pattern: dict[str, Any], event: dict[str, Any]):
    assert compile_pattern(pattern).matches(event) == matches(pattern, event)
