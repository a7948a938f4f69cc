"""Checksums that clients send with content: `x-amz-checksum-*` and Content-MD5.

zlib and hashlib do most. CRC32C and CRC64NVME are not in the standard library and come by table, a few
megabytes a second: enough for the clients that choose them, and nothing to install.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol

from stepwell.errors import AwsError

_PREFIX = "x-amz-checksum-"
_NOT_CHECKSUMS = ("algorithm", "type", "mode")


class Digest(Protocol):
    """A checksum in the making, as hashlib has them."""

    def update(self, data: bytes, /) -> None:
        """Take more content."""
        ...

    def digest(self) -> bytes:
        """The checksum so far, big-endian."""
        ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _ReflectedCrc:
    def __init__(self, polynomial: int, bits: int) -> None:
        self._table = _table(polynomial)
        self._mask = (1 << bits) - 1
        self._value = self._mask

    def update(self, data: bytes, /) -> None:
        value, table = self._value, self._table
        for byte in data:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ self._mask).to_bytes(self._mask.bit_length() // 8, "big")


@lru_cache(maxsize=4)
def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


#: the header's ending → how to begin one
ALGORITHMS: Mapping[str, Callable[[], Digest]] = {
    "crc32": _Crc32,
    "crc32c": lambda: _ReflectedCrc(0x82F63B78, 32),
    "crc64nvme": lambda: _ReflectedCrc(0x9A6C9329AC4BC9B5, 64),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}


def declared(headers: Mapping[str, str], *, flexible: bool) -> dict[str, bytes]:
    """Algorithm → the checksum that the headers promise.

    `flexible` says whether `x-amz-checksum-*` speak of this content (for CompleteMultipartUpload they
    speak of the whole object). Raises AwsError for values that are no checksums, and for algorithms
    that are not known here.
    """
    found: dict[str, bytes] = {}
    if (text := headers.get("content-md5")) is not None:
        found["md5"] = _decoded(
            "md5", text, AwsError("The Content-MD5 you specified is not valid.", code="InvalidDigest")
        )
    if flexible:
        for name, text in headers.items():
            algorithm = name.removeprefix(_PREFIX)
            if algorithm != name and algorithm not in _NOT_CHECKSUMS:
                found[algorithm] = decoded(known(algorithm), text)
    return found


def known(algorithm: str) -> str:
    """`algorithm` where it can be checked here. Raises AwsError."""
    if algorithm not in ALGORITHMS:
        offered = ", ".join(name.upper() for name in ALGORITHMS if name != "md5")
        message = f"The checksum algorithm {algorithm[:40]!r} is not supported here. Use one of {offered}."
        raise AwsError(message, code="InvalidRequest")
    return algorithm


def decoded(algorithm: str, text: str) -> bytes:
    """The checksum that a header or trailer spells in Base64. Raises AwsError."""
    fault = AwsError(f"Value for {_PREFIX}{algorithm} header is invalid.", code="InvalidRequest")
    return _decoded(algorithm, text, fault)


def _decoded(algorithm: str, text: str, fault: AwsError) -> bytes:
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise fault from error
    if len(value) != len(ALGORITHMS[algorithm]().digest()):
        raise fault
    return value


def trailer_algorithm(trailer: str) -> str | None:
    """The algorithm whose checksum the `X-Amz-Trailer` header announces."""
    names = (name.strip().lower() for name in trailer.split(","))
    found = [name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX)]
    return known(found[0]) if found else None
