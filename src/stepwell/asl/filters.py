"""Filters of paths: `[?(@.price < 10 && @.kind == 'book')]`, compiled to predicates.

Comparisons between different types are false (`!=` is true), a path alone asks whether it is there.
Regular expressions (`=~`) are not supported: one can take for ever, and nothing here may.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol

from stepwell.asl import json
from stepwell.asl.pathtext import PathError, Scanner

#: a candidate → whether it is selected
Predicate = Callable[[Any], bool]
_Operand = Callable[[Any], Any]


class Readable(Protocol):
    """A path below a candidate."""

    @property
    def definite(self) -> bool: ...

    def read(self, root: Any) -> Any: ...


class _Absent:
    """What a path finds that leads nowhere; equal to nothing."""


_ABSENT = _Absent()
_LITERALS = {"true": True, "false": False, "null": None}


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def check(left: Any, right: Any) -> bool:
        comparable = (json.is_number(left) and json.is_number(right)) or (
            isinstance(left, str) and isinstance(right, str)
        )
        return comparable and compare(left, right)

    return check


def _among(left: Any, right: Any) -> bool:
    return isinstance(right, list) and any(json.equal(left, item) for item in right)


#: longer spellings first: `<=` before `<`
_COMPARISONS: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
    ("==", json.equal),
    ("!=", lambda left, right: not json.equal(left, right)),
    ("<=", _ordered(operator.le)),
    (">=", _ordered(operator.ge)),
    ("<", _ordered(operator.lt)),
    (">", _ordered(operator.gt)),
    ("nin ", lambda left, right: not _among(left, right)),
    ("in ", _among),
    (
        "contains ",
        lambda left, right: (
            right in left if isinstance(left, str) and isinstance(right, str) else _among(right, left)
        ),
    ),
)


def parse_filter(scanner: Scanner, path: Callable[[Scanner], Readable]) -> Predicate:
    """The filter behind a `?`. `path` reads a path behind its `@`. Raises PathError."""
    scanner.expect("(")
    predicate = _alternatives(scanner, path)
    scanner.expect(")")
    return predicate


def _alternatives(scanner: Scanner, path: Callable[[Scanner], Readable]) -> Predicate:
    parts = [_conjunction(scanner, path)]
    while scanner.take_token("||"):
        parts.append(_conjunction(scanner, path))
    return parts[0] if len(parts) == 1 else lambda value: any(part(value) for part in parts)


def _conjunction(scanner: Scanner, path: Callable[[Scanner], Readable]) -> Predicate:
    parts = [_condition(scanner, path)]
    while scanner.take_token("&&"):
        parts.append(_condition(scanner, path))
    return parts[0] if len(parts) == 1 else lambda value: all(part(value) for part in parts)


def _condition(scanner: Scanner, path: Callable[[Scanner], Readable]) -> Predicate:
    if scanner.take_token("!"):
        inner = _condition(scanner, path)
        return lambda value: not inner(value)
    if scanner.take_token("("):
        grouped = _alternatives(scanner, path)
        scanner.expect(")")
        return grouped
    left = _operand(scanner, path)
    scanner.blanks()
    for symbol, compare in _COMPARISONS:
        if scanner.take(symbol):
            right = _operand(scanner, path)
            return _comparison(compare, left, right)
    if scanner.take("=~"):
        raise PathError("the operator =~ is not supported")
    return lambda value: left(value) is not _ABSENT


def _comparison(compare: Callable[[Any, Any], bool], left: _Operand, right: _Operand) -> Predicate:
    return lambda value: compare(left(value), right(value))


def _operand(scanner: Scanner, path: Callable[[Scanner], Readable]) -> _Operand:
    scanner.blanks()
    if scanner.take("@"):
        return _lookup(path(scanner))
    if scanner.peek in "'\"":
        return _constant(scanner.quoted())
    if scanner.take("["):
        items: list[Any] = []
        while not scanner.take_token("]"):
            if items:
                scanner.expect(",")
            items.append(_literal(scanner))
        return _constant(items)
    return _constant(_literal(scanner))


def _literal(scanner: Scanner) -> Any:
    scanner.blanks()
    if scanner.peek in "'\"":
        return scanner.quoted()
    for word, value in _LITERALS.items():
        if scanner.take(word):
            return value
    return scanner.number()


def _constant(value: Any) -> _Operand:
    return lambda _: value


def _lookup(path: Readable) -> _Operand:
    def read(candidate: Any) -> Any:
        try:
            found = path.read(candidate)
        except LookupError:
            return _ABSENT
        return _ABSENT if found == [] and not path.definite else found

    return read
