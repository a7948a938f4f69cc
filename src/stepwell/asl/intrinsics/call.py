"""The grammar of intrinsic calls, compiled to closures.

call     = "States." name "(" [ argument { "," argument } ] ")"
argument = call | path | 'text' | number | true | false | null
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stepwell.asl import json
from stepwell.asl.faults import INTRINSIC_FAILURE, RUNTIME, StateError
from stepwell.asl.intrinsics.functions import FUNCTIONS, Failure, Function
from stepwell.asl.jsonpath import JsonPath, PathMissing
from stepwell.asl.jsonpath import parse as parse_path
from stepwell.asl.pathtext import PathError, Scanner
from stepwell.asl.program import Environment, Expression

#: AWS's limit of calls inside calls, in one field
MAX_NESTED = 10

_WORDS = {"true": True, "false": False, "null": None}
#: what `\` may stand in front of
_ESCAPABLE = "'{}\\"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. Calling it evaluates it; it raises `StateError`."""

    #: as written, for messages
    text: str
    name: str
    function: Function
    arguments: tuple[Expression, ...]

    def __call__(self, value: Any, env: Environment) -> Any:
        arguments = [self._argument(argument, value, env) for argument in self.arguments]
        try:
            return self.function.compute(arguments, env)
        except Failure as failure:
            raise self._error(INTRINSIC_FAILURE, str(failure)) from None

    def _argument(self, argument: Expression, value: Any, env: Environment) -> Any:
        if not isinstance(argument, JsonPath):
            return argument(value, env)
        try:
            return argument(value, env)
        except PathMissing:
            found = json.dumps(env.context if argument.context else value)
            raise self._error(
                RUNTIME,
                f"The JsonPath argument for the field '{argument.text}' could not be found "
                f"in the input '{found}'",
            ) from None

    def _error(self, error: str, why: str) -> StateError:
        return StateError(error, f"The function '{self.text}' had the following error: {why}")


def parse(text: str) -> Call:
    """Parse a whole call. Raises PathError for what is none."""
    scanner = Scanner(text)
    scanner.blanks()
    call = _call(scanner, depth=0)
    scanner.blanks()
    if not scanner.done:
        raise PathError(f"unexpected '{scanner.peek}' at position {scanner.at + 1}")
    return call


def _call(scanner: Scanner, depth: int) -> Call:
    start = scanner.at
    if depth > MAX_NESTED:
        raise PathError(f"more than {MAX_NESTED} calls inside each other")
    if not scanner.take("States."):
        raise PathError("it does not begin with 'States.'")
    name = scanner.name()
    function = FUNCTIONS.get(name)
    if function is None:
        raise PathError(f"there is no function States.{name}")
    scanner.expect("(")
    arguments: list[Expression] = []
    while not scanner.take_token(")"):
        if arguments:
            scanner.expect(",")
            scanner.blanks()
        template = function.takes_template and not arguments
        arguments.append(_argument(scanner, depth, template))
    if not function.fewest <= len(arguments) <= function.most:
        raise PathError(f"States.{name} does not take {len(arguments)} arguments")
    text = scanner.text[start : scanner.at].strip()
    return Call(text=text, name=name, function=function, arguments=tuple(arguments))


def _argument(scanner: Scanner, depth: int, template: bool) -> Expression:
    start = scanner.peek
    if start == "S":
        return _call(scanner, depth + 1)
    if start == "$":
        return parse_path(_path_text(scanner))
    if start == "'":
        text = _text(scanner, keep_braces=template)
        return _constant(text)
    for word, value in _WORDS.items():
        if scanner.take(word):
            return _constant(value)
    return _constant(scanner.number())


def _constant(value: Any) -> Expression:
    return lambda _value, _env: value


def _path_text(scanner: Scanner) -> str:
    """A path's text: up to the `,` or `)` that belongs to the call."""
    start = scanner.at
    depth = 0
    while True:
        char = scanner.peek
        if char in "'\"":
            scanner.quoted()
            continue
        if depth == 0 and char in ",)":
            return scanner.text[start : scanner.at].strip()
        depth += (char in "([") - (char in ")]")
        scanner.at += 1


def _text(scanner: Scanner, *, keep_braces: bool) -> str:
    """A quoted text. A template keeps the `\\` in front of braces: they are not its placeholders."""
    scanner.at += 1
    found: list[str] = []
    while (char := scanner.peek) != "'":
        scanner.at += 1
        if char == "\\":
            char = scanner.peek
            scanner.at += 1
            if char not in _ESCAPABLE:
                raise PathError(f"'\\{char}' is not an escape")
            if keep_braces and char != "'":
                found.append("\\")
        found.append(char)
    scanner.at += 1
    return "".join(found)
