"""JSON documents in a bucket, written on conditions: what makes two writers at once harmless.

A conditional write whose answer was lost is sent again by the SDK and then finds its own work. So whoever
gets `Conflict` reads again, and may find that all is done.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from .faults import Conflict

#: how S3 says that a condition doesn't hold, and (409) that another writer was at it in the same moment
CONFLICTS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
ABSENT = ("NoSuchKey", "NotFound", "404")
#: conditional writes that are tried before a document is called contended
TRIES = 10


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document as it was read."""

    #: what it says
    value: Any
    #: the entity tag of these very bytes
    etag: str


def code(error: ClientError) -> str:
    """The error's code, as the service spells it."""
    return str(error.response.get("Error", {}).get("Code", ""))


def text(value: Any) -> str:
    """JSON that people can read."""
    return json.dumps(value, ensure_ascii=False, indent=1)


def read(s3: Any, bucket: str, key: str) -> Document | None:
    """The document, None where there is none. Raises ClientError, ValueError for what is no JSON."""
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if code(error) in ABSENT:
            return None
        raise
    return Document(value=json.loads(found["Body"].read()), etag=found["ETag"])


def create(s3: Any, bucket: str, key: str, value: Any) -> None:
    """Write a document that must not be there yet. Raises Conflict."""
    _put(s3, bucket, key, value, IfNoneMatch="*")


def replace(s3: Any, bucket: str, key: str, value: Any, etag: str) -> None:
    """Write a document that must be as it was read. Raises Conflict, also where it is gone."""
    _put(s3, bucket, key, value, IfMatch=etag)


def write(s3: Any, bucket: str, key: str, value: Any) -> None:
    """Write a document whatever is there: one that says the same each time."""
    _put(s3, bucket, key, value)


def kept(s3: Any, bucket: str, key: str, value: Any, same: Callable[[Any], bool]) -> Any:
    """Write a document unless it is there, and give what is there: who asks again gets the first answer.

    same: whether what is there is of the same run; what isn't (an execution's name may come again after 90
    days) is written over.
    """
    for _ in range(TRIES):
        there = read(s3, bucket, key)
        try:
            if there is None:
                create(s3, bucket, key, value)
            elif same(there.value):
                return there.value
            else:
                replace(s3, bucket, key, value, there.etag)
        except Conflict:
            continue
        return value
    raise Conflict(f"s3://{bucket}/{key} was written by others {TRIES} times")


def _put(s3: Any, bucket: str, key: str, value: Any, **condition: str) -> None:
    body = text(value).encode("utf-8")
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        if code(error) in CONFLICTS or (condition and code(error) in ABSENT):
            raise Conflict(f"s3://{bucket}/{key}: {error}") from error
        raise
