"""What rest-json and rest-xml share: members bound to the URI, the query, headers, the status, the payload.

An operation's bindings are worked out once, when it is first called.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from botocore.model import Shape

from stepwell.api.models import operation_model
from stepwell.calls import Body
from stepwell.gateway.http import Request
from stepwell.gateway.protocols.scalars import Malformed, ReadText, WriteText, text_reader, text_writer

_TEXT = ("string", "blob")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bindings:
    """Where the members of one input or output travel: name on the wire → (member, its shape)."""

    #: URI labels
    labels: Mapping[str, tuple[str, Shape]]
    #: query parameters
    query: Mapping[str, tuple[str, Shape]]
    #: the member that takes every other query parameter, if there is one
    query_rest: tuple[str, Shape] | None
    #: headers, by lower-case name
    headers: Mapping[str, tuple[str, Shape]]
    #: header prefixes (`x-amz-meta-`), lower case
    prefixes: Mapping[str, str]
    #: the member that holds the HTTP status
    status: str | None
    #: the member that is the whole content
    payload: tuple[str, Shape] | None
    #: whether some members form the content together
    has_document: bool


@lru_cache(maxsize=4096)
def input_bindings(service: str, operation: str) -> Bindings:
    """The bindings of the operation's input, which must have a shape."""
    return _bindings(operation_model(service, operation).input_shape)


@lru_cache(maxsize=4096)
def output_bindings(service: str, operation: str) -> Bindings:
    """The bindings of the operation's output, which must have a shape."""
    return _bindings(operation_model(service, operation).output_shape)


def _bindings(shape: Shape) -> Bindings:
    payload_name = shape.serialization.get("payload")
    places: dict[str, dict[str, tuple[str, Shape]]] = {"uri": {}, "querystring": {}, "header": {}}
    prefixes: dict[str, str] = {}
    query_rest = status = payload = None
    has_document = False
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        wire = member.serialization.get("name", name)
        if name == payload_name:
            payload = (name, member)
        elif location == "querystring" and member.type_name == "map":
            query_rest = (name, member)
        elif location == "headers":
            prefixes[wire.lower()] = name
        elif location == "statusCode":
            status = name
        elif location in places:
            places[location][wire.lower() if location == "header" else wire] = (name, member)
        else:
            has_document = True
    return Bindings(
        labels=places["uri"],
        query=places["querystring"],
        query_rest=query_rest,
        headers=places["header"],
        prefixes=prefixes,
        status=status,
        payload=payload,
        has_document=has_document and payload_name is None,
    )


def read_bound(request: Request, bindings: Bindings) -> dict[str, Any]:
    """The members that travel outside the content. Raises Malformed."""
    params: dict[str, Any] = {}
    for label, (name, shape) in bindings.labels.items():
        if label in request.labels:
            params[name] = text_reader(shape)(request.labels[label], name)
    if request.raw_query and (bindings.query or bindings.query_rest):
        params |= _read_query(request, bindings)
    for header, (name, shape) in bindings.headers.items():
        text = request.headers.get(header)
        if text is not None and (text or shape.type_name == "string"):
            params[name] = _read_header(shape, text, name)
    for prefix, name in bindings.prefixes.items():
        found = {
            key[len(prefix) :]: value for key, value in request.headers.items() if key.startswith(prefix)
        }
        if found:
            params[name] = found
    return params


def _read_query(request: Request, bindings: Bindings) -> dict[str, Any]:
    params: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, text in request.query:
        if key in bindings.query:
            name, shape = bindings.query[key]
            if shape.type_name == "list":
                params.setdefault(name, []).append(text_reader(shape.member)(text, name))
            elif text or shape.type_name == "string":
                params[name] = text_reader(shape)(text, name)
        elif bindings.query_rest is not None:
            if bindings.query_rest[1].value.type_name == "list":
                rest.setdefault(key, []).append(text)
            else:
                rest[key] = text
    if bindings.query_rest is not None and rest:
        params[bindings.query_rest[0]] = rest
    return params


def _read_header(shape: Shape, text: str, where: str) -> Any:
    if shape.type_name != "list":
        return text_reader(shape)(text.strip(), where)
    read_item: ReadText = text_reader(shape.member)
    if '"' not in text:
        items = [item.strip() for item in text.split(",")]
    else:
        items = next(csv.reader([text], skipinitialspace=True, escapechar="\\"))
    return [read_item(item, where) for item in items if item]


def read_payload(request: Request, shape: Shape, read_document: Callable[[bytes, Shape], Any]) -> Any:
    """The payload member's value, or None where the content is empty. Raises Malformed."""
    content = request.payload
    if shape.type_name == "blob":
        return content
    assert isinstance(content, bytes)
    if not content:
        return None
    if shape.type_name == "string":
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise Malformed("The content is not UTF-8 text") from error
    return read_document(content, shape)


def written_headers(output: Mapping[str, Any], bindings: Bindings) -> list[tuple[str, str]]:
    """The headers that carry members of an output."""
    headers: list[tuple[str, str]] = []
    for header, (name, shape) in bindings.headers.items():
        if (value := output.get(name)) is not None:
            headers.append((header, _header_text(shape, value)))
    for prefix, name in bindings.prefixes.items():
        headers.extend((prefix + key, str(value)) for key, value in (output.get(name) or {}).items())
    return headers


def _header_text(shape: Shape, value: Any) -> str:
    write: WriteText = text_writer(shape.member if shape.type_name == "list" else shape, "rfc822")
    return ", ".join(write(item) for item in value) if shape.type_name == "list" else write(value)


def raw_payload(value: Any) -> bytes | Body:
    """A payload member of type blob or string as content."""
    if value is None:
        return b""
    if isinstance(value, str):
        return value.encode()
    content: bytes | Body = value
    return content


def is_raw(shape: Shape) -> bool:
    """Whether a payload member is the content itself, not a document."""
    return shape.type_name in _TEXT
