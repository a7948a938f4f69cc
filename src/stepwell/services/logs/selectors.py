"""Selectors of JSON log events: `{ ($.level = "ERROR") && ($.retries > 2) }`."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from fnmatch import translate
from typing import Any

from stepwell.services.logs.errors import InvalidParameterException

Test = Callable[[Any], bool]

_TOKENS = re.compile(
    r"""\s*(?:
        (?P<path>\$(?:\.[\w-]+|\[(?:\d+|\*)\])*)
      | (?P<sign>&&|\|\||!=|<=|>=|=|<|>|\(|\))
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<word>[^\s"()=<>!&|{}]+)
    )""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
#: parentheses within each other
DEPTH = 32
_MISSING = object()


def compiled(text: str) -> Callable[[str], bool]:
    """Whether a message is JSON that the selector matches. Raises InvalidParameterException."""
    if not text.endswith("}"):
        raise _invalid()
    test = _Parser(text[1:-1]).parse()

    def matches(message: str) -> bool:
        try:
            event = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return test(event)

    return matches


def _invalid() -> InvalidParameterException:
    return InvalidParameterException("Invalid filter pattern")


class _Parser:
    """Recursive descent: or over and over comparison."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKENS.match(text, position)
            if match is None:
                raise _invalid()
            assert match.lastgroup is not None
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        self._next = 0
        self._depth = 0

    def parse(self) -> Test:
        test = self._either()
        if self._next != len(self._tokens):
            raise _invalid()
        return test

    def _take(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise _invalid()
        self._next += 1
        return self._tokens[self._next - 1]

    def _taken(self, sign: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next] == ("sign", sign):
            self._next += 1
            return True
        return False

    def _either(self) -> Test:
        tests = [self._both()]
        while self._taken("||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda event: any(test(event) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._taken("&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda event: all(test(event) for test in tests)

    def _one(self) -> Test:
        if self._taken("("):
            self._depth += 1
            if self._depth > DEPTH:
                raise _invalid()
            test = self._either()
            self._depth -= 1
            if not self._taken(")"):
                raise _invalid()
            return test
        kind, path = self._take()
        if kind != "path":
            raise _invalid()
        return self._comparison(_steps(path))

    def _comparison(self, steps: list[str | int]) -> Test:
        kind, text = self._take()
        if kind == "word":
            return self._stated(steps, text.upper())
        if kind != "sign":
            raise _invalid()
        value_kind, value = self._take()
        if value_kind not in ("quoted", "word"):
            raise _invalid()
        number = value_kind == "word" and _NUMBER.fullmatch(value) is not None
        if text in _ORDERS and number:
            order, bound = _ORDERS[text], float(value)
            return lambda event: any(
                _is_number(found) and order(found, bound) for found in _find(event, steps)
            )
        if text not in ("=", "!="):
            raise _invalid()
        equal = _equals(float(value)) if number else _alike(value, quoted=value_kind == "quoted")
        if text == "=":
            return lambda event: any(equal(found) for found in _find(event, steps))
        return lambda event: any(not equal(found) for found in _find(event, steps))

    def _stated(self, steps: list[str | int], first: str) -> Test:
        second = self._take()[1].upper()
        expected = {"NULL": None, "TRUE": True, "FALSE": False}
        if first == "IS" and second in expected:
            return lambda event: any(found is expected[second] for found in _find(event, steps))
        if (first, second) == ("NOT", "EXISTS"):
            return lambda event: not _find(event, steps)
        raise _invalid()


def _steps(path: str) -> list[str | int]:
    """Keys, positions, and `*` as -1."""
    steps: list[str | int] = []
    for key, place in re.findall(r"\.([\w-]+)|\[(\d+|\*)\]", path):
        steps.append(key if key else -1 if place == "*" else int(place))
    return steps


def _find(event: Any, steps: list[str | int]) -> list[Any]:
    """All values that the path leads to."""
    found = [event]
    for step in steps:
        if step == -1:
            found = [item for value in found if isinstance(value, list) for item in value]
        else:
            found = [item for value in found if (item := _member(value, step)) is not _MISSING]
    return found


def _member(value: Any, step: str | int) -> Any:
    if isinstance(step, str):
        return value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
    return value[step] if isinstance(value, list) and step < len(value) else _MISSING


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equals(number: float) -> Test:
    return lambda value: _is_number(value) and value == number


def _alike(value: str, *, quoted: bool) -> Test:
    """Equal to a text, in which `*` stands for anything."""
    text = re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value
    if "*" not in text:
        return lambda found: found == text
    pattern = re.compile(translate(re.sub(r"([?\[])", r"[\1]", text)))
    return lambda found: isinstance(found, str) and pattern.match(found) is not None
