"""The functions that AWS adds to JSONata, and those of JSONata's that must not do as they like.

What depends on chance or on the time takes it from the evaluation's environment, so that a decision made
again gives the same. Source: AWS's guide "Transforming data with JSONata", and recorded runs.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import jsonatapy

from stepwell.asl import json
from stepwell.asl.intrinsics.functions import FUNCTIONS as INTRINSICS
from stepwell.asl.intrinsics.functions import Failure
from stepwell.asl.program import Environment

#: environment, arguments → value; undefined arguments are None
Function = Callable[[Environment, Sequence[Any]], Any]


class Serving:
    """Where the functions of one compiled expression find the environment that they are called in."""

    def __init__(self) -> None:
        self._env: Environment | None = None

    @contextmanager
    def with_(self, env: Environment) -> Iterator[None]:
        """While this lasts, the functions have this environment."""
        self._env = env
        try:
            yield
        finally:
            self._env = None

    def call(self, function: Function, *arguments: Any) -> Any:
        """What the expression calls."""
        assert self._env is not None
        return function(self._env, arguments)


def register(expression: jsonatapy.JsonataExpression, names: set[str], serving: Serving) -> None:
    """Give an expression the functions among `names`."""
    for name in names & FUNCTIONS.keys():
        expression.register(name, partial(serving.call, FUNCTIONS[name]))
    for name in names & OVERRIDES.keys():
        expression.register_override(name, partial(serving.call, OVERRIDES[name]))


def _wrong(function: str, index: int) -> Failure:
    return Failure(f'T0410: Argument {index} of function "{function}" does not match function signature')


def _intrinsic(name: str, intrinsic: str) -> Function:
    """A function that is an intrinsic function under another name."""
    row = INTRINSICS[intrinsic]

    def compute(env: Environment, arguments: Sequence[Any]) -> Any:
        if not row.fewest <= len(arguments) <= row.most or arguments[0] is None:
            raise _wrong(name, 1)
        return row.compute(arguments, env)

    return compute


_numbers = _intrinsic("range", "ArrayRange")


def _range(env: Environment, arguments: Sequence[Any]) -> Any:
    """Recorded on AWS: a single number is handed out as itself, as from any sequence of JSONata."""
    found = _numbers(env, arguments)
    return found[0] if len(found) == 1 else found


def _random(env: Environment, arguments: Sequence[Any]) -> float:
    if not arguments or arguments[0] is None:
        return env.random.random()
    seed = arguments[0]
    if not json.is_number(seed) or seed != int(seed):
        raise _wrong("random", 1)
    return random.Random(int(seed)).random()


def _uuid(env: Environment, arguments: Sequence[Any]) -> str:
    if arguments:
        raise _wrong("uuid", 1)
    return str(uuid.UUID(int=env.random.getrandbits(128), version=4))


def _parse(_env: Environment, arguments: Sequence[Any]) -> Any:
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise _wrong("parse", 1)
    try:
        return json.loads(arguments[0])
    except ValueError as error:
        raise Failure(f"the string is not JSON: {error}") from None


def _shuffle(env: Environment, arguments: Sequence[Any]) -> list[Any]:
    if len(arguments) != 1 or arguments[0] is None:
        raise _wrong("shuffle", 1)
    items = arguments[0] if isinstance(arguments[0], list) else [arguments[0]]
    return env.random.sample(items, len(items))


def _millis(env: Environment, arguments: Sequence[Any]) -> int:
    if arguments:
        raise _wrong("millis", 1)
    return round(env.now * 1000)


def _now(env: Environment, arguments: Sequence[Any]) -> str:
    """`$now([picture [, timezone]])`."""
    if not arguments:
        moment = datetime.fromtimestamp(env.now, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    bindings = {"ms": round(env.now * 1000), **dict(zip(("picture", "zone"), arguments, strict=False))}
    expression = "$fromMillis($ms, $picture, $zone)" if len(arguments) > 1 else "$fromMillis($ms, $picture)"
    text: str = jsonatapy.evaluate(expression, None, bindings)
    return text


def _refused(_env: Environment, _arguments: Sequence[Any]) -> Any:
    raise Failure("T1006: Attempted to invoke a non-function")


#: what AWS adds
FUNCTIONS: dict[str, Function] = {
    "partition": _intrinsic("partition", "ArrayPartition"),
    "range": _range,
    "hash": _intrinsic("hash", "Hash"),
    "uuid": _uuid,
    "parse": _parse,
}
#: what JSONata has itself and Step Functions changes
OVERRIDES: dict[str, Function] = {
    "random": _random,
    "shuffle": _shuffle,
    "now": _now,
    "millis": _millis,
    "eval": _refused,
}
