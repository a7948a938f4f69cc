"""Bytes under their content hash: small ones travel into the database, large ones into files."""

from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from stepwell.calls import Body, BytesBody, FileBody
from stepwell.durable.ports import Blob, Digest

#: bytes up to which a blob lives in the database
INLINE = 16 * 1024
#: bytes that are written to a file at a time, off the event loop
PIECE = 1 << 20


class FileBlobs:
    """`durable.ports.Blobs` on a folder; `small` looks a digest up in the database."""

    def __init__(self, root: Path, tmp: Path, small: Callable[[str], bytes | None], *, durable: bool = True):
        self._root = root
        self._tmp = tmp
        self._small = small
        self._durable = durable

    async def write(self, body: Body, *, digests: Iterable[Digest] = ()) -> Blob:
        """Stream `body` into a synced blob. What `body` raises goes through, and leaves nothing behind."""
        content = hashlib.sha256()
        sums: tuple[Digest, ...] = (content, *digests)
        head = bytearray()
        size = 0
        stream = body.chunks()
        async for piece in stream:
            size += len(piece)
            head += piece
            if size > INLINE:
                break
        else:
            data = bytes(head)
            _feed(sums, data)
            return Blob(digest=content.hexdigest(), size=size, inline=data)
        path = self._tmp / uuid.uuid4().hex
        run = asyncio.get_running_loop().run_in_executor
        file = path.open("wb")
        # what has come is hashed and written, in its order, while more comes
        written: asyncio.Future[None] | None = None
        try:
            async for piece in stream:
                size += len(piece)
                head += piece
                if len(head) >= PIECE:
                    if written is not None:
                        await written
                    written, head = run(None, _absorb, file, sums, bytes(head)), bytearray()
            if written is not None:
                await written
            await run(None, self._finish, file, sums, bytes(head))
            await run(None, self._place, path, content.hexdigest())
        finally:
            if written is not None:
                await asyncio.wait([written])
            file.close()
            path.unlink(missing_ok=True)
        return Blob(digest=content.hexdigest(), size=size)

    async def write_file(self, path: Path) -> Blob:
        """Take over a file: it is gone from `path` afterwards."""
        run = asyncio.get_running_loop().run_in_executor
        return await run(None, self._take, path)

    def path(self, digest: str) -> Path | None:
        """The file of a large blob."""
        path = self._file(digest)
        return path if path.exists() else None

    async def open(self, digest: str, *, offset: int = 0, length: int | None = None) -> Body:
        """The bytes, or a range of them. Raises KeyError."""
        path = self._file(digest)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            data = await self._inline(digest)
            end = len(data) if length is None else offset + length
            return BytesBody(data[offset:end])
        left = size - offset
        return FileBody(path=path, offset=offset, length=left if length is None else min(length, left))

    async def read(self, digest: str) -> bytes:
        """All bytes. Raises KeyError."""
        path = self._file(digest)
        try:
            return await asyncio.get_running_loop().run_in_executor(None, path.read_bytes)
        except FileNotFoundError:
            return await self._inline(digest)

    def collect(self, before: float, referenced: Callable[[str], bool]) -> int:
        """Remove files that no record needs and that were written before that time; returns how many."""
        removed = 0
        for path in self._root.glob("??/*"):
            if path.stat().st_mtime < before and not referenced(path.parent.name + path.name):
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    async def _inline(self, digest: str) -> bytes:
        data = await asyncio.get_running_loop().run_in_executor(None, self._small, digest)
        if data is None:
            raise KeyError(digest)
        return data

    def _file(self, digest: str) -> Path:
        return self._root / digest[:2] / digest[2:]

    def _finish(self, file: BinaryIO, sums: Iterable[Digest], rest: bytes) -> None:
        _absorb(file, sums, rest)
        file.flush()
        if self._durable:
            os.fsync(file.fileno())

    def _take(self, path: Path) -> Blob:
        content = hashlib.sha256()
        size = path.stat().st_size
        if size <= INLINE:
            data = path.read_bytes()
            path.unlink()
            return Blob(digest=hashlib.sha256(data).hexdigest(), size=size, inline=data)
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                content.update(piece)
            if self._durable:
                os.fsync(file.fileno())
        self._place(path, content.hexdigest())
        return Blob(digest=content.hexdigest(), size=size)

    def _place(self, path: Path, digest: str) -> None:
        target = self._file(digest)
        if not target.parent.exists():
            target.parent.mkdir(exist_ok=True)
            self._sync(self._root)
        if target.exists():
            os.utime(target)
            path.unlink()
            return
        path.rename(target)
        self._sync(target.parent)

    def _sync(self, folder: Path) -> None:
        if not self._durable:
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _absorb(file: BinaryIO, sums: Iterable[Digest], data: bytes) -> None:
    _feed(sums, data)
    file.write(data)


def _feed(sums: Iterable[Digest], data: bytes) -> None:
    for each in sums:
        each.update(data)
