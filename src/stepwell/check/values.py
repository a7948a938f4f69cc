"""What a program's expressions are known to be, without running it.

    Literal     a string, number, boolean, None, or bytes
    Array       a list or tuple
    Object      a dict, or the arguments of an `...Args` object
    Text        a string of pieces, of which some are not known before the deployment
    Json        the JSON text of a value, which stays at hand
    Reference   a property of a resource, or of what a `get_...` function found
    Output      what Pulumi hands on before it is known; holds the value that it will have
    Made        an object of a library's class that means something here: an archive, resource options
    Unknown     anything else

Lists and dicts are filled by the program as it goes along, so these two are no frozen values. Each value
remembers where in the program it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stepwell.check.sources import Place

if TYPE_CHECKING:
    from stepwell.check.resources import Declared

Path = tuple[str | int, ...]

NOWHERE = Place(file="", line=0, column=0)


@dataclass(slots=True, kw_only=True, eq=False)
class Value:
    """Anything that an expression can be."""

    #: where the program wrote it
    place: Place = NOWHERE


@dataclass(slots=True, kw_only=True, eq=False)
class Literal(Value):
    """A constant."""

    value: str | int | float | bool | bytes | complex | None
    #: how far after its place a string's first character stands, where the file has it as it is
    verbatim: int | None = None
    #: whether it stands in for a configuration value that may be given
    fallback: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Array(Value):
    """A list or tuple."""

    items: list[Value] = field(default_factory=list)
    #: whether there may be more items than these
    open: bool = False
    #: whether `Output.all` made it: a list, also of one value
    gathered: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Object(Value):
    """A dict with text keys, or the arguments of an `...Args` object."""

    entries: dict[str, Value] = field(default_factory=dict)
    #: where each key was written
    keys: dict[str, Place] = field(default_factory=dict)
    #: whether there may be more entries than these
    open: bool = False
    #: the class whose arguments these are; empty for a dict
    made: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Text(Value):
    """A string whose pieces are strings, references and what is not known."""

    parts: tuple[Value, ...]


@dataclass(slots=True, kw_only=True, eq=False)
class Json(Value):
    """The JSON text of a value."""

    value: Value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Invoke:
    """A call of one of the AWS package's `get_...` functions."""

    #: `aws.get_caller_identity`
    name: str
    arguments: Mapping[str, Value]
    place: Place


@dataclass(slots=True, kw_only=True, eq=False)
class Reference(Value):
    """A property of a resource, or of what an invoke found; the empty path is the thing itself."""

    of: Declared | Invoke
    path: Path = ()


@dataclass(slots=True, kw_only=True, eq=False)
class Output(Value):
    """A Pulumi output; `value` is what it will be, with no outputs in it."""

    value: Value


@dataclass(slots=True, kw_only=True, eq=False)
class Made(Value):
    """An object of a library's class."""

    #: `pulumi.FileArchive`
    kind: str
    arguments: list[Value] = field(default_factory=list)
    named: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Symbol(Value):
    """A module, class or function that is not the program's own, by its full name."""

    name: str


@dataclass(slots=True, kw_only=True, eq=False)
class Native(Value):
    """A function that is known by what it does: a method of a value, or a function of the program."""

    name: str
    call: Callable[..., Value]


@dataclass(slots=True, kw_only=True, eq=False)
class Unknown(Value):
    """A value that can't be told; `why` is for people."""

    why: str = ""
    #: whether it stands for a configuration value that may be absent
    optional: bool = False


def snake(name: str) -> str:
    """`lambdaFunctionArn` as `lambda_function_arn`."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def camel(name: str) -> str:
    """`lambda_function_arn` as `lambdaFunctionArn`."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def known(value: Value | None) -> Value | None:
    """The value itself, or what an output will be."""
    while isinstance(value, Output):
        value = value.value
    return value


def get(value: Value | None, name: str) -> Value | None:
    """A field of an object, by its name in camelCase, however the program spells it."""
    value = known(value)
    if not isinstance(value, Object):
        return None
    found = value.entries.get(name)
    return known(found if found is not None else value.entries.get(snake(name)))


def items(value: Value | None) -> list[Value]:
    """The items of a list; a single value is a list of one, none is empty."""
    value = known(value)
    if value is None or (isinstance(value, Literal) and value.value is None):
        return []
    if isinstance(value, Array):
        return [item for item in map(known, value.items) if item is not None]
    return [value]


def text(value: Value | None) -> str | None:
    """The string that a value is, where it is known."""
    value = known(value)
    if isinstance(value, Literal) and isinstance(value.value, str):
        return value.value
    return None


def constant(value: Value | None) -> Any:
    """The Python constant that a value is, or None."""
    value = known(value)
    return value.value if isinstance(value, Literal) else None


#: how many parts of one value are looked at: a list may hold itself
PARTS = 20_000


def _inside(value: Value) -> Iterator[tuple[Path, Value]]:
    """What a value is made of."""
    if isinstance(value, Array):
        yield from (((index,), item) for index, item in enumerate(value.items))
    elif isinstance(value, Object):
        yield from (((key,), item) for key, item in value.entries.items())
    elif isinstance(value, Json):
        yield (), value.value
    elif isinstance(value, Text):
        yield from (((), part) for part in value.parts)
    elif isinstance(value, Made):
        yield from (((index,), item) for index, item in enumerate(value.arguments))
        yield from (((key,), item) for key, item in value.named.items())


def walk(value: Value | None, path: Path = (), *, outputs: bool = True) -> Iterator[tuple[Path, Value]]:
    """The value and all that is in it, each with its path, up to a bound; `outputs`: looks into them."""
    waiting: list[tuple[Path, Value]] = [] if value is None else [(path, value)]
    for _ in range(PARTS):
        if not waiting:
            return
        where, found = waiting.pop()
        while outputs and isinstance(found, Output):
            found = found.value
        yield where, found
        waiting += [((*where, *step), item) for step, item in reversed(list(_inside(found)))]
    yield (), Unknown(why="too large")


def certain(value: Value | None) -> bool:
    """Whether the value is known to its last part; references count as known."""
    return value is not None and all(
        isinstance(part, Literal | Reference | Text | Json)
        or (isinstance(part, Array | Object) and not part.open)
        for _, part in walk(value)
    )


def holds_output(value: Value) -> bool:
    """Whether an output is in the value."""
    return any(isinstance(part, Output) for _, part in walk(value, outputs=False))


def resolved(value: Value) -> Value:
    """The value as an `apply` sees it: every output in it is what it will be."""
    return _resolved(value, {}, 0)


def _resolved(value: Value, done: dict[int, Value], depth: int) -> Value:
    value = known(value) or value
    if id(value) in done:
        return done[id(value)]
    if depth > 100:
        return Unknown(place=value.place)
    if isinstance(value, Array):
        array = Array(place=value.place, open=value.open, gathered=value.gathered)
        done[id(value)] = array
        array.items = [_resolved(item, done, depth + 1) for item in value.items]
        return array
    if isinstance(value, Object):
        made = Object(place=value.place, keys=value.keys, open=value.open, made=value.made)
        done[id(value)] = made
        made.entries = {key: _resolved(item, done, depth + 1) for key, item in value.entries.items()}
        return made
    return value


def agreed(found: Sequence[Value]) -> Value:
    """The one value that all of them are, or an unknown one."""
    first = found[0]
    if all(each is first or _equal(each, first) for each in found[1:]):
        return first
    unknown = Unknown(place=found[-1].place, why="depends on a condition")
    outputs = any(isinstance(each, Output) for each in found)
    return Output(place=unknown.place, value=unknown) if outputs else unknown


def _equal(one: Value, other: Value) -> bool:
    return isinstance(one, Literal) and isinstance(other, Literal) and one.value == other.value


#: how many items of a known list a loop goes through
ROUNDS = 200


def iterated(value: Value) -> list[Value] | None:
    """What a loop over the value goes through, or None."""
    if isinstance(value, Array) and not value.open:
        return list(value.items)
    if isinstance(value, Object) and not value.open:
        return [Literal(place=value.keys.get(key, value.place), value=key) for key in value.entries]
    return None
