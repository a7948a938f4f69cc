"""Checksums of bytes on their way in: as asked, verified, and kept beside the object.

CRC32C and CRC64NVME have no implementation in the standard library; theirs here take two bytes a step
from a table of 65,536 entries, which is built when first needed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from array import array
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from stepwell.api.context import Context
from stepwell.calls import Body, BytesBody
from stepwell.durable import Blob
from stepwell.errors import UnsupportedParameter
from stepwell.services.s3 import errors


class Sum(Protocol):
    """What `hashlib` objects are."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Crc32:
    """CRC-32 as zlib knows it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class Crc:
    """A reflected CRC that starts at, and is inverted with, all ones."""

    def __init__(self, polynomial: int, width: int) -> None:
        self._bytes, self._pairs = _tables(polynomial)
        self._size = width // 8
        self._ones = (1 << width) - 1
        self._value = self._ones

    def update(self, data: bytes, /) -> None:
        value, pairs = self._value, self._pairs
        even = len(data) & ~1
        words = array("H", bytes(memoryview(data)[:even]))
        if words.itemsize == 2 and array("H", b"\x01\x00")[0] != 1:
            words.byteswap()
        for word in words:
            value = pairs[(value ^ word) & 0xFFFF] ^ (value >> 16)
        if even != len(data):
            value = self._bytes[(value ^ data[-1]) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ self._ones).to_bytes(self._size, "big")


@cache
def _tables(polynomial: int) -> tuple[list[int], list[int]]:
    single: list[int] = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        single.append(value)
    pairs: list[int] = []
    for value in range(65536):
        value = single[value & 0xFF] ^ (value >> 8)
        pairs.append(single[value & 0xFF] ^ (value >> 8))
    return single, pairs


#: S3's names of the algorithms, and what computes them
ALGORITHMS: Mapping[str, Callable[[], Sum]] = {
    "CRC32": Crc32,
    "CRC32C": lambda: Crc(0x82F63B78, 32),
    "CRC64NVME": lambda: Crc(0x9A6C9329AC4BC9B5, 64),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
}
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


def new(algorithm: str) -> Sum:
    """A fresh sum. Raises UnsupportedParameter for an algorithm that is not computed here."""
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
