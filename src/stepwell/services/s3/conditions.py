"""Preconditions of reads, copies and writes (RFC 9110 §13, as far as S3 honours them)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.services.s3 import errors
from stepwell.services.s3.objects import Entry


def check_read(entry: Entry, params: Mapping[str, Any]) -> None:
    """Raise PreconditionFailed or NotModified as a GET's If-* fields ask."""
    match, none_match = params.get("IfMatch"), params.get("IfNoneMatch")
    since, until = params.get("IfModifiedSince"), params.get("IfUnmodifiedSince")
    if match is not None:
        if not _matches(match, entry):
            raise errors.PreconditionFailed("If-Match")
    elif until is not None and entry.modified > until:
        raise errors.PreconditionFailed("If-Unmodified-Since")
    if none_match is not None:
        if _matches(none_match, entry):
            raise errors.NotModified()
    elif since is not None and entry.modified <= since:
        raise errors.NotModified()


def check_copy(entry: Entry, params: Mapping[str, Any]) -> None:
    """Raise PreconditionFailed as the CopySourceIf* fields ask."""
    match, none_match = params.get("CopySourceIfMatch"), params.get("CopySourceIfNoneMatch")
    since, until = params.get("CopySourceIfModifiedSince"), params.get("CopySourceIfUnmodifiedSince")
    if match is not None:
        if not _matches(match, entry):
            raise errors.PreconditionFailed("x-amz-copy-source-If-Match")
    elif until is not None and entry.modified > until:
        raise errors.PreconditionFailed("x-amz-copy-source-If-Unmodified-Since")
    if none_match is not None:
        if _matches(none_match, entry):
            raise errors.PreconditionFailed("x-amz-copy-source-If-None-Match")
    elif since is not None and entry.modified <= since:
        raise errors.PreconditionFailed("x-amz-copy-source-If-Modified-Since")


def check_write(current: Entry | None, params: Mapping[str, Any]) -> None:
    """Raise PreconditionFailed or NoSuchKey as a write's IfMatch and IfNoneMatch ask.

    S3 knows `*` only for If-None-Match on writes.
    """
    match, none_match = params.get("IfMatch"), params.get("IfNoneMatch")
    if none_match is not None:
        if none_match != "*":
            raise errors.NotImplementedByS3("If-None-Match")
        if current is not None:
            raise errors.PreconditionFailed("If-None-Match")
    if match is not None:
        if current is None:
            raise errors.NoSuchKey(params["Key"])
        if not _matches(match, current):
            raise errors.PreconditionFailed("If-Match")


def _matches(header: str, entry: Entry) -> bool:
    """Whether the object's entity tag is in the list; quotes may be left out, as boto3's users do."""
    tags = (tag.strip().removeprefix("W/").strip('"') for tag in header.split(","))
    return any(tag in ("*", entry.content.etag) for tag in tags)
