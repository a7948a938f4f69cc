"""AWS JSON 1.0 and 1.1: `POST /` with the operation in `X-Amz-Target` and one JSON object each way."""

from __future__ import annotations

from typing import Any

import msgspec
from botocore.model import OperationModel

from stepwell.api.models import service_metadata, service_model
from stepwell.calls import Reply
from stepwell.errors import AwsError
from stepwell.gateway.http import Request, Response
from stepwell.gateway.protocols.faults import wire_error
from stepwell.gateway.protocols.json_values import document, input_reader, output_writer
from stepwell.gateway.protocols.scalars import Malformed


def parse(request: Request, operation: OperationModel) -> dict[str, Any]:
    """The operation's parameters. Raises AwsError SerializationException."""
    content = request.payload
    assert isinstance(content, bytes)
    if operation.input_shape is None:
        return {}
    try:
        value = document(content) if content.strip() else {}
        params: dict[str, Any] = input_reader(operation.service_model.service_name, operation.name)(value, "")
    except Malformed as fault:
        raise AwsError(str(fault), code="SerializationException") from fault
    return params


def serialise(reply: Reply, operation: OperationModel, request_id: str) -> Response:
    """The response that boto3 parses to `reply.output`."""
    content = b"{}"
    if operation.output_shape is not None:
        write = output_writer(operation.service_model.service_name, operation.name)
        content = msgspec.json.encode(write(reply.output))
    return Response(
        status=reply.status or operation.http.get("responseCode", 200),
        headers=(*_headers(operation.service_model.service_name, request_id), *reply.headers.items()),
        body=content,
    )


def error(fault: AwsError, service: str | None, request_id: str) -> Response:
    """The error as a JSON object with `__type`; the codes of a former query protocol go into a header."""
    wire = wire_error(fault, "json", service)
    headers = _headers(service, request_id)
    if wire.query_code and service is not None and service_model(service).is_query_compatible:
        former = f"{wire.query_code};{'Sender' if wire.sender else 'Receiver'}"
        headers = (*headers, ("x-amzn-query-error", former))
    body = {"__type": wire.code, "message": fault.message, **fault.fields}
    return Response(status=wire.status, headers=headers, body=msgspec.json.encode(body))


def _headers(service: str | None, request_id: str) -> tuple[tuple[str, str], ...]:
    version = service_metadata(service).get("jsonVersion", "1.1") if service is not None else "1.1"
    return (("content-type", f"application/x-amz-json-{version}"), ("x-amzn-RequestId", request_id))
