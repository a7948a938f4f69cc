"""Paths into JSON, as Step Functions reads them.

AWS evaluates paths with the Jayway library, so its rules are kept: a *definite* path (names and
single indexes) gives the one value it leads to and fails where there is none; any other path gives the
array of what it finds, empty where even its first steps lead nowhere. A path is parsed once, and read
by closures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from stepwell.asl import json
from stepwell.asl.filters import Predicate, parse_filter
from stepwell.asl.pathtext import PathError, Scanner
from stepwell.asl.program import Environment

#: a value → what one step finds in it
Step = Callable[[Any], Iterable[Any]]

#: parentheses and `!` in one path: filters are evaluated by recursion
MAX_NESTED = 50

#: the variable that only JSONata has
RESERVED = "states"

#: what `.name()` at a path's end computes
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "length": lambda value: len(value) if isinstance(value, list | dict | str) else None,
    "keys": lambda value: list(value) if isinstance(value, dict) else None,
    "min": lambda value: min(_numbers(value)),
    "max": lambda value: max(_numbers(value)),
    "sum": lambda value: _sum(_numbers(value)),
    "avg": lambda value: _sum(_numbers(value)) / len(_numbers(value)),
}


class PathMissing(LookupError):
    """A definite path leads nowhere; the text is the reason as AWS words it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPath:
    """A parsed path."""

    #: as written
    text: str
    #: whether it starts at the context object (`$$`)
    context: bool
    #: the variable that it starts at (`$name`), or None
    variable: str | None = None
    #: whether it leads to exactly one value
    definite: bool
    #: names and indexes of a definite path; of another, those in front of its first open step
    lead: tuple[str | int, ...]
    #: the rest of a path that is not definite
    rest: tuple[Step, ...]
    #: name of the function at the end
    function: str | None = None

    def __call__(self, value: Any, env: Environment) -> Any:
        """What the path selects in `value`, in the context or in a variable. Raises PathMissing."""
        if self.variable is None:
            return self.read(env.context if self.context else value)
        if self.variable not in env.variables:
            raise PathMissing(f"The variable ${self.variable} is not set")
        return self.read(env.variables[self.variable])

    def read(self, root: Any) -> Any:
        """What the path selects in `root`. Raises PathMissing."""
        value = root
        for position, step in enumerate(self.lead):
            if isinstance(step, str):
                if type(value) is dict and step in value:
                    value = value[step]
                    continue
            elif type(value) is list and -len(value) <= step < len(value):
                value = value[step]
                continue
            if not self.definite:
                return self._apply([])
            raise PathMissing(self._why(position, value))
        if self.definite:
            return self._apply(value)
        found = [value]
        for rest in self.rest:
            found = [inner for outer in found for inner in rest(outer)]
        return self._apply(found)

    @property
    def is_reference(self) -> bool:
        """Whether it is a reference path: names and indexes counted from the front."""
        return (
            self.definite
            and self.function is None
            and not any(isinstance(step, int) and step < 0 for step in self.lead)
        )

    def _apply(self, value: Any) -> Any:
        if self.function is None:
            return value
        try:
            return FUNCTIONS[self.function](value)
        except (ValueError, OverflowError) as error:
            raise PathMissing(f"Function {self.function}() cannot be applied: {error}") from None

    def _why(self, position: int, value: Any) -> str:
        step = self.lead[position]
        here = bracketed(self.lead[:position])
        if isinstance(step, int):
            if value is None:
                return f"The path {here} is null"
            if not isinstance(value, list):
                return (
                    f"Filter: [{step}] can only be applied to arrays. Current context is: {json.dumps(value)}"
                )
        elif not isinstance(value, dict):
            found = json.kind(value)
            return f"Expected to find an object with property ['{step}'] in path {here} but found '{found}'."
        elif position + 1 < len(self.lead):
            return f"Missing property in path {bracketed(self.lead[: position + 1])}"
        return f"No results for path: {bracketed(self.lead)}"


def bracketed(steps: Iterable[str | int]) -> str:
    """A definite path in bracket notation: `$['a'][0]`."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in steps)


@lru_cache(maxsize=4096)
def parse(text: str) -> JsonPath:
    """Parse a path. Raises PathError. Definitions repeat their paths, and a parsed one is a value."""
    scanner = Scanner(text)
    if not scanner.take("$"):
        raise PathError("Path didn't start with '$'")
    context = scanner.take("$")
    variable = None if context else scanner.identifier()
    if variable == RESERVED:
        raise PathError(f"${RESERVED} is not available in JSONPath")
    if not scanner.done and scanner.peek not in ".[":
        raise PathError(f"unexpected '{scanner.peek}' behind '{text[: scanner.at]}'")
    if text.count("(") + text.count("!") > MAX_NESTED:
        raise PathError(f"it has more than {MAX_NESTED} parentheses or negations")
    path = replace(parse_steps(scanner, text, context), variable=variable)
    if not scanner.done:
        raise PathError(f"unexpected '{scanner.peek}' at position {scanner.at + 1}")
    return path


def parse_reference(text: str) -> JsonPath:
    """Parse a reference path. Raises PathError."""
    if not text.startswith("$"):
        raise PathError("Reference path didn't start with '$'")
    path = parse(text)
    if not path.is_reference:
        raise PathError("Reference path must lead to a single value by names and indexes")
    return path


def parse_steps(scanner: Scanner, text: str, context: bool) -> JsonPath:
    """The steps behind a path's `$` or `@`, as far as they go."""
    lead: list[str | int] = []
    rest: list[Step] = []
    function: str | None = None
    while function is None:
        if scanner.take(".."):
            step = _bracket(scanner) if scanner.take("[") else _dotted(scanner)
            rest.append(_deep(step))
            continue
        if scanner.take("["):
            step = _bracket(scanner)
        elif scanner.take("."):
            if (name := scanner.function_name()) is not None:
                if name not in FUNCTIONS:
                    raise PathError(f"unknown function {name}()")
                function = name
                continue
            step = _dotted(scanner)
        else:
            break
        if isinstance(step, str | int) and not rest:
            lead.append(step)
        else:
            rest.append(_step(step))
    return JsonPath(
        text=text,
        context=context,
        definite=not rest,
        lead=tuple(lead),
        rest=tuple(rest),
        function=function,
    )


@dataclass(frozen=True, slots=True)
class _Filter:
    accepts: Predicate


_Parsed = str | int | _Filter | Step


def _dotted(scanner: Scanner) -> _Parsed:
    return _every if scanner.take("*") else scanner.name()


def _bracket(scanner: Scanner) -> _Parsed:
    """What stands behind a `[`."""
    scanner.blanks()
    if scanner.take("?"):
        predicate = parse_filter(scanner, parse_steps_of)
        scanner.expect("]")
        return _Filter(predicate)
    if scanner.take("*"):
        scanner.expect("]")
        return _every
    if scanner.peek in "'\"":
        names = [scanner.quoted()]
        while scanner.take_token(","):
            names.append(scanner.quoted())
        scanner.expect("]")
        return names[0] if len(names) == 1 else _some_names(names)
    first = scanner.integer()
    if scanner.take_token(":"):
        last = scanner.integer()
        scanner.expect("]")
        return _slice(first, last)
    if first is None:
        raise PathError(
            "'[' must be followed by ' or '['" if scanner.done else f"unexpected '{scanner.peek}'"
        )
    indexes = [first]
    while scanner.take_token(","):
        following = scanner.integer()
        if following is None:
            raise PathError("an index must follow ','")
        indexes.append(following)
    scanner.expect("]")
    return first if len(indexes) == 1 else _some_indexes(indexes)


def parse_steps_of(scanner: Scanner) -> JsonPath:
    """A path inside a filter, behind its `@` or `$`."""
    start = scanner.at
    path = parse_steps(scanner, "", context=False)
    if scanner.at == start and not scanner.done and scanner.peek.isalnum():
        raise PathError(f"unexpected '{scanner.peek}' in a filter")
    return path


def _step(parsed: _Parsed) -> Step:
    """One step of a path that is not definite: what is missing is left out."""
    if isinstance(parsed, str):
        name = parsed
        return lambda value: [value[name]] if isinstance(value, dict) and name in value else []
    if isinstance(parsed, int):
        return _some_indexes([parsed])
    if isinstance(parsed, _Filter):
        accepts = parsed.accepts

        def select(value: Any) -> Iterator[Any]:
            candidates = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
            return filter(accepts, candidates)

        return select
    return parsed


def _deep(parsed: _Parsed) -> Step:
    """`..`: the step at every value inside, outer ones first."""
    if isinstance(parsed, _Filter):
        accepts = parsed.accepts
        return lambda value: filter(accepts, _descend(value))
    step = _step(parsed)
    return lambda value: [found for inner in _descend(value) for found in step(inner)]


def _descend(value: Any) -> Iterator[Any]:
    stack = [value]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, dict):
            stack.extend(reversed(current.values()))
        elif isinstance(current, list):
            stack.extend(reversed(current))


def _every(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _some_names(names: list[str]) -> Step:
    """`['a','b']`: an object with those of the names that are there."""
    return lambda value: (
        [{name: value[name] for name in names if name in value}] if isinstance(value, dict) else []
    )


def _some_indexes(indexes: list[int]) -> Step:
    return lambda value: (
        [value[index] for index in indexes if -len(value) <= index < len(value)]
        if isinstance(value, list)
        else []
    )


def _slice(first: int | None, last: int | None) -> Step:
    return lambda value: value[first:last] if isinstance(value, list) else []


def _numbers(value: Any) -> list[Any]:
    numbers = [item for item in value if json.is_number(item)] if isinstance(value, list) else []
    if not numbers:
        raise ValueError("there is no number")
    return numbers


def _sum(numbers: list[Any]) -> Any:
    if math.isinf(total := sum(numbers)):
        raise OverflowError("the sum is out of range")
    return total
