"""What a resource type consists of: its properties as rows, and the functions that make, read and delete it.

A Pulumi program may name any of the properties that the AWS package declares. Each is in one of three
classes: *honoured* (it takes effect through a call), *recorded* (kept in the state and shown, without any
effect here) or *refused* (by name, with the reason, before anything is called). A property in no class is
refused too. What the Python package doesn't carry, the changes that make a new resource necessary and the
names that are given automatically, is written here as well.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import Finding
from stepwell.provision.values import UNKNOWN, contains_unknown

Inputs = Mapping[str, Any]
Standing = Literal["honoured", "recorded", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of a resource type, or one field of a block."""

    #: what becomes of it
    standing: Standing
    #: whether a change makes a new resource necessary
    replaces: bool = False
    #: whether it must be given
    required: bool = False
    #: the value when it isn't given
    default: Any = None
    #: whether it is a JSON document, compared by meaning
    document: bool = False
    #: whether it is a list whose order means nothing
    unordered: bool = False
    #: whether it is a list of blocks
    many: bool = False
    #: the values that it may have; empty: any
    choices: tuple[Any, ...] = ()
    #: the fields of a block, or of each block of a list
    fields: Mapping[str, Property] | None = None
    #: why it is refused
    reason: str = ""
    #: for a document with a language of its own: all that is wrong in its text
    inspect: Callable[[str], Iterator[Finding]] | None = None


def honoured(
    *,
    replaces: bool = False,
    required: bool = False,
    default: Any = None,
    document: bool = False,
    unordered: bool = False,
    many: bool = False,
    choices: tuple[Any, ...] = (),
    fields: Mapping[str, Property] | None = None,
    inspect: Callable[[str], Iterator[Finding]] | None = None,
) -> Property:
    """A property that takes effect through a call."""
    return Property(
        standing="honoured",
        replaces=replaces,
        required=required,
        default=default,
        document=document,
        unordered=unordered,
        many=many,
        choices=choices,
        fields=fields,
        inspect=inspect,
    )


def recorded(*, replaces: bool = False, choices: tuple[Any, ...] = ()) -> Property:
    """A property without effect here, kept and shown."""
    return Property(standing="recorded", replaces=replaces, choices=choices)


def refused(reason: str) -> Property:
    """A property that can't be had here."""
    return Property(standing="refused", reason=reason)


def block(names: str) -> dict[str, Property]:
    """Fields that are all honoured, by their names."""
    return {name: honoured() for name in names.split()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How a resource gets its name when the program gives none."""

    #: the property
    property: str = "name"
    #: the property that gives only the beginning, or empty
    prefix: str = ""
    #: the longest name
    longest: int = 64
    #: whether names are in lower case
    lower: bool = False
    #: whether the name ends in digits that make it unique
    suffixed: bool = True
    #: what the name of a resource with these inputs must end in
    ending: Callable[[Inputs], str] = lambda inputs: ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What a create answers that no read will answer again."""

    #: the resource's id
    id: str
    #: computed properties, such as the secret of an access key
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A type of resource: a table and five functions, each of which gets checked inputs.

    A create is one call, so that a failure means that there is nothing; what more it takes is `settle`. The
    id can be told from the inputs alone, or found by them, so that a create whose answer was lost can be
    found again.
    """

    #: the type token, `aws:s3/bucket:Bucket`
    token: str
    #: its input properties
    properties: Mapping[str, Property]
    #: its properties that the endpoint computes
    computed: frozenset[str]
    #: makes it
    create: Callable[[Cloud, Inputs], str | Created]
    #: its present properties, inputs and computed ones; None when there is no such resource
    read: Callable[[Cloud, str, Inputs], dict[str, Any] | None]
    #: takes it away; no error when it is gone already
    delete: Callable[[Cloud, str, Inputs], None]
    #: the id that a create with these inputs gives; empty where the endpoint chooses it
    identify: Callable[[Cloud, Inputs], str]
    #: for an id that the endpoint chooses: that of the resource which a create with these inputs has made
    find: Callable[[Cloud, Inputs], str | None] | None = None
    #: changes it from the first inputs to the second, and gives its id where that changes, too; empty first
    #: ones apply all; None: always replaced
    update: Callable[[Cloud, str, Inputs, Inputs], str | None] | None = None
    #: what a new one needs after its create; None: nothing
    settle: Callable[[Cloud, str, Inputs], None] | None = None
    #: its automatic name; None: the name is required, or there is none
    naming: Naming | None = None
    #: computed properties that an update may change
    volatile: frozenset[str] = frozenset()
    #: computed properties that only its create tells; they are kept
    told: frozenset[str] = frozenset()
    #: further conditions: messages about inputs that contradict each other
    check: Callable[[Inputs], Iterator[str]] | None = None


def check(kind: ResourceType, inputs: Inputs, region: str) -> list[str]:
    """All that is wrong with `inputs`, one message each; values that aren't known yet are passed over."""
    found = list(_check(kind.properties, inputs, ""))
    asked = inputs.get("region")
    if isinstance(asked, str) and asked != region:
        found.append(f"region is {asked}, the server's is {region}: one server serves one region")
    if kind.check is not None and not contains_unknown(dict(inputs)):
        found += kind.check(inputs)
    return found


def inspect(kind: ResourceType, inputs: Inputs) -> list[Finding]:
    """All that is wrong inside the documents of `inputs`; those that aren't known yet are passed over."""
    findings: list[Finding] = []
    for name, row in kind.properties.items():
        text = inputs.get(name)
        if row.inspect is not None and isinstance(text, str):
            findings += [replace(found, property=name) for found in row.inspect(text)]
    return findings


def _check(table: Mapping[str, Property], values: Inputs, place: str) -> Iterator[str]:
    for name, value in values.items():
        path = f"{place}{name}"
        row = table.get(name)
        if row is None:
            close = difflib.get_close_matches(name, table, n=1)
            yield f"unknown property {path}" + (f" (is {place}{close[0]} meant?)" if close else "")
        elif row.standing == "refused":
            yield f"property {path} is not supported: {row.reason}"
        else:
            yield from _check_value(row, value, path)
    for name, row in table.items():
        if row.required and name not in values:
            yield f"property {place}{name} is missing"


def _check_value(row: Property, value: Any, path: str) -> Iterator[str]:
    if contains_unknown(value) and not isinstance(value, Mapping | list):
        return
    if row.choices and value not in row.choices:
        yield f"property {path} is {value!r}; it can be {', '.join(map(repr, row.choices))}"
    if row.document and row.inspect is None and isinstance(value, str):
        try:
            json.loads(value)
        except ValueError as error:
            yield f"property {path} is not JSON: {error}"
    if row.many and row.fields is not None and isinstance(value, Mapping):
        yield f"property {path} is an object; it takes a list of objects with {', '.join(row.fields)}"
        return
    if row.fields is not None:
        blocks = value if isinstance(value, list) else [value]
        for index, item in enumerate(blocks):
            at = f"{path}[{index}]" if isinstance(value, list) else path
            if isinstance(item, Mapping):
                yield from _check(row.fields, item, f"{at}.")


def with_texts(table: Mapping[str, Property], inputs: Inputs) -> dict[str, Any]:
    """`inputs` with documents that are given as objects written out as JSON; AWS's package takes both."""
    texts: dict[str, Any] = {}
    for name, value in inputs.items():
        row = table.get(name)
        if row is not None and row.document and isinstance(value, Mapping | list):
            texts[name] = UNKNOWN if contains_unknown(value) else json.dumps(value)
        elif row is not None and row.fields is not None and isinstance(value, list):
            texts[name] = [with_texts(row.fields, v) if isinstance(v, Mapping) else v for v in value]
        else:
            texts[name] = value
    return texts


def with_defaults(kind: ResourceType, inputs: Inputs) -> dict[str, Any]:
    """`inputs` and the defaults of what isn't given."""
    defaults = {name: row.default for name, row in kind.properties.items() if row.default is not None}
    return {**defaults, **inputs}


def without_effect(kind: ResourceType, inputs: Inputs) -> list[str]:
    """The given properties that are only recorded."""
    return [
        name for name in inputs if name in kind.properties and kind.properties[name].standing == "recorded"
    ]
