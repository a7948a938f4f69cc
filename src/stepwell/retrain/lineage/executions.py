"""What an execution tells of itself: its evidence, also while it waits for a person or after it failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

#: members of an event's details that hold a task's parameters or a state's data as JSON
DOCUMENTS = ("parameters", "input", "output")


def evidence_link(execution: Mapping[str, Any], newest_first: Iterable[Mapping[str, Any]]) -> str | None:
    """The s3:// URI of an execution's evidence; None where it has none.

    execution: DescribeExecution's answer; newest_first: its events, the newest first, read only as far as
    needed. The output's `evidence` counts; without one, that of the newest task's parameters, or of their
    `Payload`, as a task that waits for a person has it.
    """
    found = _link(execution.get("output"))
    if found is not None:
        return found
    for event in newest_first:
        for details in event.values():
            if isinstance(details, Mapping):
                for name in DOCUMENTS:
                    found = found or _link(details.get(name))
        if found is not None:
            return found
    return None


def _link(text: Any) -> str | None:
    """The link in a JSON document, at its root or in its payload."""
    value = document(text)
    if not isinstance(value, dict):
        return None
    for place in (value, value.get("Payload")):
        link = place.get("evidence") if isinstance(place, dict) else None
        if isinstance(link, str) and link.startswith("s3://"):
            return link
    return None


def document(text: Any) -> Any:
    """A JSON text's value; None for what is none."""
    try:
        return json.loads(text) if isinstance(text, str | bytes) else None
    except ValueError:
        return None
