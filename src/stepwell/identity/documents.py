"""A policy document as text: where its statements stand, and which context keys they ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stepwell.identity.match import VARIABLE

#: line and column, from 1
Position = tuple[int, int]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}:,]|[^][{}:,"\s]+', re.DOTALL)


def statements(document: Mapping[str, Any]) -> list[Any]:
    """The statements of a document that was read; a single one may stand without a list."""
    listed = document.get("Statement", [])
    return listed if isinstance(listed, list) else [listed]


def spans(text: str) -> list[tuple[Position, Position]]:
    """Where each statement begins and ends in the text of a valid policy.

    As the policy simulator counts: from behind the bracket or comma before it to behind its last brace.
    """
    found: list[tuple[int, int]] = []
    depth, behind, inside, key = 0, 0, False, ""
    begin = nested = -1
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "{[":
            depth += 1
            if inside and begin < 0 and token == "{":
                begin, nested = behind, depth
        elif token in "}]":
            if begin >= 0 and depth == nested:
                found.append((begin, match.end()))
                begin = -1
            depth -= 1
            inside = inside and depth > 1
        elif depth == 1:
            if token == ":":
                inside = key == '"Statement"'
            key = token
        behind = match.end()
    return [(_position(text, start), _position(text, end)) for start, end in found]


def _position(text: str, offset: int) -> Position:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def context_keys(statement: Mapping[str, Any]) -> list[str]:
    """The context keys of one statement as they are written: variables of its resources, then conditions."""
    found: list[str] = []
    for element in ("Resource", "NotResource"):
        found += _variables(statement.get(element, []))
    for keys in statement.get("Condition", {}).values():
        for key, values in keys.items():
            found += [key, *_variables(values)]
    return list(_distinct(found))


def all_context_keys(texts: Iterable[str]) -> list[str]:
    """The context keys of whole documents, each once."""
    bodies = (statement for text in texts for statement in statements(json.loads(text)))
    return list(_distinct(key for body in bodies for key in context_keys(body)))


def _variables(values: Any) -> Iterator[str]:
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, str):
            names = (found.group(1).strip() for found in VARIABLE.finditer(value))
            yield from (name for name in names if name not in ("", "*", "?", "$"))


def _distinct(keys: Iterable[str]) -> Iterator[str]:
    seen = set()
    for key in keys:
        if key.lower() not in seen:
            seen.add(key.lower())
            yield key
