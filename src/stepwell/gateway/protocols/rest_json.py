"""REST with JSON documents (Lambda, SageMaker runtime, Scheduler)."""

from __future__ import annotations

from typing import Any

import msgspec
from botocore.model import OperationModel, Shape

from stepwell.calls import Body, Reply
from stepwell.errors import AwsError
from stepwell.gateway.http import Request, Response
from stepwell.gateway.protocols import json_values, rest
from stepwell.gateway.protocols.faults import wire_error
from stepwell.gateway.protocols.scalars import Malformed


def parse(request: Request, operation: OperationModel) -> dict[str, Any]:
    """The operation's parameters. Raises AwsError SerializationException."""
    if operation.input_shape is None:
        return {}
    service = operation.service_model.service_name
    bindings = rest.input_bindings(service, operation.name)
    try:
        params: dict[str, Any] = {}
        if bindings.payload is not None:
            name, shape = bindings.payload
            value = rest.read_payload(request, shape, _read_document)
            if value is not None:
                params[name] = value
        elif bindings.has_document:
            content = request.payload
            assert isinstance(content, bytes)
            if content.strip():
                params = json_values.input_reader(service, operation.name)(json_values.document(content), "")
        return params | rest.read_bound(request, bindings)
    except Malformed as fault:
        raise AwsError(str(fault), code="SerializationException") from fault


def serialise(reply: Reply, operation: OperationModel, request_id: str) -> Response:
    """The response that boto3 parses to `reply.output`."""
    status = reply.status or operation.http.get("responseCode", 200)
    headers: list[tuple[str, str]] = [("x-amzn-RequestId", request_id)]
    body: bytes | Body = b"" if status == 204 else b"{}"
    typed = False
    if operation.output_shape is not None:
        service = operation.service_model.service_name
        bindings = rest.output_bindings(service, operation.name)
        bound = rest.written_headers(reply.output, bindings)
        typed = any(name == "content-type" for name, _ in bound)
        headers += bound
        if reply.status is None and bindings.status is not None:
            status = reply.output.get(bindings.status) or status
        if bindings.payload is not None:
            name, shape = bindings.payload
            value = reply.output.get(name)
            if rest.is_raw(shape):
                body = rest.raw_payload(value)
            elif value is not None:
                body = msgspec.json.encode(json_values.writer(shape)(value))
        elif bindings.has_document:
            unbound = {
                name: value
                for name, value in reply.output.items()
                if name not in operation.output_shape.members
                or "location" not in operation.output_shape.members[name].serialization
            }
            body = msgspec.json.encode(json_values.output_writer(service, operation.name)(unbound))
    if not typed and body != b"":
        headers.append(("content-type", "application/json"))
    return Response(status=status, headers=(*headers, *reply.headers.items()), body=body)


def error(fault: AwsError, service: str | None, request_id: str) -> Response:
    """The error with its code in `x-amzn-errortype`; models spell the message's member either way."""
    wire = wire_error(fault, "rest-json", service)
    body = {
        "Type": "User" if wire.sender else "Service",
        "Message": fault.message,
        "message": fault.message,
        **fault.fields,
    }
    headers = (
        ("content-type", "application/json"),
        ("x-amzn-RequestId", request_id),
        ("x-amzn-errortype", wire.code),
    )
    return Response(status=wire.status, headers=headers, body=msgspec.json.encode(body))


def _read_document(content: bytes, shape: Shape) -> Any:
    return json_values.reader(shape)(json_values.document(content), "")
