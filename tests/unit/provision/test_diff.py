"""What counts as a difference."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.provision import diff
from stepwell.provision.progress import LATER, MASK, PropertyChange
from stepwell.provision.schema import Property, honoured, recorded
from stepwell.provision.values import UNKNOWN, Content

TABLE: dict[str, Property] = {
    "name": honoured(replaces=True),
    "policy": honoured(document=True),
    "arns": honoured(unordered=True),
    "rules": honoured(fields={"events": honoured(unordered=True), "policy": honoured(document=True)}),
    "note": recorded(),
    "size": honoured(),
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"policy": '{"a":1,"b":[1]}'}, {"policy": '{"b": [1], "a": 1}'}),
        ({"arns": ["a", "b"]}, {"arns": ["b", "a"]}),
        ({"rules": [{"events": ["x", "y"]}]}, {"rules": [{"events": ["y", "x"]}]}),
        ({"rules": {"policy": "[1]"}}, {"rules": {"policy": "[ 1 ]"}}),
        (
            {"note": Content(archive=True, sha256="1", about="/here", data=b"PK").plain()},
            {"note": Content(archive=True, sha256="1", about="/there", data=b"PK")},
        ),
    ],
)
def test_equal_by_meaning_is_no_change(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Documents by meaning, sets without order, files by their content wherever they lie."""
    assert diff.compare(TABLE, old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"size": 1}, {"size": 2}, [("size", 1, 2, False)]),
        ({"size": 1}, {}, [("size", 1, None, False)]),
        ({}, {"name": "a"}, [("name", None, "a", True)]),
        ({"size": {"a": 1, "b": 2}}, {"size": {"a": 1, "b": 3}}, [("size.b", 2, 3, False)]),
        ({"size": 1}, {"size": UNKNOWN}, [("size", 1, LATER, False)]),
        ({"rules": [{"events": ["a"]}]}, {"rules": []}, [("rules", [{"events": ["a"]}], [], False)]),
    ],
)
def test_changes_are_told_by_path(
    old: dict[str, Any], new: dict[str, Any], expected: list[tuple[str, Any, Any, bool]]
) -> None:
    """Blocks are followed by key; a value that isn't known yet counts as changed."""
    found = [(c.path, c.before, c.after, c.replaces) for c in diff.compare(TABLE, old, new)]
    assert found == expected


@pytest.mark.parametrize("asked", [["size"], ["*"]])
def test_a_program_can_make_any_change_replace(asked: list[str]) -> None:
    """`replace_on_changes` by name or for all."""
    (change,) = diff.compare(TABLE, {"size": 1}, {"size": 2}, replacing=asked)
    assert change.replaces


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("size", {"size": 1, "tags": {"a": "new", "b": "x"}}),
        ("tags.a", {"size": 2, "tags": {"a": "old", "b": "x"}}),
        ('tags["a"]', {"size": 2, "tags": {"a": "old", "b": "x"}}),
        ("tags.b", {"size": 2, "tags": {"a": "new"}}),
        ("*", {"size": 1, "tags": {"a": "old"}}),
        ("gone", {"size": 2, "tags": {"a": "new", "b": "x"}}),
    ],
)
def test_ignored_paths_keep_what_is_recorded(path: str, kept: dict[str, Any]) -> None:
    """A property, a key in one, or everything."""
    old = {"size": 1, "tags": {"a": "old"}}
    assert diff.ignoring([path], old, {"size": 2, "tags": {"a": "new", "b": "x"}}) == kept


def test_secret_values_are_covered() -> None:
    """That there was none, or is none, may show."""
    changes = [
        PropertyChange(path="size.x", before="a", after="b"),
        PropertyChange(path="size.y", before=None, after="b"),
        PropertyChange(path="name", before="a", after="b"),
    ]
    covered = [(c.before, c.after) for c in diff.masked(changes, {"size"})]
    assert covered == [(MASK, MASK), (None, MASK), ("a", "b")]


@pytest.mark.parametrize(
    ("actual", "drift"),
    [
        ({"size": 2}, {"size": 2}),
        ({"rules": {"events": ["a"], "added": "by the endpoint"}}, {}),
        ({"rules": {"events": ["b"]}}, {"rules": {"events": ["b"]}}),
        ({"note": "other"}, {}),
        ({"unheard": 1}, {}),
        ({"policy": '{ "a": 1 }'}, {}),
    ],
)
def test_drift_is_what_was_declared_and_is_answered_differently(
    actual: dict[str, Any], drift: dict[str, Any]
) -> None:
    """Fields that the endpoint adds, and properties without effect, are no drift."""
    recorded_inputs = {"size": 1, "rules": {"events": ["a"]}, "note": "n", "policy": '{"a":1}'}
    assert diff.drifted(TABLE, recorded_inputs, actual) == drift
