"""Payloads that callers give as text: an execution's input, a task's output."""

from __future__ import annotations

import re
from typing import Any

from stepwell.asl.json import loads
from stepwell.asl.limits import MAX_DATA_BYTES
from stepwell.errors import AwsError

_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_OPENED = re.compile(r"\{\s*([^\s\"}])")


def parse(text: str, error: type[AwsError], what: str) -> Any:
    """The JSON value of `text`, which is `what`; raises `error` with AWS's words where they are known."""
    if not text.strip():
        raise error(f"Invalid {what}.")
    try:
        if len(text.encode()) > MAX_DATA_BYTES:
            raise error(f"The payload has more than {MAX_DATA_BYTES} bytes")
        return loads(text)
    except ValueError as problem:
        raise error(_why(text.strip(), problem)) from problem


def _why(text: str, problem: ValueError) -> str:
    word = _WORD.match(text)
    if word is not None and word[0] not in ("true", "false", "null"):
        return (
            f"Unrecognized token '{word[0]}': was expecting (JSON String, Number, Array, Object or token "
            "'null', 'true' or 'false')"
        )
    opened = _OPENED.match(text)
    if opened is not None:
        return (
            f"Unexpected character ('{opened[1]}' (code {ord(opened[1])})): was expecting double-quote to "
            "start field name"
        )
    return str(problem)
