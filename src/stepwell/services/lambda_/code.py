"""Deployment packages: taken from the call or from S3, checked, unpacked once for all that use them.

The unpacked folders are a cache: they are made from the blob whenever they are needed and not there.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import stat
import uuid
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from stepwell.api.context import Context
from stepwell.calls import Body, BytesBody, Call
from stepwell.durable import Blob
from stepwell.errors import AwsError
from stepwell.services.lambda_.errors import (
    InvalidParameterValueException,
    RequestEntityTooLargeException,
)

#: bytes of a package that comes with the call (Lambda quotas)
DIRECT_LIMIT = 52_428_800
#: bytes of a package's files (Lambda quotas)
UNZIPPED_LIMIT = 262_144_000
#: files of a package; AWS names no limit, a disk has one
FILES_LIMIT = 100_000
_UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."
_PIECE = 1 << 20


async def fetch(code: Mapping[str, Any], call: Call, context: Context) -> Blob:
    """The package that `Code` names, as a blob; from S3 with the caller's own rights.

    Raises InvalidParameterValueException and RequestEntityTooLargeException.
    """
    data, bucket, key = code.get("ZipFile"), code.get("S3Bucket"), code.get("S3Key")
    if (data is None) == (bucket is None) or (bucket is None) != (key is None):
        raise InvalidParameterValueException("Please provide a source for function code.")
    if data is not None:
        if len(data) > DIRECT_LIMIT:
            raise RequestEntityTooLargeException(
                f"Request must be smaller than 70167211 bytes for the {call.operation} operation"
            )
        return await context.blobs.write(BytesBody(bytes(data)))
    version = code.get("S3ObjectVersion")
    wanted = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
    try:
        reply = await context.dispatch(
            Call(service="s3", operation="GetObject", params=wanted, caller=call.caller, origin=call.origin)
        )
    except AwsError as error:
        raise InvalidParameterValueException(
            f"Error occurred while GetObject. S3 Error Code: {error.error_code}. "
            f"S3 Error Message: {error.message}"
        ) from error
    return await context.blobs.write(_Limited(reply.output["Body"]))


@dataclass(frozen=True, slots=True)
class _Limited:
    """A body that is refused as soon as it is longer than a package may be."""

    body: Body

    @property
    def size(self) -> int | None:
        return self.body.size

    async def chunks(self) -> AsyncIterator[bytes]:
        total = 0
        async for piece in self.body.chunks():
            total += len(piece)
            if total > UNZIPPED_LIMIT:
                raise _too_large()
            yield piece


class Packages:
    """The folders of unpacked packages, by digest. What an earlier server left is emptied."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True, mode=0o755)

    async def take(self, blob: Blob, context: Context) -> None:
        """Unpack a new package. Raises InvalidParameterValueException."""
        folder = self.root / blob.digest
        if not folder.exists():
            source = blob.inline if blob.inline is not None else context.blobs.path(blob.digest)
            assert source is not None
            await asyncio.to_thread(unpack, source, folder)

    async def folder(self, digest: str, context: Context) -> Path:
        """The unpacked package; unpacked now where it is not there."""
        folder = self.root / digest
        if not folder.exists():
            source = context.blobs.path(digest) or await context.blobs.read(digest)
            await asyncio.to_thread(unpack, source, folder)
        return folder


def unpack(source: bytes | Path, folder: Path) -> None:
    """Unpack a zip file into `folder`, which appears whole or not at all.

    Raises InvalidParameterValueException for what is no zip file, is too large, or has an entry that
    would lie outside of the folder; the message names the entry.
    """
    temporary = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
    temporary.mkdir()
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            _extract(archive, temporary)
    except InvalidParameterValueException:
        shutil.rmtree(temporary)
        raise
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError, EOFError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise InvalidParameterValueException(_UNREADABLE) from error
    try:
        temporary.rename(folder)
    except OSError:  # another call was first
        shutil.rmtree(temporary)
        if not folder.is_dir():
            raise


def _extract(archive: zipfile.ZipFile, folder: Path) -> None:
    entries = archive.infolist()
    if not any(not entry.is_dir() for entry in entries):
        raise InvalidParameterValueException("Uploaded file must be a non-empty zip")
    if len(entries) > FILES_LIMIT:
        raise InvalidParameterValueException(f"The package has more than {FILES_LIMIT} files")
    left = UNZIPPED_LIMIT
    links: list[tuple[Path, str]] = []
    for entry in entries:
        target = folder / _inside(entry.filename)
        mode = entry.external_attr >> 16
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as data:
            if stat.S_ISLNK(mode):
                links.append((target, _link(entry.filename, data.read(4096))))
                continue
            with target.open("wb") as file:
                left = _copy(data, file, left)
        target.chmod(0o755 if mode & 0o111 else 0o644)
    for target, destination in links:  # last, so that nothing is written through one
        os.symlink(destination, target)


def _copy(data: IO[bytes], file: IO[bytes], left: int) -> int:
    """Copy, and give what is left of the limit. The sizes that a zip file states are not to be trusted."""
    while piece := data.read(_PIECE):
        left -= len(piece)
        if left < 0:
            raise _too_large()
        file.write(piece)
    return left


def _inside(name: str) -> PurePosixPath:
    """An entry's path. Raises InvalidParameterValueException for one that leads out of the package."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise InvalidParameterValueException(f"The package's entry {name!r} lies outside of the package")
    return path


def _link(name: str, content: bytes) -> str:
    """A symbolic link's destination. Raises InvalidParameterValueException for one outside of the package.

    `..` may stand at its beginning only: behind another link it would lead from where that one ends.
    """
    destination = content.decode(errors="replace")
    path = PurePosixPath(destination)
    climbs = len([part for part in path.parts if part == ".."])
    deep = len(PurePosixPath(name).parts) - 1
    if path.is_absolute() or climbs > deep or ".." in path.parts[climbs:]:
        raise InvalidParameterValueException(
            f"The package's entry {name!r} is a link to {destination!r}, outside of the package"
        )
    return destination


def _too_large() -> InvalidParameterValueException:
    return InvalidParameterValueException(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
