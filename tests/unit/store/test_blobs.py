"""Blobs: whatever the size and the pieces, the bytes, their hash and the sums fed beside it are right."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stepwell.store.blobs import INLINE, PIECE, FileBlobs


class Pieces:
    """A body that comes in pieces of one size, and may break off with an error."""

    size = None

    def __init__(self, data: bytes, step: int, error: Exception | None = None) -> None:
        self.data, self.step, self.error = data, step, error

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.data), self.step):
            yield self.data[start : start + self.step]
            await asyncio.sleep(0)
        if self.error is not None:
            raise self.error


class Crc32:
    """A sum that depends on the order of what it is fed."""

    value = 0

    def update(self, data: bytes) -> None:
        self.value = zlib.crc32(data, self.value)


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    for name in ("blobs", "tmp"):
        (tmp_path / name).mkdir()

    def small(digest: str) -> bytes | None:
        return None

    return FileBlobs(tmp_path / "blobs", tmp_path / "tmp", small, durable=False)


@pytest.mark.parametrize("size", [0, 1, INLINE, INLINE + 1, PIECE, PIECE + 1, 3 * PIECE + 12_345])
@pytest.mark.parametrize("step", [4093, 65_536, 2 * PIECE])
def test_what_is_written_is_read_back_under_its_hash(
    blobs: FileBlobs, tmp_path: Path, size: int, step: int
) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    md5, crc = hashlib.md5(usedforsecurity=False), Crc32()
    blob = asyncio.run(blobs.write(Pieces(data, step), digests=[md5, crc]))
    kept = blob.inline if blob.inline is not None else asyncio.run(blobs.read(blob.digest))
    assert kept == data
    assert (blob.size, blob.digest) == (size, hashlib.sha256(data).hexdigest())
    assert (md5.hexdigest(), crc.value) == (hashlib.md5(data).hexdigest(), zlib.crc32(data))
    assert (blob.inline is not None) == (size <= INLINE)
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("size", [10, INLINE + 1, 2 * PIECE + 1])
def test_a_body_that_breaks_off_leaves_nothing_behind(blobs: FileBlobs, tmp_path: Path, size: int) -> None:
    with pytest.raises(ConnectionError):
        asyncio.run(blobs.write(Pieces(b"a" * size, 65_536, ConnectionError("the client left"))))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
