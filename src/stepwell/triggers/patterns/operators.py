"""What one field of a pattern asks of a value: `prefix`, `numeric`, `anything-but`, ... as a table.

Each operator becomes a test of one JSON value. Sources: the EventBridge user guide, "Comparison operators
for use in event patterns", and event-ruler's README; reasons of refusal are those that AWS gives.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from stepwell.triggers.patterns.errors import InvalidPattern

#: whether a JSON value that is no object and no array fits
Test = Callable[[Any], bool]
#: a value with its JSON type, so that `1`, `"1"` and `true` differ, while `1` and `1.0` do not
Key = tuple[str, Any]

#: numbers that `numeric` compares
_GREATEST = 5e9
_LOWER: Mapping[str, Callable[[Any, Any], bool]] = {">": operator.gt, ">=": operator.ge}
_UPPER: Mapping[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le}
_ONE_KEY = "Only one key allowed in match expression"
_TOO_MANY = "Too many elements in numeric expression"
_V4 = re.compile(r"[0-9.]+")
_V6 = re.compile(r"[0-9a-fA-F:.]+")


def key_of(value: Any) -> Key:
    """The value with its JSON type."""
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool) or value is None:
        return "word", value
    return "number", value


def test_of(expression: Mapping[str, Any]) -> Test:
    """The test of `{"prefix": "a"}` and its like; `exists` is not among them. Raises InvalidPattern."""
    if not expression:
        raise InvalidPattern("Match expression name not found")
    (name, operand), *more = expression.items()
    if name not in _OPERATORS:
        raise InvalidPattern(f"Unrecognized match type {name}")
    test = _OPERATORS[name](operand)
    if more:
        raise InvalidPattern(_TOO_MANY if name in ("numeric", "anything-but") else _ONE_KEY)
    return test


def _text(operand: Any, name: str) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(f"{name} match pattern must be a string")
    return operand


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> float:
    if not -_GREATEST <= value <= _GREATEST:
        raise InvalidPattern("Value must be between -5.0E9 and 5.0E9, inclusive")
    number: float = value
    return number


def _exactly(operand: Any) -> Test:
    wanted = _text(operand, "exact")
    return lambda value: isinstance(value, str) and value == wanted


def _ignoring_case(operand: Any) -> Test:
    wanted = _text(operand, "equals-ignore-case").lower()
    return lambda value: isinstance(value, str) and value.lower() == wanted


def _edge(name: str) -> Callable[[Any], Test]:
    """`prefix` or `suffix`, which may ignore case."""
    at_edge = str.startswith if name == "prefix" else str.endswith

    def edge(operand: Any) -> Test:
        if not isinstance(operand, dict):
            wanted = _text(operand, name)
            return lambda value: isinstance(value, str) and at_edge(value, wanted)
        if not operand:
            raise InvalidPattern(f"{name.capitalize()} expression name not found")
        (inner, text), *more = operand.items()
        if inner != "equals-ignore-case":
            raise InvalidPattern(f"Unsupported {name} pattern: {inner}")
        lowered = _text(text, inner).lower()
        if more:
            raise InvalidPattern(_ONE_KEY)
        return lambda value: isinstance(value, str) and at_edge(value.lower(), lowered)

    return edge


def _wildcard(operand: Any) -> Test:
    pieces = _pieces(_text(operand, "wildcard"))
    return lambda value: isinstance(value, str) and _fits(pieces, value)


def _pieces(text: str) -> list[str]:
    """The literal texts between the asterisks; `\\*` and `\\\\` are literal."""
    pieces, place = [""], 0
    while place < len(text):
        character = text[place]
        # AWS counts positions in UTF-8, from the quote before the text
        position = len(text[:place].encode(errors="replace")) + 1
        if character == "\\":
            escaped = text[place + 1 : place + 2]
            if escaped not in ("*", "\\"):
                raise InvalidPattern(f"Invalid escape character at pos {position}")
            pieces[-1] += escaped
            place += 2
            continue
        if character != "*":
            pieces[-1] += character
        elif text[place + 1 : place + 2] == "*":
            raise InvalidPattern(f"Consecutive wildcard characters at pos {position}")
        else:
            pieces.append("")
        place += 1
    return pieces


def _fits(pieces: list[str], value: str) -> bool:
    """Whether the pieces stand in `value` in order, the first and last at its ends. Never backtracks."""
    first, *rest = pieces
    if not rest:
        return value == first
    *middle, last = rest
    if not value.startswith(first):
        return False
    place = len(first)
    for piece in middle:
        found = value.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return len(value) - len(last) >= place and value.endswith(last)


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list):
        raise InvalidPattern("Value of numeric must be an array.")
    if not operand or not isinstance(operand[0], str):
        raise InvalidPattern(f"Invalid member in numeric match: {operand[0] if operand else ']'}")
    sign, *rest = operand
    if sign != "=" and sign not in _LOWER and sign not in _UPPER:
        raise InvalidPattern(f"Unrecognized numeric range operator: {sign}")
    if not rest or not _is_number(rest[0]):
        raise InvalidPattern(f"Value of {'equals' if sign == '=' else sign} must be numeric")
    bound, more = _number(rest[0]), rest[1:]
    if sign in _LOWER and more:
        return _between(sign, bound, more)
    if more:
        raise InvalidPattern(_TOO_MANY)
    compare = operator.eq if sign == "=" else _LOWER.get(sign) or _UPPER[sign]
    return lambda value: _is_number(value) and abs(value) <= _GREATEST and compare(value, bound)


def _between(sign: str, bottom: float, more: list[Any]) -> Test:
    if not isinstance(more[0], str):
        raise InvalidPattern(f"Bad value in numeric range: {more[0]}")
    if more[0] not in _UPPER:
        raise InvalidPattern(f"Bad numeric range operator: {more[0]}")
    if len(more) < 2 or not _is_number(more[1]):
        raise InvalidPattern(f"Value of {more[0]} must be numeric")
    if len(more) > 2:
        raise InvalidPattern("Too many terms in numeric range expression")
    above, below, top = _LOWER[sign], _UPPER[more[0]], _number(more[1])
    if bottom >= top:
        raise InvalidPattern("Bottom must be less than top")
    return lambda value: _is_number(value) and above(value, bottom) and below(value, top)


def _cidr(operand: Any) -> Test:
    # AWS names the wrong operator here
    address, slash, bits = _text(operand, "prefix").partition("/")
    if not slash or "/" in bits:
        raise InvalidPattern("Malformed CIDR, one '/' required")
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", bits):
        raise InvalidPattern("Malformed CIDR, mask bits must be an integer")
    mask = int(bits)
    if mask < 0:
        raise InvalidPattern("Malformed CIDR, mask bits must not be negative")
    found = _address(address)
    if found is None:
        raise InvalidPattern(f"Nonstandard IP address: {address}")
    if mask >= found.max_prefixlen:
        raise InvalidPattern(f"IPv{found.version} mask bits must be < {found.max_prefixlen}")
    # From the address itself, not from its network's first, as AWS's engine does.
    bottom = int(found)
    top = bottom | ((1 << (found.max_prefixlen - mask)) - 1)

    def within(value: Any) -> bool:
        asked = _address(value) if isinstance(value, str) else None
        return asked is not None and asked.version == found.version and bottom <= int(asked) <= top

    return within


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not (_V4.fullmatch(text) or _V6.fullmatch(text)):
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _anything_but(operand: Any) -> Test:
    if isinstance(operand, dict):
        return _anything_but_like(operand)
    listed = operand if isinstance(operand, list) else [operand]
    if not isinstance(operand, list) and not isinstance(operand, str) and not _is_number(operand):
        raise InvalidPattern("Value of anything-but must be an array or single string/number value.")
    if not all(isinstance(each, str) or _is_number(each) for each in listed):
        raise InvalidPattern("Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(each, str) for each in listed}) != 1:
        raise InvalidPattern(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )
    refused = {key_of(each if isinstance(each, str) else _number(each)) for each in listed}
    return lambda value: key_of(value) not in refused


def _anything_but_like(operand: Mapping[str, Any]) -> Test:
    """`anything-but` over another operator, with one text or several."""
    if not operand:
        raise InvalidPattern("Anything-But expression name not found")
    (name, texts), *more = operand.items()
    if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
        raise InvalidPattern(f"Unsupported anything-but pattern: {name}")
    if not isinstance(texts, list | str) and not _is_number(texts):
        raise InvalidPattern("Value of anything-but must be an array or single string/number value.")
    listed = texts if isinstance(texts, list) else [texts]
    for each in listed:
        if not isinstance(each, str):
            raise InvalidPattern(_NO_TEXT.get(name, "prefix/suffix match pattern must be a string"))
        if not each and name in ("prefix", "suffix"):
            raise InvalidPattern("Null prefix/suffix not allowed")
    if more:
        raise InvalidPattern(_TOO_MANY)
    tests = [_OPERATORS[name](each) for each in listed]
    return lambda value: not any(test(value) for test in tests)


_NO_TEXT = {
    "equals-ignore-case": (
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
    ),
    "wildcard": "wildcard match pattern must be a string",
}
_OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": _ignoring_case,
    "exactly": _exactly,
    "numeric": _numeric,
    "prefix": _edge("prefix"),
    "suffix": _edge("suffix"),
    "wildcard": _wildcard,
}
