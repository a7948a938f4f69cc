"""JSON documents by the model's shapes: one reader and one writer per shape, compiled when first used.

Structures are compiled lazily because shapes may contain themselves. Members that the model lacks are
handed on under their own names: the API refuses them by name, where silence would lose them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from botocore.model import ListShape, MapShape, Shape, StructureShape

from stepwell.api.models import operation_model
from stepwell.gateway.protocols.scalars import (
    Malformed,
    blob_from_text,
    blob_to_text,
    finite,
    in_range,
    timestamp_from_text,
    timestamp_writer,
)

Read = Callable[[Any, str], Any]
Write = Callable[[Any], Any]

_KINDS = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}


def _wrong(where: str, expected: str, value: Any) -> Malformed:
    return Malformed(
        f"{where or 'The content'} must be {expected}, not {_KINDS.get(type(value), 'a number')}"
    )


def document(content: bytes) -> Any:
    """The JSON value of `content`; integers of any size. Raises Malformed for anything else, NaN too."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed(f"The content is not valid JSON: {error}") from error


@lru_cache(maxsize=4096)
def input_reader(service: str, operation: str) -> Read:
    """Reads the operation's whole input: `reader(value, "")`. It raises Malformed."""
    return reader(operation_model(service, operation).input_shape)


@lru_cache(maxsize=4096)
def output_writer(service: str, operation: str) -> Write:
    """Writes the operation's whole output to what `msgspec.json.encode` takes."""
    return writer(operation_model(service, operation).output_shape)


def reader(shape: Shape) -> Read:
    """Reads one value of the shape's type."""
    return _READERS[shape.type_name](shape)


def writer(shape: Shape) -> Write:
    """Writes one value of the shape's type."""
    return _WRITERS[shape.type_name](shape)


def _read_structure(shape: StructureShape) -> Read:
    if shape.is_document_type:
        return lambda value, where: value
    table: dict[str, tuple[str, Read]] = {}

    def read(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        if not table:
            table.update(
                (member.serialization.get("name", name), (name, reader(member)))
                for name, member in shape.members.items()
            )
        result: dict[str, Any] = {}
        for key, item in value.items():
            if item is None:
                continue
            if (known := table.get(key)) is None:
                result[key] = item
            else:
                name, read_member = known
                result[name] = read_member(item, f"{where}.{name}" if where else name)
        return result

    return read


def _read_list(shape: ListShape) -> Read:
    item_reader: list[Read] = []

    def read(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        if not item_reader:
            item_reader.append(reader(shape.member))
        read_item = item_reader[0]
        return [read_item(item, f"{where}.{index}") for index, item in enumerate(value, 1)]

    return read


def _read_map(shape: MapShape) -> Read:
    item_reader: list[Read] = []

    def read(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        if not item_reader:
            item_reader.append(reader(shape.value))
        read_item = item_reader[0]
        return {key: read_item(item, f"{where}.{key}") for key, item in value.items()}

    return read


def _read_string(shape: Shape) -> Read:
    def read(value: Any, where: str) -> str:
        if type(value) is not str:
            raise _wrong(where, "a string", value)
        return value

    return read


def _read_integer(shape: Shape) -> Read:
    type_name = shape.type_name

    def read(value: Any, where: str) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise _wrong(where, "an integer", value)
        return in_range(value, type_name, where)

    return read


def _read_number(shape: Shape) -> Read:
    def read(value: Any, where: str) -> float:
        if type(value) not in (int, float):
            raise _wrong(where, "a number", value)
        try:
            return finite(float(value), where)
        except OverflowError as error:
            raise Malformed(f"{where} is out of range for the type {shape.type_name}") from error

    return read


def _read_boolean(shape: Shape) -> Read:
    def read(value: Any, where: str) -> bool:
        if type(value) is not bool:
            raise _wrong(where, "true or false", value)
        return value

    return read


def _read_timestamp(shape: Shape) -> Read:
    def read(value: Any, where: str) -> float:
        if type(value) in (int, float):
            return finite(float(value), where)
        if type(value) is not str:
            raise _wrong(where, "a timestamp", value)
        return timestamp_from_text(value, where)

    return read


def _read_blob(shape: Shape) -> Read:
    def read(value: Any, where: str) -> bytes:
        if type(value) is not str:
            raise _wrong(where, "a Base64 string", value)
        return blob_from_text(value, where)

    return read


def _write_structure(shape: StructureShape) -> Write:
    if shape.is_document_type:
        return _as_is(shape)
    table: dict[str, tuple[str, Write]] = {}

    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        if not table:
            table.update(
                (name, (member.serialization.get("name", name), writer(member)))
                for name, member in shape.members.items()
            )
        result: dict[str, Any] = {}
        for key, item in value.items():
            if item is None:
                continue
            if key not in table:
                raise ValueError(f"The model's {shape.name} has no member {key!r}")
            wire_name, write_member = table[key]
            result[wire_name] = write_member(item)
        return result

    return write


def _write_list(shape: ListShape) -> Write:
    item_writer: list[Write] = []

    def write(value: Any) -> list[Any]:
        if not item_writer:
            item_writer.append(writer(shape.member))
        return [item if item is None else item_writer[0](item) for item in value]

    return write


def _write_map(shape: MapShape) -> Write:
    item_writer: list[Write] = []

    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        if not item_writer:
            item_writer.append(writer(shape.value))
        return {key: item if item is None else item_writer[0](item) for key, item in value.items()}

    return write


def _write_number(shape: Shape) -> Write:
    def write(value: float) -> Any:
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"

    return write


def _as_is(shape: Shape) -> Write:
    return lambda value: value


_READERS: Mapping[str, Callable[[Any], Read]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
    "string": _read_string,
    "character": _read_string,
    "integer": _read_integer,
    "long": _read_integer,
    "float": _read_number,
    "double": _read_number,
    "boolean": _read_boolean,
    "timestamp": _read_timestamp,
    "blob": _read_blob,
}

_WRITERS: Mapping[str, Callable[[Any], Write]] = {
    "structure": _write_structure,
    "list": _write_list,
    "map": _write_map,
    "string": _as_is,
    "character": _as_is,
    "integer": _as_is,
    "long": _as_is,
    "float": _write_number,
    "double": _write_number,
    "boolean": _as_is,
    "timestamp": lambda shape: timestamp_writer(shape, "unixtimestamp"),
    "blob": lambda shape: blob_to_text,
}
