"""Property values on the wire and inside."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2

from stepwell.provision import values
from stepwell.provision.values import (
    ARCHIVE,
    ASSET,
    OUTPUT,
    RESOURCE,
    SECRET,
    SIGNATURE,
    UNKNOWN,
    Content,
    Source,
)

UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def _struct(content: dict[str, Any]) -> Any:
    struct = struct_pb2.Struct()
    struct.update(content)
    return struct


@pytest.mark.parametrize(
    ("wire", "inside"),
    [
        ("text", "text"),
        (3, 3),
        (2.5, 2.5),
        (True, True),
        ([1, "a", None], [1, "a", None]),
        ({"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        (UNKNOWN_TEXT, UNKNOWN),
        ({SIGNATURE: ASSET, "path": "a.txt"}, Source(archive=False, path="a.txt")),
        ({SIGNATURE: ASSET, "text": ""}, Source(archive=False, text="")),
        ({SIGNATURE: ARCHIVE, "path": "src"}, Source(archive=True, path="src")),
        (
            {SIGNATURE: ARCHIVE, "assets": {"a": {SIGNATURE: ASSET, "text": "x"}}},
            Source(archive=True, members={"a": Source(archive=False, text="x")}),
        ),
        ({SIGNATURE: RESOURCE, "urn": "urn:1", "id": "i"}, "i"),
        ({SIGNATURE: OUTPUT}, UNKNOWN),
    ],
)
def test_wire_values_become_plain_ones(wire: Any, inside: Any) -> None:
    """Numbers without a fraction are integers; signatures become values; null fields are absent."""
    decoded = values.decode(_struct({"property": wire}))
    assert decoded.values == {"property": inside}
    assert decoded.secrets == frozenset()


@pytest.mark.parametrize(
    "wire",
    [
        {SIGNATURE: SECRET, "value": "x"},
        {"deep": [{SIGNATURE: SECRET, "value": "x"}]},
        {SIGNATURE: OUTPUT, "value": "x", "secret": True},
    ],
)
def test_a_secret_at_any_depth_makes_its_property_secret(wire: Any) -> None:
    """The value is unwrapped, the property's name remembered."""
    decoded = values.decode(_struct({"property": wire, "other": 1}))
    assert decoded.secrets == {"property"}
    assert SIGNATURE not in repr(decoded.values)


def test_what_is_not_known_or_not_to_be_sent_is_left_out_of_an_answer() -> None:
    """The SDK then takes it as unknown in a plan, and as its own input in an apply."""
    content = Content(archive=True, sha256="1", about="a", data=b"")
    answered = values.encode(
        {
            "known": 1,
            "later": [UNKNOWN],
            "code": content,
            "recorded": content.plain(),
            "none": None,
            "s": "x",
        },
        secrets=["s", "later"],
    )
    assert answered == {"known": 1, "s": {SIGNATURE: SECRET, "value": "x"}}


def test_a_content_is_remembered_by_its_hash() -> None:
    """The state file has no bytes in it."""
    content = Content(archive=False, sha256="abc", about="file.txt", data=b"bytes")
    assert values.plain({"a": [content, UNKNOWN]}) == {
        "a": [{SIGNATURE: ASSET, "hash": "abc", "about": "file.txt"}]
    }
