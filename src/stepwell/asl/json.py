"""JSON as Step Functions reads and prints it.

Compact, in the order of the keys, with characters as they are. Values are shared between states,
events and executions, so nothing may change one in place.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

#: containers inside each other; what works on values may use recursion
MAX_DEPTH = 300
_TOO_DEEP = f"it has more than {MAX_DEPTH} arrays and objects inside each other"

#: half of a surrogate pair on its own: legal in JSON text as an escape, not in UTF-8
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(text: str) -> Any:
    """Parse JSON. Raises ValueError for what is not JSON, `NaN` and `Infinity` included, for a number
    beyond a double, and for more than MAX_DEPTH containers inside each other.
    """
    try:
        value = _decoder.decode(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if text.count("[") + text.count("{") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise ValueError(_TOO_DEEP)
    return value


def dumps(value: Any) -> str:
    """Print a JSON value. Raises ValueError for NaN, an infinity, or too deep nesting."""
    try:
        text = _encoder.encode(value)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if text.isascii():
        return text
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def has_lone_surrogates(value: Any) -> bool:
    """Whether a text in it, however deep, has half of a surrogate pair, which UTF-8 cannot hold."""
    try:
        _encoder.encode(value).encode()
    except UnicodeEncodeError:
        return True
    return False


def depth(value: Any) -> int:
    """How many containers stand inside each other."""
    deepest = 0
    waiting = [(value, 0)]
    while waiting:
        current, level = waiting.pop()
        if isinstance(current, dict | list):
            deepest = max(deepest, level + 1)
            inner = current.values() if isinstance(current, dict) else current
            waiting.extend((item, level + 1) for item in inner)
    return deepest


def size(value: Any) -> int:
    """Bytes of a value's text in UTF-8, as AWS counts its quotas."""
    return len(dumps(value).encode())


def equal(a: Any, b: Any) -> bool:
    """JSON equality: 1 equals 1.0, and neither equals true."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(map(equal, a.values(), [b[k] for k in a]))
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
