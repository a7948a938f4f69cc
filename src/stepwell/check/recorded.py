"""Resources as a run of the program registers them, in the terms in which rules look at resources.

A registered property holds what the recorder answered for other resources: stand-ins, as text. Where the SDK
says that a property depends on a resource, that resource's stand-ins in it are taken for references again.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwell.check.json_values import ACCOUNT, REGION
from stepwell.check.resources import Declared
from stepwell.check.sources import Place, Source
from stepwell.check.values import (
    Array,
    Invoke,
    Json,
    Literal,
    Made,
    Object,
    Reference,
    Text,
    Unknown,
    Value,
    certain,
    walk,
)
from stepwell.provision import values
from stepwell.provision.registration import Registration

#: shorter stand-ins are found only where they are the whole text
_SHORTEST = 8
#: longer texts are not looked into
_LONGEST = 1_000_000
#: what a program asks of the package, by the stand-in that it gets: function and field
_ASKED = {
    ACCOUNT: ("pulumi_aws.get_caller_identity", "accountId"),
    REGION: ("pulumi_aws.get_region", "region"),
}
#: a recorded resource has no call in a file that is at hand, and so no arguments to edit
_NO_CALL = ast.Call(func=ast.Name(id="component", ctx=ast.Load()), args=[], keywords=[])


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A resource that was registered before, and what was answered for it."""

    declared: Declared
    #: property → text
    outputs: Mapping[str, str]


def declared(
    asked: Registration,
    *,
    place: Place,
    source: Source,
    before: Mapping[str, Known],
    settings: Iterable[str] = (),
) -> Declared:
    """The resource that is registered at `place`.

    Args:
        before: the resources that its properties may depend on, by URN.
        settings: texts that come from the configuration, or stand in for what may.
    """
    written = frozenset(settings)
    properties: dict[str, Value] = {}
    for name, value in asked.values.values.items():
        urns = asked.property_dependencies.get(name, ())
        reader = _Reader(place, [before[urn] for urn in urns if urn in before], written)
        secret = name in asked.values.secrets
        properties[name] = Unknown(place=place, why="secret") if secret else reader.read(value)
    waiting: list[Value] = [
        Reference(place=place, of=before[urn].declared) for urn in asked.dependencies if urn in before
    ]
    options = Made(
        place=place,
        kind="pulumi.ResourceOptions",
        named={"depends_on": Array(place=place, items=waiting)},
    )
    return Declared(
        type=asked.type,
        name=asked.name,
        properties=properties,
        options=options,
        place=place,
        node=_NO_CALL,
        source=source,
    )


def complete(seen: Declared, registered: Declared) -> None:
    """Gives a resource that the reader has seen the properties that it couldn't tell."""
    told = dict(seen.properties)
    for name, value in registered.properties.items():
        if not _certain(told.get(name)) and _certain(value):
            told[name] = _moved(value, seen.at(name))
    seen.properties = told


def _certain(value: Value | None) -> bool:
    """Whether the value is known to its last part, files counted as such."""
    made = [part for _, part in walk(value) if isinstance(part, Made)]
    if not made:
        return certain(value)
    return all(certain(inside) for each in made for inside in (*each.arguments, *each.named.values()))


def _moved(value: Value, place: Place) -> Value:
    """The value as if it were written at another place."""
    for _, part in walk(value):
        part.place = place
        if isinstance(part, Object):
            part.keys = dict.fromkeys(part.entries, place)
    return value


class _Reader:
    """Reads the values of one property."""

    def __init__(self, place: Place, near: Sequence[Known], settings: frozenset[str]) -> None:
        self._place = place
        self._settings = settings
        self._tokens: dict[str, Reference] = {
            text: Reference(place=place, of=Invoke(name=function, arguments={}, place=place), path=(field,))
            for text, (function, field) in _ASKED.items()
        }
        for each in near:
            for field, text in each.outputs.items():
                self._tokens.setdefault(text, Reference(place=place, of=each.declared, path=(field,)))
        parts = sorted((text for text in self._tokens if len(text) >= _SHORTEST), key=len, reverse=True)
        self._parts = re.compile("|".join(map(re.escape, parts)))

    def read(self, value: Any) -> Value:
        """What a value is that came over the wire."""
        place = self._place
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            entries = {str(key): self.read(item) for key, item in value.items()}
            return Object(place=place, entries=entries, keys=dict.fromkeys(entries, place))
        if isinstance(value, list | tuple):
            return Array(place=place, items=[self.read(item) for item in value])
        if isinstance(value, values.Source):
            return self._made(value)
        if value is values.UNKNOWN:
            return Unknown(place=place)
        return Literal(place=place, value=value)

    def _text(self, text: str) -> Value:
        place = self._place
        if text in self._settings:
            return Literal(place=place, value=text, fallback=True)
        if text in self._tokens:
            return self._tokens[text]
        if text.lstrip()[:1] in ("{", "[") and len(text) < _LONGEST:
            try:
                return Json(place=place, value=self.read(json.loads(text)))
            except (ValueError, RecursionError):
                return Literal(place=place, value=text)
        pieces: list[Value] = []
        start = 0
        for match in self._parts.finditer(text):
            if match.start() > start:
                pieces.append(Literal(place=place, value=text[start : match.start()]))
            pieces.append(self._tokens[match[0]])
            start = match.end()
        if not pieces:
            return Literal(place=place, value=text)
        if start < len(text):
            pieces.append(Literal(place=place, value=text[start:]))
        return Text(place=place, parts=tuple(pieces))

    def _made(self, source: values.Source) -> Value:
        place, kind = self._place, "Archive" if source.archive else "Asset"
        if source.members is not None:
            members: dict[str, Value] = {name: self._made(each) for name, each in source.members.items()}
            inside: Value = Object(place=place, entries=members, keys=dict.fromkeys(members, place))
            return Made(place=place, kind="pulumi.AssetArchive", arguments=[inside])
        named = {"File": source.path, "String": source.text, "Remote": source.uri}
        how, told = next((each for each in named.items() if each[1] is not None), ("String", ""))
        return Made(place=place, kind=f"pulumi.{how}{kind}", arguments=[Literal(place=place, value=told)])
