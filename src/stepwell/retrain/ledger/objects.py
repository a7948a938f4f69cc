"""Raw objects: as events name them, as listings show them, as they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from .documents import ABSENT, code

#: requests under way at once: S3 answers in some 20 ms, and a batch may have thousands of objects
PARALLEL = 16
#: how a bucket that keeps no versions calls the one that there is
UNVERSIONED = ("", "null", None)

Given = TypeVar("Given")
Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class Object:
    """A raw object, in one version."""

    #: its key
    key: str
    #: the version; None where the bucket keeps none
    version: str | None = None
    #: the entity tag, without quotes
    etag: str = ""
    #: bytes
    size: int = 0
    #: SHA-256 of its bytes, as Prepare read them; None: not read yet
    sha256: str | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Object:
        """The object of a record or of an event."""
        version = value.get("version")
        return cls(
            key=value["key"],
            version=None if version in UNVERSIONED else version,
            etag=str(value.get("etag") or "").strip('"'),
            size=int(value.get("size") or 0),
            sha256=value.get("sha256"),
        )

    @property
    def content(self) -> tuple[str, str]:
        """Key and entity tag: equal for the same bytes at the same place."""
        return self.key, self.etag

    @property
    def identity(self) -> tuple[str, str]:
        """Key and version, or what stands for one."""
        return self.key, self.version or self.etag

    def told_by(self, event: Object) -> bool:
        """Whether this, as it is now, is what an event told of: not overwritten since by anything else."""
        if event.etag and self.etag == event.etag:
            return True
        if event.version is not None and self.version is not None:
            return self.version == event.version
        return not event.etag


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An object as a listing shows it: without its version."""

    key: str
    etag: str
    size: int
    #: when it was written, by S3's clock
    modified: datetime


def listing(s3: Any, bucket: str, prefix: str, *, after: str = "") -> Iterator[Listed]:
    """All objects below a prefix whose keys come after another, page by page."""
    asked = {"StartAfter": after} if after else {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **asked):
        for each in page.get("Contents", ()):
            yield Listed(
                key=each["Key"],
                etag=each["ETag"].strip('"'),
                size=each["Size"],
                modified=each["LastModified"],
            )


def now(s3: Any, bucket: str, key: str) -> Object | None:
    """The object as it is now; None where there is none."""
    try:
        found = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if code(error) in ABSENT:
            return None
        raise
    return Object.from_json(
        {"key": key, "version": found.get("VersionId"), "etag": found["ETag"], "size": found["ContentLength"]}
    )


def at_once(ask: Callable[[Given], Found], each: Iterable[Given]) -> list[Found]:
    """The answers to many questions, PARALLEL at a time, in their order; a boto3 client may be shared so."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(ask, each))
