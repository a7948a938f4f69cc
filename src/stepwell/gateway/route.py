"""Which service and operation a request is for: one port serves them all, so the request must tell.

In this order: `X-Amz-Target` (the JSON services), the service in the signature's credential scope with
the REST paths and forms of the services that sign by that name, and S3 for what has no scope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from botocore.model import OperationModel

from stepwell.api.models import operation_model, service_metadata, service_names
from stepwell.errors import AwsError, UnsupportedOperation
from stepwell.gateway import patterns
from stepwell.gateway.http import Request
from stepwell.gateway.protocols import query

_SPOKEN = ("json", "query", "rest-json", "rest-xml")
_SCOPE = re.compile(r"Credential=[^/,\s]+/[^/,\s]*/[^/,\s]*/([^/,\s]+)/")
_BUCKET_HOST = re.compile(r"(.+?)\.(?:s3[.-].+|s3|localhost)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a request is for. The operation of a query service stands in the form: `query_operation`."""

    #: botocore's service name
    service: str
    #: the protocol that this request speaks
    protocol: str
    #: None until a query service's form is read
    operation: OperationModel | None
    #: the path's variable parts
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def signing_name(self) -> str:
        """The service's name in credential scopes."""
        return _signing_name(self.service)


class Unroutable(Exception):
    """No operation fits; carries the error and what is known about the protocol to spell it in."""

    def __init__(self, fault: AwsError, protocol: str, service: str | None) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.protocol = protocol
        self.service = service


class Router:
    """The services of one server, found by target prefix and by signing name."""

    def __init__(self, known: Callable[[str], bool]) -> None:
        self._by_target: dict[str, str] = {}
        self._by_signing_name: dict[str, list[str]] = {}
        for name in sorted(filter(known, service_names())):
            if prefix := service_metadata(name).get("targetPrefix"):
                self._by_target[prefix] = name
            self._by_signing_name.setdefault(_signing_name(name), []).append(name)

    def route(self, request: Request) -> Route:
        """The request's route. Raises Unroutable with an error that names what is not there."""
        if target := request.headers.get("x-amz-target"):
            return self._json(target)
        scope = scope_service(request)
        if scope is None:
            return self._unsigned(request)
        services = self._by_signing_name.get(scope)
        if not services:
            raise Unroutable(
                UnsupportedOperation(f"This server has no service that signs as {scope[:60]!r}"),
                guess_protocol(request),
                None,
            )
        return self._signed(request, services)

    def query_operation(self, route: Route, request: Request) -> OperationModel:
        """The operation that the form of a query request names. Raises Unroutable."""
        fields = query.form(request)
        action, version = fields.get("Action", ""), fields.get("Version", "")
        served = service_metadata(route.service)["apiVersion"]
        if not action:
            raise Unroutable(AwsError("Missing Action", code="MissingAction"), "query", route.service)
        try:
            if version not in ("", served):
                raise LookupError(version)
            return operation_model(route.service, action)
        except LookupError as error:
            message = f"Could not find operation {action[:100]} for version {version[:30] or served}"
            fault = AwsError(message, code="InvalidAction")
            raise Unroutable(fault, "query", route.service) from error

    def _json(self, target: str) -> Route:
        prefix, _, name = target.rpartition(".")
        service = self._by_target.get(prefix)
        if service is None:
            raise Unroutable(
                UnsupportedOperation(f"This server has no service with the target {target[:200]!r}"),
                "json",
                None,
            )
        try:
            return Route(service=service, protocol="json", operation=operation_model(service, name))
        except LookupError as error:
            fault = AwsError(f"Unknown operation {name[:100]!r}", code="UnknownOperationException")
            raise Unroutable(fault, "json", service) from error

    def _signed(self, request: Request, services: list[str]) -> Route:
        for service in services:
            protocol = _protocol(service, with_target=False)
            if protocol == "query" and _version_fits(request, service):
                return Route(service=service, protocol=protocol, operation=None)
            if protocol.startswith("rest") and (route := _rest(service, protocol, request)):
                return route
        service = services[0]
        if "s3" in services:
            raise _not_in_s3(request)
        what = f"{request.method} {request.raw_path[:200]}"
        fault = AwsError(
            f"{service} has no operation at {what}", code="UnknownOperationException", status=404
        )
        raise Unroutable(fault, _protocol(service, with_target=True), service)

    def _unsigned(self, request: Request) -> Route:
        for service in (name for names in self._by_signing_name.values() for name in names):
            protocol = _protocol(service, with_target=False)
            if protocol == "rest-json" and (found := _rest(service, protocol, request)):
                return found
        guess = guess_protocol(request)
        if guess == "rest-xml" and "s3" in self._by_signing_name.get("s3", ()):
            if route := _rest("s3", guess, request):
                return route
            raise _not_in_s3(request)
        fault = AwsError(
            "Request is missing Authentication Token",
            code="MissingAuthenticationToken" if guess == "query" else "MissingAuthenticationTokenException",
            status=403,
        )
        raise Unroutable(fault, guess, None)


def scope_service(request: Request) -> str | None:
    """The service in the credential scope of the Authorization header or of a presigned URL."""
    if found := _SCOPE.search(request.headers.get("authorization", "")):
        return found[1]
    if credential := request.query_map.get("X-Amz-Credential"):
        parts = unquote(credential).split("/")
        return parts[3] if len(parts) == 5 else None
    return None


def bucket_of_host(host: str) -> str | None:
    """The bucket of a virtual-hosted address: `bucket.localhost:4566`, `bucket.s3.anything`."""
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    found = _BUCKET_HOST.fullmatch(name)
    return found[1] if found and not re.match(r"s3([.-]|$)", found[1]) else None


def s3_path(request: Request) -> str:
    """The request's path in path style, with the host's bucket in front where there is one."""
    bucket = bucket_of_host(request.host)
    return request.raw_path if bucket is None else f"/{bucket}{request.raw_path}"


def _rest(service: str, protocol: str, request: Request) -> Route | None:
    path = s3_path(request) if service == "s3" else request.raw_path
    try:
        found = patterns.match(service, request, path)
    except patterns.MethodNotAllowed as refusal:
        if service == "s3":
            raise _not_in_s3(request) from refusal
        return None
    if found is None:
        return None
    operation = operation_model(service, found.operation)
    return Route(service=service, protocol=protocol, operation=operation, labels=found.labels)


def _not_in_s3(request: Request) -> Unroutable:
    address = f"{request.raw_path}?{request.raw_query}".rstrip("?")
    what = f"{request.method} {address[:300]}"
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        fault: AwsError = UnsupportedOperation(
            f"This server has no PostObject, uploads by a browser's form: {what}"
        )
    else:
        message = f"The specified method is not allowed against this resource: {what}"
        fault = AwsError(message, code="MethodNotAllowed", status=405)
    return Unroutable(fault, "rest-xml", "s3")


def _signing_name(service: str) -> str:
    metadata = service_metadata(service)
    return str(metadata.get("signingName") or metadata["endpointPrefix"])


def _protocol(service: str, *, with_target: bool) -> str:
    metadata = service_metadata(service)
    spoken = [each for each in metadata.get("protocols") or [metadata["protocol"]] if each in _SPOKEN]
    preferred = [each for each in spoken if (each == "json") == with_target]
    return next(iter(preferred or spoken), "json")


def _version_fits(request: Request, service: str) -> bool:
    version = request.query_map.get("Version")
    return version is None or version == service_metadata(service)["apiVersion"]


def guess_protocol(request: Request) -> str:
    """The protocol of a request that no service is known for, by what its client shows."""
    content_type = request.headers.get("content-type", "")
    if "x-amz-target" in request.headers or content_type.startswith("application/x-amz-json"):
        return "json"
    is_form = content_type.startswith("application/x-www-form-urlencoded")
    if request.raw_path == "/" and (is_form or "Action" in request.query_map):
        return "query"
    return "rest-json" if content_type.startswith("application/json") else "rest-xml"
