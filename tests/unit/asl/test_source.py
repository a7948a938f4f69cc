"""Where each part of a definition stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.asl.source import Path, Source, SourceError, pointer

TEXT = """{
  "a": [1, {"b": {}}, [ ]],
  "c\\n\\"": {"d": "x,}]\\"y", "e": [[2]]}
}"""

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), (1, 1)),
        (("a",), (2, 3)),
        (("a", 0), (2, 9)),
        (("a", 1, "b"), (2, 13)),
        (("a", 2), (2, 23)),
        (('c\n"', "d"), (3, 13)),
        (('c\n"', "e", 0, 0), (3, 36)),
        (("a", 7, "x"), (2, 3)),
        (("nothing",), (1, 1)),
    ],
)
def test_parts_have_positions(path: Path, place: tuple[int, int]) -> None:
    """A key, an item, and what is not there: that has the place of what is around it."""
    assert Source(TEXT).position(path) == place


@settings(deadline=None)
@given(values)
def test_every_part_of_any_json_is_found(value: Any) -> None:
    text = json.dumps(value, indent=1)
    source = Source(text)
    lines = text.split("\n")

    def look(part: Any, path: Path) -> None:
        line, column = source.position(path)
        written = lines[line - 1][column - 1 :]
        last = path[-1] if path else None
        begins = json.dumps(last) if isinstance(last, str) else json.dumps(part, indent=1).split("\n")[0]
        assert written.startswith(begins)
        inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, content in inner:
            look(content, (*path, key))

    look(value, ())


def test_repeated_keys_are_found_at_any_depth() -> None:
    source = Source('{"a": 1,\n "b": [{"c": 1, "c": 2}],\n "a": 3}')
    assert source.duplicates() == [(("b", 0, "c"), 2, 17), (("a",), 3, 2)]
    assert Source('{"a": {"a": 1}}').duplicates() == []


@pytest.mark.parametrize(
    ("text", "place"), [("", (1, 1)), ("{\n  x", (2, 3)), ('{"a": 1,\n "b"}', (2, 5)), ("[1] 2", (1, 5))]
)
def test_bad_json_has_a_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(SourceError) as error:
        Source(text)
    assert (error.value.line, error.value.column) == place


def test_pointers_are_aws() -> None:
    assert pointer(()) == "/"
    assert pointer(("States", "a/b", "Catch", 0, "Next")) == "/States/a/b/Catch[0]/Next"
