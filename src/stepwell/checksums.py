"""Checksums that S3's clients choose from: the gateway verifies them, S3 computes and keeps them.

zlib and hashlib do most. CRC32C and CRC64NVME have no implementation in the standard library; theirs here
take two bytes a step from a table of 65,536 entries, which is built when first needed: nothing to install.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from array import array
from collections.abc import Callable, Mapping
from functools import cache
from typing import Protocol


class Digest(Protocol):
    """A checksum in the making, as `hashlib` has them."""

    def update(self, data: bytes, /) -> None:
        """Take more content."""
        ...

    def digest(self) -> bytes:
        """The checksum so far, big-endian."""
        ...


class Crc32:
    """CRC-32 as zlib knows it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class Crc:
    """A reflected CRC that starts at, and is inverted with, all ones; `width` is in bits."""

    def __init__(self, polynomial: int, width: int) -> None:
        self._bytes, self._pairs = _tables(polynomial)
        self._size = width // 8
        self._ones = (1 << width) - 1
        self._value = self._ones

    def update(self, data: bytes, /) -> None:
        value, pairs = self._value, self._pairs
        even = len(data) & ~1
        words = array("H", bytes(memoryview(data)[:even]))
        if sys.byteorder == "big":
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
ALGORITHMS: Mapping[str, Callable[[], Digest]] = {
    "CRC32": Crc32,
    "CRC32C": lambda: Crc(0x82F63B78, 32),
    "CRC64NVME": lambda: Crc(0x9A6C9329AC4BC9B5, 64),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
}
