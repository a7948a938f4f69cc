"""JSON as Step Functions reads and prints it.

Compact, in the order of the keys, with characters as they are. Values are shared between states,
events and executions, so nothing may change one in place.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

#: half of a surrogate pair on its own: legal in JSON text as an escape, not in UTF-8
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(text: str) -> Any:
    """Parse JSON. Raises ValueError for what is not JSON: `NaN`, `Infinity`, a number beyond a double,
    nesting deeper than the interpreter's stack.
    """
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None


def dumps(value: Any) -> str:
    """Print a JSON value. Raises ValueError for NaN, an infinity, or too deep nesting."""
    try:
        text = _encoder.encode(value)
    except RecursionError:
        raise ValueError("the JSON value is nested too deeply") from None
    if text.isascii():
        return text
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def size(value: Any) -> int:
    """Bytes of a value's text in UTF-8, as AWS counts its quotas."""
    return len(dumps(value).encode())


def equal(a: Any, b: Any) -> bool:
    """JSON equality: 1 equals 1.0, and neither equals true."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind(value: Any) -> str:
    """JSON's own name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text} is out of range")
    return value


_decoder = json.JSONDecoder(parse_constant=_constant, parse_float=_float)
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False)
