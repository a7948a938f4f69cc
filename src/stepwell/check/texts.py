"""Strings that are put together: of what is known, and of what will be known."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

from stepwell.check.sources import Place
from stepwell.check.values import Array, Json, Literal, Made, Object, Text, Unknown, Value, known

#: longer strings are not followed
LONGEST = 1_000_000


def joined(parts: Sequence[Value], place: Place) -> Value:
    """The string of these pieces, one after the other."""
    flat: list[Value] = []
    for part in map(written, parts):
        pieces = part.parts if isinstance(part, Text) else (part,)
        for piece in pieces:
            last = flat[-1] if flat else None
            if isinstance(piece, Literal) and isinstance(last, Literal):
                both = str(last.value) + str(piece.value)
                if len(both) > LONGEST:
                    return Unknown(place=place)
                flat[-1] = Literal(place=last.place, value=both)
            else:
                flat.append(piece)
    if not flat:
        return Literal(place=place, value="")
    if len(flat) == 1 and isinstance(flat[0], Literal):
        return Literal(place=place, value=flat[0].value)
    if len(flat) == 1 and isinstance(flat[0], Json):
        return flat[0]
    return Unknown(place=place) if len(flat) > 1000 else Text(place=place, parts=tuple(flat))


def written(value: Value) -> Value:
    """`str(value)`."""
    value = known(value) or value
    if isinstance(value, Literal):
        return Literal(
            place=value.place, value=value.value if isinstance(value.value, str) else str(value.value)
        )
    if isinstance(value, Made) and value.kind == "pathlib.Path":
        return value.arguments[0]
    if isinstance(value, Array | Object):
        return Unknown(place=value.place)
    return value


def formatted(pattern: str, positional: Sequence[Value], named: Mapping[str, Value], place: Place) -> Value:
    """`pattern.format(...)`, where the fields are plain names and numbers."""
    parts: list[Value] = []
    following = 0
    try:
        fields = list(string.Formatter().parse(pattern))
    except ValueError:
        return Unknown(place=place)
    for before, name, form, conversion in fields:
        parts.append(Literal(place=place, value=before))
        if name is None:
            continue
        if form or conversion:
            return Unknown(place=place)
        if not name:
            name, following = str(following), following + 1
        number = int(name) if name.isdecimal() and len(name) < 5 else None
        if number is not None and number < len(positional):
            parts.append(positional[number])
        elif name in named:
            parts.append(named[name])
        else:
            return Unknown(place=place)
    return joined(parts, place)


def percent(pattern: str, values: Sequence[Value], place: Place) -> Value:
    """`pattern % values`, where all fields are `%s`."""
    pieces = pattern.split("%s")
    if len(pieces) != len(values) + 1 or any("%" in piece for piece in pieces):
        return Unknown(place=place)
    parts: list[Value] = [Literal(place=place, value=pieces[0])]
    for value, piece in zip(values, pieces[1:], strict=True):
        parts += [value, Literal(place=place, value=piece)]
    return joined(parts, place)
