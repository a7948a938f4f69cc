"""Members of documents that anybody may have written: one of another kind counts as one that isn't there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def document(text: Any) -> Any:
    """A JSON text's value; None for what is none."""
    try:
        return json.loads(text) if isinstance(text, str | bytes) else None
    except (ValueError, RecursionError):
        return None


def text_in(value: Document, name: str) -> str:
    """A member that is a text; empty where there is none."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def object_in(value: Document, name: str) -> Document:
    """A member that is an object; empty where there is none."""
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def list_in(value: Document, name: str) -> list[Any]:
    """A member that is an array; empty where there is none."""
    found = value.get(name)
    return list(found) if isinstance(found, list | tuple) else []


def objects_in(value: Document, name: str) -> list[Document]:
    """The objects among an array's entries."""
    return [each for each in list_in(value, name) if isinstance(each, Mapping)]
