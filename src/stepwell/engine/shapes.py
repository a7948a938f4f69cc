"""Between a state's JSON and an API's parameters: names, blobs and times, by botocore's shapes.

Amazon States Language spells every member in PascalCase, whatever the API says; blobs are text or JSON
there, and times are text (or, in optimised integrations, milliseconds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from stepwell.asl.json import dumps
from stepwell.asl.timestamps import nanoseconds
from stepwell.calls import BytesBody, read_body
from stepwell.clock import iso

#: how a time is shown, from seconds since the epoch
Time = Callable[[float], Any]


class ParametersInvalid(Exception):
    """The parameters do not fit the API; AWS fails the state before it calls anything."""


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def text_time(seconds: float) -> str:
    return iso(seconds).replace(".000Z", "Z")


def request(model: OperationModel, parameters: Any) -> dict[str, Any]:
    """The operation's input. Raises ParametersInvalid."""
    if not isinstance(parameters, Mapping):
        raise ParametersInvalid("The Parameters must be a JSON object")
    shape = model.input_shape
    if shape is None:
        return {}
    found: dict[str, Any] = _in(shape, parameters, "")
    stream = model.get_streaming_input()
    if stream is not None:
        for name, member in shape.members.items():
            if member is stream and isinstance(found.get(name), bytes):
                found[name] = BytesBody(found[name])
                if member.serialization.get("streaming"):
                    found = {**_said_of_text(model, found), **found}
    return found


def _said_of_text(model: OperationModel, given: Mapping[str, Any]) -> dict[str, str]:
    """What Step Functions' SDK says of a body where the state does not: recorded on AWS."""
    said = {"ContentType": "text/plain; charset=UTF-8"}
    algorithm = (model.http_checksum or {}).get("requestAlgorithmMember")
    if algorithm is not None and not any(name.startswith("Checksum") for name in given):
        said[algorithm] = "CRC32"
    return {name: value for name, value in said.items() if name in model.input_shape.members}


def _in(shape: Shape, value: Any, name: str) -> Any:
    if value is None:
        return None
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            raise ParametersInvalid(f"The value for the field '{name}' must be an object")
        members = _members(shape)
        found = {}
        for key, item in value.items():
            spelled = members.get(key.casefold())
            if spelled is None:
                raise ParametersInvalid(f"The field '{key}' is not supported by Step Functions")
            if item is not None:
                found[spelled] = _in(shape.members[spelled], item, key)
        return found
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise ParametersInvalid(f"The value for the field '{name}' must be an array")
        return [_in(shape.member, item, name) for item in value]
    if isinstance(shape, MapShape):
        if not isinstance(value, Mapping):
            raise ParametersInvalid(f"The value for the field '{name}' must be an object")
        return {key: _in(shape.value, item, name) for key, item in value.items()}
    if shape.type_name == "blob":
        # recorded on AWS: text too is put as JSON, with its quotes
        return dumps(value).encode()
    if shape.type_name == "timestamp":
        return _seconds(value, name)
    if shape.type_name == "string" and not isinstance(value, str):
        raise ParametersInvalid(f"The value for the field '{name}' must be a STRING")
    return value


def _members(shape: StructureShape) -> dict[str, str]:
    return {name.casefold(): name for name in shape.members}


def _seconds(value: Any, name: str) -> float:
    if isinstance(value, str):
        found = nanoseconds(value)
        if found is not None:
            return found / 1e9
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ParametersInvalid(f"The value for the field '{name}' must be a TIMESTAMP")


def response(shape: Shape | None, output: Mapping[str, Any], time: Time) -> dict[str, Any]:
    """An operation's output as a state sees it. Streams must have been read (`read_streams`)."""
    if shape is None:
        return {}
    found: dict[str, Any] = _out(shape, output, time)
    return found


def _out(shape: Shape, value: Any, time: Time) -> Any:
    if isinstance(shape, StructureShape):
        return {
            name[0].upper() + name[1:]: _out(shape.members[name], item, time)
            for name, item in value.items()
            if item is not None and name in shape.members
        }
    if isinstance(shape, ListShape):
        return [_out(shape.member, item, time) for item in value]
    if isinstance(shape, MapShape):
        return {key: _out(shape.value, item, time) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return time(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


async def read_streams(output: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """The output with its bodies read. Raises ValueError when one has more than `limit` bytes."""
    return {
        name: await read_body(value, limit) if hasattr(value, "chunks") else value
        for name, value in output.items()
    }
