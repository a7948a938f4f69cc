"""Bytes between S3 and a worker's folder, moved through the ordinary API as the job's role.

A role that may not read its inputs or write its outputs fails here as it would on AWS.
"""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stepwell.api.context import Context
from stepwell.calls import Call, Caller, FileBody, read_body
from stepwell.errors import AwsError
from stepwell.services.sagemaker.errors import RunFailed
from stepwell.services.sagemaker.s3_uris import split_s3

#: bytes of a manifest
MANIFEST_LIMIT = 64 << 20
#: how a file system says that a name can't be had: another object's name is its folder, or it is too long
UNNAMEABLE = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """S3 as one caller sees it."""

    context: Context
    #: the role's session
    caller: Caller

    async def fetch(self, uri: str, target: Path) -> None:
        """One object into a file. Raises AwsError, RunFailed for a name that no file can have there."""
        bucket, key = split_s3(uri)
        reply = await self._s3("GetObject", Bucket=bucket, Key=key)
        try:
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
            opened = target.open("wb")
        except OSError as error:
            if error.errno not in UNNAMEABLE:
                raise
            raise RunFailed(f"The object {uri} cannot be a file here: {error.strerror}") from error
        with opened as file:
            async for piece in reply["Body"].chunks():
                await asyncio.to_thread(file.write, piece)

    async def fetch_prefix(self, uri: str, folder: Path) -> int:
        """All objects whose keys begin with `uri`'s, as files below `folder`; returns how many.

        An object named in full keeps its last name; below a folder's name the rest of the key is kept.
        Raises RunFailed when there is none.
        """
        bucket, prefix = split_s3(uri)
        count = 0
        async for key in self._keys(bucket, prefix):
            if not key.endswith("/"):
                await self.fetch(f"s3://{bucket}/{key}", inside(folder, relative(key, prefix)))
                count += 1
        if not count:
            raise RunFailed(
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure '
                "that the bucket exists in the selected region, that objects exist under that S3 prefix, and "
                f'that the role "{self.caller.role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
            )
        return count

    async def fetch_manifest(self, uri: str, folder: Path) -> int:
        """All objects of a manifest: `[{"prefix": "s3://..."}, "relative/key", ...]`. Raises RunFailed."""
        bucket, key = split_s3(uri)
        reply = await self._s3("GetObject", Bucket=bucket, Key=key)
        try:
            entries: Any = json.loads(await read_body(reply["Body"], MANIFEST_LIMIT))
            prefix, names = entries[0]["prefix"], [str(name) for name in entries[1:]]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise RunFailed(
                f'The manifest {uri} must be a JSON array of {{"prefix": "s3://..."}} and relative keys'
            ) from error
        for name in names:
            await self.fetch(f"{prefix}{name}", inside(folder, name))
        return len(names)

    async def store(self, file: Path, uri: str) -> None:
        """A file to one object. Raises AwsError."""
        bucket, key = split_s3(uri)
        size = (await asyncio.to_thread(file.stat)).st_size
        body = FileBody(path=file, length=size)
        await self._s3("PutObject", Bucket=bucket, Key=key, Body=body, ContentLength=size)

    async def store_folder(self, folder: Path, uri: str) -> int:
        """Every file below `folder`, links left out, to objects below `uri`; returns how many."""
        files = await asyncio.to_thread(files_below, folder)
        for path in files:
            await self.store(path, f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}")
        return len(files)

    async def _keys(self, bucket: str, prefix: str) -> AsyncIterator[str]:
        token: dict[str, str] = {}
        while True:
            reply = await self._s3("ListObjectsV2", Bucket=bucket, Prefix=prefix, **token)
            for item in reply.get("Contents", []):
                yield item["Key"]
            if not reply.get("IsTruncated"):
                return
            token = {"ContinuationToken": reply["NextContinuationToken"]}

    async def _s3(self, operation: str, **params: Any) -> dict[str, Any]:
        call = Call(service="s3", operation=operation, params=params, caller=self.caller)
        try:
            return dict((await self.context.dispatch(call)).output)
        except AwsError as error:
            place = "/".join(str(params[name]) for name in ("Bucket", "Key", "Prefix") if name in params)
            raise RunFailed(f"{error.error_code}: {error.message} ({operation} s3://{place})") from error


def relative(key: str, prefix: str) -> str:
    """Where an object found under `prefix` lies in the channel's folder."""
    if key == prefix:
        return key.rpartition("/")[2]
    folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
    if key.startswith(folder):
        return key[len(folder) :]
    return key[len(prefix.rpartition("/")[0]) :].lstrip("/")


def inside(folder: Path, name: str) -> Path:
    """The file that `name` means below `folder`. Raises RunFailed for a name that leads out."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise RunFailed(f"The object name {name!r} cannot be a file's")
    return folder.joinpath(*parts)


def files_below(folder: Path) -> list[Path]:
    """All regular files, sorted; links are left out, for they may lead anywhere."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
