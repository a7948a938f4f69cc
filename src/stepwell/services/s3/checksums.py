"""Checksums of bytes on their way in: as asked, verified, and kept beside the object."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.api.context import Context
from stepwell.calls import Body, BytesBody
from stepwell.checksums import ALGORITHMS, Digest
from stepwell.durable import Blob
from stepwell.errors import UnsupportedParameter
from stepwell.services.s3 import errors

#: the request and answer fields that carry values
FIELDS: tuple[str, ...] = tuple(f"Checksum{name}" for name in ALGORITHMS)
#: what an upload in parts makes of an algorithm unless it says otherwise
PART_TYPES: Mapping[str, str] = {"CRC64NVME": "FULL_OBJECT"}
#: algorithms whose whole-object value S3 can put together from parts
WHOLE = ("CRC32", "CRC32C", "CRC64NVME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Bytes that came in and were verified."""

    blob: Blob
    #: hexadecimal
    md5: str
    #: `ChecksumCRC32: base64`, of the algorithm that was asked for
    checksum: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which checksum a request wants, and what it must be."""

    #: None when no checksum is wanted
    algorithm: str | None = None
    #: base64; None when it is only to be computed
    value: str | None = None
    #: Content-MD5, decoded
    md5: bytes | None = None


def asked(params: Mapping[str, Any]) -> Asked:
    """What a request's fields ask for. Raises InvalidRequest, InvalidDigest."""
    given = [name for name in ALGORITHMS if params.get(f"Checksum{name}") is not None]
    wanted = params.get("ChecksumAlgorithm")
    if len(given) > 1:
        raise errors.InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    if given and wanted is not None and wanted != given[0]:
        raise errors.InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    algorithm = given[0] if given else wanted
    value = params[f"Checksum{given[0]}"] if given else None
    if algorithm is not None:
        size = len(new(algorithm).digest())
        if value is not None and _decoded(value, size) is None:
            raise errors.InvalidRequest(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")
    md5 = None
    if params.get("ContentMD5") is not None:
        md5 = _decoded(params["ContentMD5"], 16)
        if md5 is None:
            raise errors.InvalidDigest(params["ContentMD5"])
    return Asked(algorithm=algorithm, value=value, md5=md5)


def new(algorithm: str) -> Digest:
    """A fresh checksum. Raises UnsupportedParameter for an algorithm that is not computed here."""
    if algorithm not in ALGORITHMS:
        raise UnsupportedParameter(f"The checksum algorithm {algorithm} is not supported by Stepwell")
    return ALGORITHMS[algorithm]()


async def receive(
    body: Any, wanted: Asked, context: Context, *, limit: int, length: int | None = None
) -> Received:
    """Stream `body` (a Body, bytes or None) into a blob and verify it.

    `limit` and `length` (what Content-Length promised) are bytes. Raises BadDigest, EntityTooLarge,
    IncompleteBody.
    """
    md5 = hashlib.md5(usedforsecurity=False)
    total = new(wanted.algorithm) if wanted.algorithm is not None else None
    feeds = [md5] if total is None else [md5, total]
    stream: Body = BytesBody(bytes(body or b"")) if isinstance(body, bytes | bytearray | None) else body
    blob = await context.blobs.write(_Limited(stream, limit), digests=feeds)
    if length is not None and blob.size != length:
        raise errors.IncompleteBody()
    if wanted.md5 is not None and wanted.md5 != md5.digest():
        raise errors.BadDigest("The Content-MD5 you specified did not match what we received.")
    checksum: dict[str, str] = {}
    if total is not None and wanted.algorithm is not None:
        value = encoded(total.digest())
        verify(wanted.algorithm, wanted.value, value)
        checksum[f"Checksum{wanted.algorithm}"] = value
    return Received(blob=blob, md5=md5.hexdigest(), checksum=checksum)


def verify(algorithm: str, given: str | None, calculated: str) -> None:
    """Raise BadDigest when a value was given and is another."""
    if given is not None and given != calculated:
        raise errors.BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")


def composite(algorithm: str, parts: list[str]) -> str:
    """The checksum of the parts' checksums (base64), with their number."""
    total = new(algorithm)
    for part in parts:
        total.update(base64.b64decode(part))
    return f"{encoded(total.digest())}-{len(parts)}"


def encoded(digest: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(digest).decode()


def _decoded(text: str, size: int) -> bytes | None:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if len(value) == size else None


@dataclass(frozen=True, slots=True)
class _Limited:
    """A body that ends with EntityTooLarge beyond its limit."""

    body: Body
    limit: int

    @property
    def size(self) -> int | None:
        return self.body.size

    async def chunks(self) -> AsyncIterator[bytes]:
        if self.size is not None and self.size > self.limit:
            raise errors.EntityTooLarge(self.size, self.limit)
        total = 0
        async for piece in self.body.chunks():
            total += len(piece)
            if total > self.limit:
                raise errors.EntityTooLarge(total, self.limit)
            yield piece
