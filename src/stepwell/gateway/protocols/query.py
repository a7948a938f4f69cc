"""AWS query (IAM, STS, SNS): a form with `Action` and `Version` in, an XML document out.

`Roles.member.1.Tags.member.2.Key=…` is first folded into a tree by its dots, then read by the shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from stepwell.api.models import operation_model, service_metadata
from stepwell.calls import Reply
from stepwell.errors import AwsError
from stepwell.gateway.http import Request, Response
from stepwell.gateway.protocols.faults import wire_error
from stepwell.gateway.protocols.scalars import Malformed, text_reader
from stepwell.gateway.protocols.xml import escape, leaf
from stepwell.gateway.protocols.xml_values import members_writer, wire_name

Node = Any
ReadNode = Callable[[Node, str], Any]

_MOST_FIELDS = 10_000
_NOT_PARAMETERS = ("Action", "Version")


def form(request: Request) -> dict[str, str]:
    """The request's fields: of the query for GET, else of the content. Raises AwsError MalformedInput."""
    content = request.payload
    assert isinstance(content, bytes)
    if request.method == "GET" or not content:
        return dict(request.query)
    try:
        text = content.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise AwsError(f"The content is not a form: {error}", code="MalformedInput") from error
    return {**dict(request.query), **dict(pairs)}


def parse(request: Request, operation: OperationModel) -> dict[str, Any]:
    """The operation's parameters. Raises AwsError MalformedInput."""
    try:
        tree = _tree(form(request))
        if operation.input_shape is None:
            return {}
        read = _input_reader(operation.service_model.service_name, operation.name)
        params: dict[str, Any] = read(tree, "")
    except Malformed as fault:
        raise AwsError(str(fault), code="MalformedInput") from fault
    return params


def serialise(reply: Reply, operation: OperationModel, request_id: str) -> Response:
    """The response that boto3 parses to `reply.output`."""
    result = ""
    if operation.output_shape is not None:
        wrapper = operation.output_shape.serialization.get("resultWrapper", f"{operation.name}Result")
        write = _output_writer(operation.service_model.service_name, operation.name)
        result = f"<{wrapper}>{write(reply.output)}</{wrapper}>"
    namespace = escape(operation.service_model.metadata.get("xmlNamespace", ""))
    metadata = f"<ResponseMetadata>{leaf('RequestId', request_id)}</ResponseMetadata>"
    root = f"{operation.name}Response"
    return Response(
        status=reply.status or operation.http.get("responseCode", 200),
        headers=(*_headers(request_id), *reply.headers.items()),
        body=f'<{root} xmlns="{namespace}">{result}{metadata}</{root}>'.encode(),
    )


def error(fault: AwsError, service: str | None, request_id: str) -> Response:
    """The error as `ErrorResponse` with its Type, Code and Message."""
    wire = wire_error(fault, "query", service)
    namespace = escape(service_metadata(service).get("xmlNamespace", "")) if service is not None else ""
    attribute = f' xmlns="{namespace}"' if namespace else ""
    details = "".join(
        (
            leaf("Type", "Sender" if wire.sender else "Receiver"),
            leaf("Code", wire.code),
            leaf("Message", fault.message),
            *(leaf(name, str(value)) for name, value in fault.fields.items()),
        )
    )
    body = (
        f"<ErrorResponse{attribute}><Error>{details}</Error>{leaf('RequestId', request_id)}</ErrorResponse>"
    )
    return Response(status=wire.status, headers=_headers(request_id), body=body.encode())


def _headers(request_id: str) -> tuple[tuple[str, str], ...]:
    return (("content-type", "text/xml"), ("x-amzn-RequestId", request_id))


@lru_cache(maxsize=4096)
def _input_reader(service: str, operation: str) -> ReadNode:
    return _reader(operation_model(service, operation).input_shape)


@lru_cache(maxsize=4096)
def _output_writer(service: str, operation: str) -> Callable[[Mapping[str, Any]], str]:
    return members_writer(operation_model(service, operation).output_shape, "iso8601")


def _tree(fields: Mapping[str, str]) -> dict[str, Node]:
    root: dict[str, Node] = {}
    for key, value in fields.items():
        if key in _NOT_PARAMETERS or key.lower().startswith("x-amz-"):
            continue
        *path, last = key.split(".")
        node = root
        for part in path:
            inner = node.get(part)
            if not isinstance(inner, dict):
                inner = node[part] = {}
            node = inner
        if not isinstance(node.get(last), dict):
            node[last] = value
    return root


def _reader(shape: Shape) -> ReadNode:
    return _READERS.get(shape.type_name, _read_scalar)(shape)


def _read_scalar(shape: Shape) -> ReadNode:
    read_text = text_reader(shape)

    def read(node: Node, where: str) -> Any:
        if not isinstance(node, str):
            raise Malformed(f"{where} must be a single value")
        return read_text(node, where)

    return read


def _read_structure(shape: StructureShape) -> ReadNode:
    table: dict[str, tuple[str, ReadNode]] = {}

    def read(node: Node, where: str) -> dict[str, Any]:
        if not isinstance(node, dict):
            raise Malformed(f"{where} must be a structure")
        if not table:
            table.update(
                (wire_name(member, name), (name, _reader(member))) for name, member in shape.members.items()
            )
        result: dict[str, Any] = {}
        for key, item in node.items():
            if (known := table.get(key)) is None:
                result[key] = item
            else:
                name, read_member = known
                result[name] = read_member(item, f"{where}.{name}" if where else name)
        return result

    return read


def _numbered(node: Node, where: str) -> list[Node]:
    if not isinstance(node, dict) or not all(
        key.isascii() and key.isdigit() and len(key) < 7 for key in node
    ):
        raise Malformed(f"{where} must be numbered from 1")
    return [node[key] for key in sorted(node, key=int)]


def _inside(node: Node, names: tuple[str, ...], where: str) -> Node:
    found = [name for name in names if isinstance(node, dict) and name in node]
    if not found or len(node) != 1:
        raise Malformed(f"{where} must be a list of {names[0]}")
    return node[found[0]]


def _read_list(shape: ListShape) -> ReadNode:
    flattened = bool(shape.serialization.get("flattened"))
    names = (shape.member.serialization.get("name", "member"), "member")
    compiled: list[ReadNode] = []

    def read(node: Node, where: str) -> list[Any]:
        if node == "":
            return []
        if not compiled:
            compiled.append(_reader(shape.member))
        items = _numbered(node if flattened else _inside(node, names, where), where)
        return [compiled[0](item, f"{where}.{index}") for index, item in enumerate(items, 1)]

    return read


def _read_map(shape: MapShape) -> ReadNode:
    flattened = bool(shape.serialization.get("flattened"))
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    compiled: list[ReadNode] = []

    def read(node: Node, where: str) -> dict[str, Any]:
        if node == "":
            return {}
        if not compiled:
            compiled.extend((_reader(shape.key), _reader(shape.value)))
        result: dict[str, Any] = {}
        for entry in _numbered(node if flattened else _inside(node, ("entry",), where), where):
            if not isinstance(entry, dict) or key_name not in entry or value_name not in entry:
                raise Malformed(f"An entry of {where} needs {key_name} and {value_name}")
            key = compiled[0](entry[key_name], where)
            result[key] = compiled[1](entry[value_name], f"{where}.{key}")
        return result

    return read


_READERS: Mapping[str, Callable[[Any], ReadNode]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
}
