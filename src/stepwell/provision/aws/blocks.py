"""Nested blocks: `modelDataUrl` in programs, `ModelDataUrl` in APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def pascal(value: Any, spelled: Mapping[str, str] | None = None) -> Any:
    """`value` with the keys of its blocks as the APIs spell them; `spelled` has those that follow no rule."""
    table = spelled or {}
    if isinstance(value, Mapping):
        return {
            table.get(key, key[:1].upper() + key[1:]): pascal(item, spelled) for key, item in value.items()
        }
    return [pascal(item, spelled) for item in value] if isinstance(value, list) else value


def camel(value: Any, spelled: Mapping[str, str] | None = None) -> Any:
    """The reverse of `pascal`."""
    table = {api: ours for ours, api in (spelled or {}).items()}
    if isinstance(value, Mapping):
        return {
            table.get(key, key[:1].lower() + key[1:]): camel(item, spelled) for key, item in value.items()
        }
    return [camel(item, spelled) for item in value] if isinstance(value, list) else value


def given(**parameters: Any) -> dict[str, Any]:
    """The parameters that have a value."""
    return {name: value for name, value in parameters.items() if value is not None}
