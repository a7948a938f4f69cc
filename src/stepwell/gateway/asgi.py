"""The gateway as an ASGI application: HTTP in, `Call` to the API, `Reply` out as HTTP.

A request is admitted in the order that costs least to refuse: the size of its head, its route, its
signature, the announced length; then the content is read, parsed and dispatched. Whatever goes wrong is
answered in AWS's terms with a request id; only our own faults are 5xx, and those are logged.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from dataclasses import replace
from functools import cached_property, partial
from random import getrandbits
from typing import Any
from urllib.parse import quote
from uuid import UUID

from botocore.model import OperationModel

from stepwell.calls import BytesBody, Call, Origin, read_body
from stepwell.clock import Clock
from stepwell.errors import AwsError, InternalFailure
from stepwell.gateway.authentication import Authenticator, Identity
from stepwell.gateway.content import (
    Disconnected,
    Incoming,
    Receive,
    RequestTimeout,
    checked,
    content_length,
    too_large,
)
from stepwell.gateway.http import Request, Response
from stepwell.gateway.patience import BODY_TIME
from stepwell.gateway.ports import Api, Keys
from stepwell.gateway.protocols import PROTOCOLS
from stepwell.gateway.route import Route, Router, Unroutable, guess_protocol
from stepwell.gateway.sending import Send, send_response, until_gone

Scope = MutableMapping[str, Any]

MIB = 1 << 20
#: the longest head of a request (address and headers), in bytes
LONGEST_HEAD = 64 << 10
#: the most content by protocol, in bytes: documents in memory (a state machine's definition may have
#: 1 MiB and grows when escaped; a function's zip may have 50 MiB and comes in Base64) ...
LARGEST_DOCUMENT = {"json": 4 * MIB, "query": 1 * MIB, "rest-json": 70 * MIB, "rest-xml": 2 * MIB}
#: ... and content that is not a document (payloads of functions and endpoints; objects)
LARGEST_STREAM = {"rest-json": 25 * MIB, "rest-xml": 5 << 30}
#: how much unread content is read away to keep a refused client's connection usable
_DRAINED = 64 * MIB

_log = logging.getLogger("stepwell.gateway")
_GREETING = b"This is Stepwell. It speaks AWS's APIs: point AWS_ENDPOINT_URL here (see `stepwell env`).\n"


class Gateway:
    """The ASGI application.

    `clock` is the real one: signatures and their expiry are about the clients' time. `region` is the
    one region that the server plays. Which services `api` has is asked at the first request.
    `body_time` are the seconds that may pass without a byte of content.
    """

    def __init__(
        self, api: Api, keys: Keys, clock: Clock, *, region: str, body_time: float = BODY_TIME
    ) -> None:
        self._api = api
        self._body_time = body_time
        self._authenticator = Authenticator(keys, clock, region)

    @cached_property
    def _router(self) -> Router:
        return Router(self._api.service_known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's scope, as ASGI 3 has it."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(UUID(int=getrandbits(128), version=4))
        request = _request(scope)
        incoming = Incoming(receive, None, 0, self._body_time)
        try:
            response = _plain(request)
            if response is None:
                response, incoming = await self._answer(request, receive, request_id)
            reusable = await _drain(request, incoming)
        except Disconnected:
            _log.debug("%s: the client left before its request was complete", request_id)
            return
        if not reusable:
            response = replace(response, headers=(*response.headers, ("connection", "close")))
        await send_response(response, request.method, receive if reusable else None, send)

    async def _answer(self, request: Request, receive: Receive, request_id: str) -> tuple[Response, Incoming]:
        protocol, service = guess_protocol(request), None
        incoming = Incoming(receive, None, 0, self._body_time)
        try:
            _check_head(request)
            route = self._router.route(request)
            protocol, service = route.protocol, route.service
            identity = self._authenticator.identify(request, route)
            size = content_length(request.headers)
            if size is None and not _has_content(request):
                size = 0
            limit = _limit(route)
            incoming = Incoming(receive, size, limit, self._body_time)
            if size is not None and size > limit:
                raise too_large(limit)
            operation, params = await self._parsed(route, identity, incoming)
            call = Call(
                service=route.service,
                operation=operation.name,
                params=params,
                caller=identity.caller,
                origin=_origin(request),
                request_id=request_id,
                gone=partial(until_gone, receive) if incoming.complete else None,
            )
            reply = await self._api.dispatch(call)
            response = PROTOCOLS[protocol].serialise(reply, operation, request_id)
        except Unroutable as refusal:
            response = PROTOCOLS[refusal.protocol].error(refusal.fault, refusal.service, request_id)
        except Disconnected:
            raise
        except AwsError as fault:
            response = PROTOCOLS[protocol].error(fault, service, request_id)
        except Exception:
            _log.exception("%s %s failed, request %s", request.method, request.raw_path, request_id)
            ours = InternalFailure(f"An internal error occurred; the server's log has it as {request_id}.")
            response = PROTOCOLS[protocol].error(ours, service, request_id)
        return response, incoming

    async def _parsed(
        self, route: Route, identity: Identity, incoming: Incoming
    ) -> tuple[OperationModel, dict[str, Any]]:
        request = replace(identity.request, labels=route.labels)
        operation = route.operation
        streams = operation is not None and operation.has_streaming_input
        if identity.payload_hash is None:
            content = b"".join([piece async for piece in incoming.chunks()])
            self._authenticator.confirm(identity, route, content)
            request = replace(request, payload=BytesBody(content) if streams else content)
        else:
            flexible = operation is not None and bool(operation.http_checksum)
            request, body = checked(
                request,
                incoming,
                flexible=flexible,
                payload_hash=identity.payload_hash,
                chunk_key=identity.chunk_key,
            )
            payload = body if streams else await read_body(body, _limit(route))
            request = replace(request, payload=payload)
        if operation is None:
            operation = self._router.query_operation(route, request)
        return operation, PROTOCOLS[route.protocol].parse(request, operation)


def _request(scope: Scope) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), _text(raw_value)
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
    return Request(
        method=scope["method"].upper(),
        raw_path=raw_path.decode("latin-1").partition("?")[0],
        raw_query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        secure=scope.get("scheme") == "https",
        client=(scope.get("client") or ("127.0.0.1", 0))[0],
    )


def _text(raw: bytes) -> str:
    # Signatures are made over the bytes as UTF-8; only what is none falls back to HTTP's old encoding.
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _origin(request: Request) -> Origin:
    return Origin(
        source_ip=request.client,
        user_agent=request.headers.get("user-agent", ""),
        secure=request.secure,
        host=request.host,
    )


def _plain(request: Request) -> Response | None:
    if request.method not in ("GET", "HEAD"):
        return None
    if request.raw_path == "/_stepwell/health":
        return Response(
            status=200, headers=(("content-type", "application/json"),), body=b'{"status": "running"}\n'
        )
    if request.raw_path == "/" and not request.raw_query and "authorization" not in request.headers:
        return Response(status=200, headers=(("content-type", "text/plain; charset=utf-8"),), body=_GREETING)
    return None


def _check_head(request: Request) -> None:
    size = len(request.raw_path) + len(request.raw_query)
    size += sum(len(name) + len(value) for name, value in request.headers.items())
    if size > LONGEST_HEAD:
        message = f"The request's address and headers have {size} bytes; the most is {LONGEST_HEAD}"
        raise AwsError(message, code="RequestHeaderSectionTooLarge")


def _limit(route: Route) -> int:
    if route.operation is not None and route.operation.has_streaming_input:
        return LARGEST_STREAM[route.protocol]
    return LARGEST_DOCUMENT[route.protocol]


def _has_content(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


async def _drain(request: Request, incoming: Incoming) -> bool:
    """Read away what was not wanted, within reason; whether the connection can be used again."""
    if incoming.complete or not _has_content(request):
        return True
    if incoming.stalled or ("expect" in request.headers and not incoming.begun):
        return False
    left = _DRAINED
    while left > 0:
        try:
            message = await incoming.message()
        except RequestTimeout:
            return False
        if not message.get("more_body", False):
            return True
        left -= len(message.get("body", b""))
    return False


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
