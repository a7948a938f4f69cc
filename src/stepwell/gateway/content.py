"""A request's content as a stream that checks itself while it is read.

The size limit, the signed hash, the promised checksums and the chunks' signatures are all verified on
the way, once, without keeping the content; the last piece is followed by the error if there is one.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from stepwell.calls import Body
from stepwell.errors import AwsError, StepwellError
from stepwell.gateway import checksums
from stepwell.gateway.chunked import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, ChunkDecoder, ChunkKey
from stepwell.gateway.http import Request
from stepwell.gateway.sigv4 import UNSIGNED_PAYLOAD

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_HEX = re.compile(r"[0-9a-fA-F]{64}")


class Disconnected(StepwellError):
    """The client went away before it had sent everything; nobody is left to answer."""


class RequestTimeout(AwsError):
    """The client announced more than it has sent, and sends nothing."""

    code = "RequestTimeout"


def too_large(limit: int) -> AwsError:
    """The refusal of content of more than `limit` bytes."""
    return AwsError(f"The request is larger than {limit} bytes", code="RequestEntityTooLarge", status=413)


class Incoming:
    """The content as it arrives, at most `limit` bytes, with at most `patience` seconds between pieces."""

    def __init__(self, receive: Receive, size: int | None, limit: int, patience: float) -> None:
        self._receive = receive
        self._limit = limit
        self._patience = patience
        self.size = size
        #: whether everything has come
        self.complete = size == 0
        #: whether anything was asked for
        self.begun = False
        #: whether it was waited for in vain
        self.stalled = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, once. Raises AwsError beyond the limit, and what `message` raises."""
        total = 0
        while not self.complete:
            self.begun = True
            message = await self.message()
            self.complete = not message.get("more_body", False)
            piece: bytes = message.get("body", b"")
            total += len(piece)
            if total > self._limit:
                raise too_large(self._limit)
            if piece:
                yield piece
        if self.size is not None and total != self.size:
            raise AwsError("The request body terminated unexpectedly", code="IncompleteBody")

    async def message(self) -> MutableMapping[str, Any]:
        """ASGI's next `http.request`.

        Raises Disconnected when the client leaves, RequestTimeout when it sends nothing.
        """
        try:
            async with asyncio.timeout(self._patience):
                message = await self._receive()
        except TimeoutError:
            self.stalled = True
            raise RequestTimeout(
                "Your socket connection to the server was not read from or written to within the timeout "
                "period. Idle connections will be closed."
            ) from None
        if message["type"] == "http.disconnect":
            raise Disconnected("the client closed the connection")
        return message


class CheckedContent:
    """A `Body` over what arrives: decoded, and verified at its end.

    `trailers` and `checksums` (algorithm → the verified value as bytes) are known after the last piece.
    """

    def __init__(
        self,
        source: Body,
        *,
        size: int | None,
        decoder: ChunkDecoder | None,
        sha256: str | None,
        promised: Mapping[str, bytes],
        trailer_algorithm: str | None,
    ) -> None:
        self.size = size
        self.trailers: Mapping[str, str] = {}
        self.checksums: Mapping[str, bytes] = {}
        self._source = source
        self._decoder = decoder
        self._sha256 = sha256
        self._promised = promised
        self._trailer_algorithm = trailer_algorithm

    async def chunks(self) -> AsyncIterator[bytes]:
        """The content, once. Raises AwsError where it is not what its headers promise."""
        names = {*self._promised, *filter(None, [self._trailer_algorithm])}
        digests = {name: checksums.new(name) for name in names}
        hashed = hashlib.sha256() if self._sha256 else None
        total = 0
        async for raw in self._source.chunks():
            for piece in self._decoder.feed(raw) if self._decoder else (raw,):
                total += len(piece)
                for digest in digests.values():
                    digest.update(piece)
                if hashed:
                    hashed.update(piece)
                yield piece
        if self._decoder:
            self._decoder.finish()
            self.trailers = self._decoder.trailers
        if self.size is not None and total != self.size:
            message = "The content is not as long as x-amz-decoded-content-length says"
            raise AwsError(message, code="IncompleteBody")
        if hashed and self._sha256 and not hmac.compare_digest(hashed.hexdigest(), self._sha256):
            fields = {
                "ClientComputedContentSHA256": self._sha256,
                "S3ComputedContentSHA256": hashed.hexdigest(),
            }
            message = "The provided 'x-amz-content-sha256' header does not match what was computed."
            raise AwsError(message, code="XAmzContentSHA256Mismatch", fields=fields)
        self._compare({name: digest.digest() for name, digest in digests.items()})

    def _compare(self, computed: Mapping[str, bytes]) -> None:
        expected = dict(self._promised)
        if self._trailer_algorithm:
            text = self.trailers.get(f"x-amz-checksum-{self._trailer_algorithm}")
            if text is None:
                message = (
                    f"The trailer x-amz-checksum-{self._trailer_algorithm} was announced and did not come"
                )
                raise AwsError(message, code="MalformedTrailerError")
            expected[self._trailer_algorithm] = checksums.decoded(self._trailer_algorithm, text)
        for name, value in expected.items():
            if computed[name] != value:
                word = "Content-MD5" if name == "md5" else name.upper()
                message = f"The {word} you specified did not match the calculated checksum."
                raise AwsError(message, code="BadDigest")
        self.checksums = expected


def content_length(headers: Mapping[str, str]) -> int | None:
    """The Content-Length header's value, None without one. Raises AwsError for what is no length."""
    text = headers.get("content-length")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise AwsError("Content-Length is not a number", code="InvalidRequest")
    return int(text)


def checked(
    request: Request, incoming: Incoming, *, flexible: bool, payload_hash: str, chunk_key: ChunkKey | None
) -> tuple[Request, CheckedContent]:
    """The content with its checks, and the request with headers as if it had come plainly.

    `payload_hash` is `x-amz-content-sha256` or UNSIGNED-PAYLOAD. Raises AwsError for forms that are not
    known and for checksums that cannot be read.
    """
    headers = dict(request.headers)
    decoder = None
    size = incoming.size
    if payload_hash.startswith("STREAMING-"):
        decoder = _decoder(payload_hash, chunk_key)
        size = _decoded_length(headers)
        encodings = [each.strip() for each in headers.get("content-encoding", "").split(",")]
        kept = ",".join(each for each in encodings if each and each != "aws-chunked")
        headers |= {"content-length": str(size), "content-encoding": kept}
        if not kept:
            del headers["content-encoding"]
    elif payload_hash != UNSIGNED_PAYLOAD and not _HEX.fullmatch(payload_hash):
        message = (
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-... or a SHA-256 hash in hexadecimal"
        )
        raise AwsError(message, code="InvalidRequest")
    with_trailers = payload_hash in (UNSIGNED_TRAILER, SIGNED_TRAILER)
    content = CheckedContent(
        incoming,
        size=size,
        decoder=decoder,
        sha256=payload_hash.lower() if _HEX.fullmatch(payload_hash) else None,
        promised=checksums.declared(headers, flexible=flexible),
        trailer_algorithm=(
            checksums.trailer_algorithm(headers.get("x-amz-trailer", "")) if with_trailers else None
        ),
    )
    plain = Request(
        method=request.method,
        raw_path=request.raw_path,
        raw_query=request.raw_query,
        headers=headers,
        secure=request.secure,
        client=request.client,
        labels=request.labels,
    )
    return plain, content


def _decoder(payload_hash: str, chunk_key: ChunkKey | None) -> ChunkDecoder:
    if payload_hash == UNSIGNED_TRAILER:
        return ChunkDecoder(None, with_trailers=True)
    if payload_hash not in (SIGNED, SIGNED_TRAILER):
        raise AwsError(f"The payload form {payload_hash[:60]!r} is not supported here", code="InvalidRequest")
    if chunk_key is None:
        message = f"{payload_hash} needs a signature in the Authorization header"
        raise AwsError(message, code="InvalidRequest")
    return ChunkDecoder(chunk_key, with_trailers=payload_hash == SIGNED_TRAILER)


def _decoded_length(headers: Mapping[str, str]) -> int:
    text = headers.get("x-amz-decoded-content-length", "")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        message = "You must provide the x-amz-decoded-content-length HTTP header."
        raise AwsError(message, code="MissingContentLength", status=411)
    return int(text)
