"""What a definition says of a task's arguments: texts where it names them, `*` for what run time brings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: what is known at run time only
DYNAMIC = "*"

_FORMAT = re.compile(r"States\.Format\(\s*'((?:[^'\\]|\\.)*)'")
_JOINED = re.compile(r"\{%\s*(?:'([^'\\]*)'|\"([^\"\\]*)\")\s*&")


def texts(arguments: Any, path: str, language: str) -> list[str]:
    """All texts at a dotted path, lists looked through; empty where the definition says nothing there.

    `language` is the state's query language: it decides how a value that is computed looks.
    """
    return _at(arguments, path.split("."), language)


def _at(value: Any, parts: list[str], language: str) -> list[str]:
    if not parts:
        return [text(value, language)]
    if isinstance(value, list):
        return [found for item in value for found in _at(item, parts, language)]
    if not isinstance(value, Mapping):
        return [DYNAMIC]
    head, rest = parts[0], parts[1:]
    if head in value:
        return _at(value[head], rest, language)
    if language == "JSONPath" and f"{head}.$" in value:
        return [DYNAMIC] if rest else [_computed(str(value[f"{head}.$"]))]
    return []


def text(value: Any, language: str) -> str:
    """A value as the text of an ARN's part; what is no constant becomes `*`, with what leads it."""
    if isinstance(value, str):
        if language == "JSONata" and value.lstrip().startswith("{%"):
            return _computed(value)
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else DYNAMIC


def _computed(expression: str) -> str:
    """What is sure of a computed text: `States.Format('a-{}', $.x)` and `{% 'a-' & $x %}` begin with `a-`."""
    formatted = _FORMAT.match(expression)
    if formatted is not None:
        return re.sub(r"\*{2,}", "*", formatted[1].replace("{}", DYNAMIC))
    joined = _JOINED.match(expression.strip())
    return f"{joined[1] or joined[2] or ''}{DYNAMIC}" if joined is not None else DYNAMIC
