"""Resource types and their properties, by the tables that `stepwell up` goes by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.check.json_values import REGION
from stepwell.check.program import Program
from stepwell.check.resources import Declared
from stepwell.check.rules import Fault, Rule
from stepwell.check.sources import Place
from stepwell.check.values import Array, Literal, Object, Output, Value, camel, get, items, known
from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.schema import Property
from stepwell.provision.values import UNKNOWN

_NAMED = re.compile(r"propert(?:y|ies) ([\w.\[\]]+)")
#: parts of messages about what the server judges (the region), or what has a rule of its own
_JUDGED_ELSEWHERE = (
    "region is ",
    "runCommandParameters.parameters is an object",
    "property cutoff: ",
    "assumeRolePolicy is not JSON",
)
_PARTS = re.compile(r"(\w+)|\[(\d+)\]")


def _types(program: Program) -> Iterator[Fault]:
    for resource in program.resources:
        if resource.type.startswith("aws:") and resource.type not in TYPES:
            short = resource.type.replace("/" + resource.type.rpartition("/")[2].partition(":")[0], "")
            yield Fault(place=resource.place, message=f"`stepwell up` makes no {short}")


def _properties(program: Program) -> Iterator[Fault]:
    for resource in program.resources:
        kind = TYPES.get(resource.type)
        if kind is None:
            continue
        inputs = {
            name: _plain(value, kind.properties.get(name)) for name, value in resource.properties.items()
        }
        inputs = {name: value for name, value in inputs.items() if value is not None}
        try:
            messages = schema.check(kind, inputs, REGION)
        except (AttributeError, KeyError, TypeError, ValueError):
            # a type's own conditions take the shapes that Pulumi's SDK declares for granted
            messages = ["a property has another shape than the type takes"]
        for message in messages:
            if resource.open and message.endswith("is missing"):
                continue
            if any(part in message for part in _JUDGED_ELSEWHERE):
                continue
            yield Fault(place=_place(resource, message), message=f"{resource.label}: {message}")


def _plain(value: Value, row: Property | None) -> Any:
    """The value as the engine would get it; what isn't known yet is passed over by its checks."""
    inner = known(value)
    fields = row.fields if row is not None else None
    if isinstance(inner, Literal) and not isinstance(value, Output):
        return inner.value
    if isinstance(inner, Array) and not inner.open:
        return [_plain(item, row) for item in inner.items]
    if isinstance(inner, Object) and not inner.open:
        return _block(inner, fields)
    return UNKNOWN


def _block(value: Object, fields: Mapping[str, Property] | None) -> dict[str, Any]:
    spelled = {key: camel(key) if fields is not None or value.made else key for key in value.entries}
    found = {
        spelled[key]: _plain(item, (fields or {}).get(spelled[key])) for key, item in value.entries.items()
    }
    return {key: item for key, item in found.items() if item is not None}


def _place(resource: Declared, message: str) -> Place:
    match = _NAMED.search(message)
    if match is None:
        return resource.place
    value: Value | None = None
    place = resource.place
    for index, (word, number) in enumerate(_PARTS.findall(match[1])):
        if not index:
            value, place = resource.get(word), resource.at(word)
        elif number:
            listed = items(value)
            value = listed[int(number)] if int(number) < len(listed) else None
        else:
            value = get(value, word)
        if index and value is not None and value.place.line:
            place = value.place
    return place


RULES = (
    Rule(
        code="SW901",
        title="type that can't be had here",
        severity="error",
        why="`stepwell up` refuses the program before it makes anything.",
        mend="Leave the resource out here, or deploy with `pulumi up`; the reference lists the types.",
        find=_types,
    ),
    Rule(
        code="SW902",
        title="properties that don't fit the type",
        severity="error",
        why="Pulumi or the server refuses the resource.",
        mend="Correct the property.",
        find=_properties,
    ),
)
