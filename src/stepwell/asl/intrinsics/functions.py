"""The intrinsic functions, one row each. Source: AWS's guide "Intrinsic functions" and recorded runs.

A function gets its evaluated arguments, and raises `Failure` with the reason.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import random
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stepwell.asl import json
from stepwell.asl.program import Environment

#: characters that States.Base64Encode, Base64Decode and Hash take
MAX_TEXT = 10_000
#: items that States.ArrayRange makes
MAX_RANGE = 1_000
_INTEGERS = range(-(2**31), 2**31)

_HASHES: dict[str, Callable[[bytes], Any]] = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


#: what stands for itself in a template of States.Format
_ESCAPED = ("\\{", "\\}", "\\\\")


class Failure(ValueError):
    """A function cannot be applied to its arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One row of the table."""

    compute: Callable[[Sequence[Any], Environment], Any]
    #: how many arguments it takes
    fewest: int
    most: int
    #: whether the first argument is a template with `{}` placeholders
    takes_template: bool = False


def _pure(compute: Callable[..., Any], fewest: int, most: int | None = None) -> Function:
    return Function(
        compute=lambda arguments, _env: compute(*arguments),
        fewest=fewest,
        most=fewest if most is None else most,
    )


# --- arguments ------------------------------------------------------------------------------------------


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Failure(f"an array was expected, but was {json.kind(value)}")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Failure(f"a string was expected, but was {json.kind(value)}")
    return value


def _short(value: Any) -> str:
    text = _string(value)
    if len(text) > MAX_TEXT:
        raise Failure(f"the string has more than {MAX_TEXT} characters")
    return text


def _integer(value: Any) -> int:
    """A number, rounded half up as Java rounds: 1.5 → 2, -1.5 → -1."""
    if not json.is_number(value):
        raise Failure(f"a number was expected, but was {json.kind(value)}")
    rounded = value if isinstance(value, int) else math.floor(value + 0.5)
    if rounded not in _INTEGERS:
        raise Failure(f"{rounded} is not a 32-bit integer")
    return int(rounded)


# --- functions ------------------------------------------------------------------------------------------


def _format(arguments: Sequence[Any], _env: Environment) -> str:
    template, values = _string(arguments[0]), arguments[1:]
    pieces = re.split(r"(\\[{}\\]|\{\})", template)
    if pieces.count("{}") != len(values):
        raise Failure(f"the template has {pieces.count('{}')} placeholders for {len(values)} arguments")
    remaining = iter(values)
    return "".join(
        shown(next(remaining)) if piece == "{}" else piece[1:] if piece in _ESCAPED else piece
        for piece in pieces
    )


def shown(value: Any) -> str:
    """A value as States.Format prints it: Java's way for what is not a scalar."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={shown(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    return json.dumps(value)


def _string_to_json(text: Any) -> Any:
    if not _string(text).strip():
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Failure(f"the string is not JSON: {error}") from None
    return 0 if value == 0 and json.is_number(value) else value


def _array_partition(value: Any, size: Any) -> list[Any]:
    items, count = _array(value), _integer(size)
    if count <= 0:
        raise Failure("the chunk size must be a positive integer")
    return [items[start : start + count] for start in range(0, len(items), count)]


def _array_contains(value: Any, wanted: Any) -> bool:
    return any(json.equal(item, wanted) for item in _array(value))


def _array_range(first: Any, last: Any, step: Any) -> list[int]:
    begin, end, stride = _integer(first), _integer(last), _integer(step)
    if stride == 0:
        raise Failure("the step must not be 0")
    found = range(begin, end + (1 if stride > 0 else -1), stride)
    if len(found) > MAX_RANGE:
        raise Failure(f"the array would have more than {MAX_RANGE} items")
    return list(found)


def _array_get_item(value: Any, index: Any) -> Any:
    items, position = _array(value), _integer(index)
    if not 0 <= position < len(items):
        raise Failure(f"the index {position} is out of bounds for an array of {len(items)} items")
    return items[position]


def _array_unique(value: Any) -> list[Any]:
    found: dict[str, Any] = {}
    for item in _array(value):
        found.setdefault(json.dumps(item), item)
    return list(found.values())


def _base64_encode(text: Any) -> str:
    return base64.b64encode(_bytes(_short(text))).decode("ascii")


def _base64_decode(text: Any) -> str:
    try:
        return base64.b64decode(_short(text), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise Failure("the string is not Base64 of UTF-8 text") from None


def _hash(data: Any, algorithm: Any) -> str:
    text = _short(data if isinstance(data, str) else json.dumps(data))
    digest = _HASHES.get(_string(algorithm))
    if digest is None:
        raise Failure(f"the algorithm must be one of {', '.join(_HASHES)}")
    return str(digest(_bytes(text)).hexdigest())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _json_merge(left: Any, right: Any, deep: Any) -> dict[str, Any]:
    if not (isinstance(left, dict) and isinstance(right, dict)):
        raise Failure("both values must be objects")
    if deep is not False:
        raise Failure("the third argument must be false: only the shallow merge is supported")
    return {**left, **right}


def _math_random(arguments: Sequence[Any], env: Environment) -> int:
    start, end = _integer(arguments[0]), _integer(arguments[1])
    if start >= end:
        raise Failure("the start number must be less than the end number")
    source = env.random if len(arguments) == 2 else random.Random(_integer(arguments[2]))
    return source.randrange(start, end)


def _math_add(left: Any, right: Any) -> int:
    return _integer(_integer(left) + _integer(right))


def _string_split(text: Any, splitters: Any) -> list[str]:
    """Splits at every one of the characters of `splitters`; what is empty is left out."""
    subject, characters = _string(text), _string(splitters)
    if not characters:
        return [subject] if subject else []
    return [part for part in re.split(f"[{re.escape(characters)}]", subject) if part]


def _uuid(_arguments: Sequence[Any], env: Environment) -> str:
    return str(uuid.UUID(int=env.random.getrandbits(128), version=4))


#: name behind `States.` → what it does
FUNCTIONS: dict[str, Function] = {
    "Format": Function(compute=_format, fewest=1, most=1_000, takes_template=True),
    "StringToJson": _pure(_string_to_json, 1),
    "JsonToString": _pure(json.dumps, 1),
    "Array": _pure(lambda *items: list(items), 0, 1_000),
    "ArrayPartition": _pure(_array_partition, 2),
    "ArrayContains": _pure(_array_contains, 2),
    "ArrayRange": _pure(_array_range, 3),
    "ArrayGetItem": _pure(_array_get_item, 2),
    "ArrayLength": _pure(lambda value: len(_array(value)), 1),
    "ArrayUnique": _pure(_array_unique, 1),
    "Base64Encode": _pure(_base64_encode, 1),
    "Base64Decode": _pure(_base64_decode, 1),
    "Hash": _pure(_hash, 2),
    "JsonMerge": _pure(_json_merge, 3),
    "MathRandom": Function(compute=_math_random, fewest=2, most=3),
    "MathAdd": _pure(_math_add, 2),
    "StringSplit": _pure(_string_split, 2),
    "UUID": Function(compute=_uuid, fewest=0, most=0),
}
