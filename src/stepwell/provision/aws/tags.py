"""Tags: a mapping in programs, a list of pairs in most APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.provision.schema import Inputs


def of(inputs: Inputs) -> dict[str, str]:
    """A resource's tags together with those that the provider adds to all."""
    return dict(inputs.get("tagsAll") or {})


def asked(inputs: Inputs) -> bool:
    """Whether reading the tags tells anything: some are declared, or nothing is known of the resource."""
    return "tagsAll" not in inputs or bool(inputs["tagsAll"])


def pairs(tags: Mapping[str, str], *, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """The list that APIs take."""
    return [{key: name, value: text} for name, text in sorted(tags.items())]


def mapping(listed: Any, *, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """The mapping of a list that an API answered."""
    return {entry[key]: entry[value] for entry in listed or ()}


def added(old: Inputs, new: Inputs) -> dict[str, str]:
    """The tags to set."""
    before = of(old)
    return {name: text for name, text in of(new).items() if before.get(name) != text}


def removed(old: Inputs, new: Inputs) -> list[str]:
    """The tag names to take away."""
    return sorted(set(of(old)) - set(of(new)))
