"""REST with XML documents: S3, whose errors and a few answers have shapes of their own."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from botocore.model import OperationModel, Shape

from stepwell.api.models import operation_model
from stepwell.calls import Body, Reply
from stepwell.errors import AwsError
from stepwell.gateway.http import Request, Response
from stepwell.gateway.protocols import rest, xml
from stepwell.gateway.protocols.faults import wire_error
from stepwell.gateway.protocols.scalars import Malformed
from stepwell.gateway.protocols.xml_values import members_writer, reader, writer

_S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

#: the answers' root elements where they are not `<Operation>Result`; the model does not say
_ROOTS: Mapping[str, str] = {
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "UploadPartCopy": "CopyPartResult",
}


def parse(request: Request, operation: OperationModel) -> dict[str, Any]:
    """The operation's parameters. Raises AwsError MalformedXML, or InvalidArgument for headers and query."""
    if operation.input_shape is None:
        return {}
    bindings = rest.input_bindings(operation.service_model.service_name, operation.name)
    params: dict[str, Any] = {}
    try:
        if bindings.payload is not None:
            name, shape = bindings.payload
            value = rest.read_payload(request, shape, _read_document)
            if value is not None:
                params[name] = value
        elif bindings.has_document and isinstance(request.payload, bytes) and request.payload:
            params = _read_document(request.payload, operation.input_shape)
    except Malformed as fault:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        raise AwsError(f"{message}: {fault}", code="MalformedXML") from fault
    try:
        return params | rest.read_bound(request, bindings)
    except Malformed as fault:
        raise AwsError(str(fault), code="InvalidArgument") from fault


def serialise(reply: Reply, operation: OperationModel, request_id: str) -> Response:
    """The response that boto3 parses to `reply.output`."""
    status = reply.status or operation.http.get("responseCode", 200)
    headers = _headers(request_id)
    body: bytes | Body = b""
    if operation.output_shape is not None:
        service = operation.service_model.service_name
        bindings = rest.output_bindings(service, operation.name)
        bound = rest.written_headers(reply.output, bindings)
        headers += bound
        if bindings.payload is not None:
            name, shape = bindings.payload
            value = reply.output.get(name)
            if rest.is_raw(shape):
                body = rest.raw_payload(value)
            elif value is not None:
                body = _document(_write_payload(service, operation.name)(value))
                headers.append(("content-type", "application/xml"))
        elif bindings.has_document:
            body = _document(_write_output(service, operation.name)(reply.output))
            headers.append(("content-type", "application/xml"))
    return Response(status=status, headers=(*headers, *reply.headers.items()), body=body)


def error(fault: AwsError, service: str | None, request_id: str) -> Response:
    """The error: a bare `Error` for S3, `ErrorResponse` for others; 304 has no content."""
    wire = wire_error(fault, "rest-xml", service)
    headers = _headers(request_id)
    if wire.status == 304:
        return Response(status=wire.status, headers=tuple(headers))
    details = "".join(
        (
            xml.leaf("Code", wire.code),
            xml.leaf("Message", fault.message),
            *(xml.leaf(name, str(value)) for name, value in fault.fields.items()),
        )
    )
    identity = xml.leaf("RequestId", request_id)
    if service in (None, "s3"):
        text = f"<Error>{details}{identity}{xml.leaf('HostId', _host_id(request_id))}</Error>"
    else:
        kind = xml.leaf("Type", "Sender" if wire.sender else "Receiver")
        text = f"<ErrorResponse><Error>{kind}{details}</Error>{identity}</ErrorResponse>"
    headers.append(("content-type", "application/xml"))
    return Response(status=wire.status, headers=tuple(headers), body=_document(text))


def _host_id(request_id: str) -> str:
    return base64.b64encode(request_id.encode()).decode()


def _headers(request_id: str) -> list[tuple[str, str]]:
    return [("x-amz-request-id", request_id), ("x-amz-id-2", _host_id(request_id))]


def _document(text: str) -> bytes:
    return (_DECLARATION + text).encode()


def _read_document(content: bytes, shape: Shape) -> Any:
    root = xml.document(content)
    expected = shape.serialization.get("name", shape.name)
    if xml.local_name(root) != expected:
        raise Malformed(f"the root element must be {expected}, not {xml.local_name(root)}")
    return reader(shape)([root], "")


@lru_cache(maxsize=1024)
def _write_payload(service: str, operation: str) -> Callable[[Any], str]:
    _, shape = rest.output_bindings(service, operation).payload or ("", None)
    assert shape is not None
    write = writer(shape, "iso8601-ms")
    name = shape.serialization.get("name", shape.name)
    name = _ROOTS.get(operation, name)
    if shape.serialization.get("xmlNamespace"):
        return lambda value: write(value, name)
    return lambda value: _with_namespace(write(value, name), name)


@lru_cache(maxsize=1024)
def _write_output(service: str, operation: str) -> Callable[[Mapping[str, Any]], str]:
    if operation == "GetBucketLocation":
        return _write_location
    root = _ROOTS.get(operation, f"{operation}Result")
    write = members_writer(operation_model(service, operation).output_shape, "iso8601-ms")
    return lambda output: f'<{root} xmlns="{_S3_NAMESPACE}">{write(output)}</{root}>'


def _with_namespace(text: str, name: str) -> str:
    return text.replace(f"<{name}>", f'<{name} xmlns="{_S3_NAMESPACE}">', 1)


def _write_location(output: Mapping[str, Any]) -> str:
    # The one answer whose root element holds the value itself.
    text = xml.escape(output.get("LocationConstraint") or "")
    return f'<LocationConstraint xmlns="{_S3_NAMESPACE}">{text}</LocationConstraint>'
