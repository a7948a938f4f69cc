"""ListObjects, ListObjectsV2, ListObjectVersions and ListMultipartUploads.

All are one walk over records in the order of keys. A common prefix costs one step however many keys
share it: the walk goes on behind the last of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote_plus

from stepwell.api.pages import place_of, token_of
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.services.s3 import errors, headers, objects
from stepwell.services.s3.buckets import bucket_of, owner
from stepwell.services.s3.objects import Entry, Object, Version, place
from stepwell.services.s3.uploads import Upload, upload_place

#: the most entries in a page
PAGE = 1000
#: sorts behind every key that begins as it does
LAST = "\U0010ffff"


class Named(Protocol):
    """A record of a key in a bucket."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some entries, in order."""

    #: records, and common prefixes as text
    entries: list[T | str]
    truncated: bool

    @property
    def rows(self) -> list[T]:
        return [each for each in self.entries if not isinstance(each, str)]

    @property
    def prefixes(self) -> list[str]:
        return [each for each in self.entries if isinstance(each, str)]

    @property
    def last(self) -> T | str | None:
        return self.entries[-1] if self.entries else None


def walk(
    scan: Callable[[str], Iterator[T]], bucket: str, after: str, params: Mapping[str, Any], count: int
) -> Page[T]:
    """The first `count` entries behind `after` (a place), keys rolled up at the delimiter.

    `scan(after)` gives records that begin with the prefix, in order.
    """
    prefix, delimiter = params.get("Prefix") or "", params.get("Delimiter") or ""
    entries: list[T | str] = []
    if count == 0:
        return Page(entries, truncated=False)
    while True:
        for row in scan(after):
            if len(entries) == count:
                return Page(entries, truncated=True)
            end = row.name.find(delimiter, len(prefix)) if delimiter else -1
            if end >= 0:
                common = row.name[: end + len(delimiter)]
                entries.append(common)
                after = place(bucket, common) + LAST
                break
            entries.append(row)
        else:
            return Page(entries, truncated=False)


def limit(params: Mapping[str, Any], name: str = "MaxKeys") -> int:
    """How many entries a page has. Raises InvalidArgument for a negative number."""
    count: int = params.get(name, PAGE)
    if count < 0:
        text = "Argument maxKeys must be an integer between 0 and 2147483647"
        raise errors.InvalidArgument(text, name, count)
    return min(count, PAGE)


def encoder(params: Mapping[str, Any]) -> Callable[[str], str]:
    """How keys are written: as they are, or form-encoded when EncodingType asks for it."""
    if params.get("EncodingType") == "url":
        return lambda text: quote_plus(text, safe="/")
    return lambda text: text


def _objects(view: View, bucket: str, params: Mapping[str, Any]) -> Callable[[str], Iterator[Object]]:
    begin = place(bucket, params.get("Prefix") or "")
    return lambda after: view.scan(Object, prefix=begin, after=after)


def _frame(params: Mapping[str, Any], names: tuple[str, ...], encode: Callable[[str], str]) -> dict[str, Any]:
    """The request's own fields, which every answer repeats."""
    output: dict[str, Any] = {name: encode(params[name]) for name in names if params.get(name)}
    output["Prefix"] = encode(params.get("Prefix") or "")
    if params.get("EncodingType"):
        output["EncodingType"] = params["EncodingType"]
    return output


def _content(row: Entry, encode: Callable[[str], str]) -> dict[str, Any]:
    content = row.content
    shown: dict[str, Any] = {
        "Key": encode(row.name),
        "LastModified": row.modified,
        "ETag": headers.quoted(content.etag),
        "Size": content.size,
        "StorageClass": content.storage_class,
    }
    if content.checksum:
        shown["ChecksumAlgorithm"] = [name.removeprefix("Checksum") for name in content.checksum]
        shown["ChecksumType"] = content.checksum_type
    return shown


def _prefixes(page: Page[Any], encode: Callable[[str], str]) -> dict[str, Any]:
    if not page.prefixes:
        return {}
    return {"CommonPrefixes": [{"Prefix": encode(each)} for each in page.prefixes]}


def first_version(call: Call, view: View) -> dict[str, Any]:
    """ListObjects: goes on behind a marker, which is a key or a common prefix."""
    params = call.params
    bucket = bucket_of(call, view).name
    encode, count = encoder(params), limit(params)
    marker, delimiter = params.get("Marker") or "", params.get("Delimiter") or ""
    after = place(bucket, marker)
    end = marker.find(delimiter, len(params.get("Prefix") or "")) if delimiter else -1
    if end >= 0:
        after = place(bucket, marker[: end + len(delimiter)]) + LAST
    page = walk(_objects(view, bucket, params), bucket, after, params, count)
    output = _frame(params, ("Delimiter",), encode) | {
        "Name": bucket,
        "Marker": encode(marker),
        "MaxKeys": count,
        "IsTruncated": page.truncated,
        **_prefixes(page, encode),
    }
    if page.rows:
        who = owner(view.account)
        output["Contents"] = [_content(row, encode) | {"Owner": who} for row in page.rows]
    if page.truncated and delimiter and page.last is not None:
        output["NextMarker"] = encode(page.last if isinstance(page.last, str) else page.last.name)
    return output


def second_version(call: Call, view: View) -> dict[str, Any]:
    """ListObjectsV2: goes on behind an opaque token."""
    params = call.params
    bucket = bucket_of(call, view).name
    encode, count = encoder(params), limit(params)
    token = params.get("ContinuationToken")
    after = place(bucket, params.get("StartAfter") or "") if token is None else _position(token, bucket)
    page = walk(_objects(view, bucket, params), bucket, after, params, count)
    output = _frame(params, ("Delimiter", "StartAfter"), encode) | {
        "Name": bucket,
        "MaxKeys": count,
        "KeyCount": len(page.entries),
        "IsTruncated": page.truncated,
        **_prefixes(page, encode),
    }
    if token is not None:
        output["ContinuationToken"] = token
    if page.rows:
        who = {"Owner": owner(view.account)} if params.get("FetchOwner") else {}
        output["Contents"] = [_content(row, encode) | who for row in page.rows]
    if page.truncated and page.last is not None:
        output["NextContinuationToken"] = _token(page.last)
    return output


def _token(last: Object | str) -> str:
    """Where the next page begins: behind a key (`k`), or behind all keys of a prefix (`p`)."""
    text = f"p{last}" if isinstance(last, str) else f"k{last.name}"
    return token_of(text)


def _position(token: str, bucket: str) -> str:
    try:
        text = place_of(token)
    except ValueError:
        text = ""
    if text[:1] not in ("k", "p"):
        raise errors.InvalidArgument(
            "The continuation token provided is incorrect", "continuation-token", token
        )
    return place(bucket, text[1:]) + (LAST if text[0] == "p" else "")


def versions(call: Call, view: View) -> dict[str, Any]:
    """ListObjectVersions: every key's versions and delete markers, the newest first."""
    params = call.params
    bucket = bucket_of(call, view)
    encode, count = encoder(params), limit(params)
    begin = place(bucket.name, params.get("Prefix") or "")
    after, head = _resumption(view, bucket.name, params)

    def scan(start: str) -> Iterator[Entry]:
        rows = heapq.merge(
            view.scan(Object, prefix=begin, after=start),
            view.scan(Version, prefix=begin, after=start),
            key=lambda entry: entry.key,
        )
        return chain(head if start == after else (), rows)

    page: Page[Entry] = walk(scan, bucket.name, after, params, count)
    output = _frame(params, ("Delimiter", "KeyMarker"), encode) | {
        "Name": bucket.name,
        "KeyMarker": encode(params.get("KeyMarker") or ""),
        "VersionIdMarker": params.get("VersionIdMarker") or "",
        "MaxKeys": count,
        "IsTruncated": page.truncated,
        **_prefixes(page, encode),
    }
    who = owner(view.account)
    current = _latest(view, page.rows)
    for row in page.rows:
        entry: dict[str, Any] = {
            "Key": encode(row.name),
            "VersionId": row.version,
            "IsLatest": current[row.name] == row.order,
            "LastModified": row.modified,
            "Owner": who,
        }
        if isinstance(row, Version) and row.marker:
            output.setdefault("DeleteMarkers", []).append(entry)
        else:
            output.setdefault("Versions", []).append(_content(row, encode) | entry)
    last = page.last
    if page.truncated and last is not None:
        output["NextKeyMarker"] = encode(last if isinstance(last, str) else last.name)
        if not isinstance(last, str):
            output["NextVersionIdMarker"] = last.version
    return output


def _latest(view: View, rows: list[Entry]) -> dict[str, int]:
    """The order of each key's current version, or of the delete marker that hides the key."""
    found: dict[str, int] = {}
    for row in rows:
        if row.name not in found:
            spot = place(row.bucket, row.name)
            newest = view.get(Object, spot) or next(view.scan(Version, prefix=f"{spot}\0", limit=1), row)
            found[row.name] = newest.order
    return found


def _resumption(view: View, bucket: str, params: Mapping[str, Any]) -> tuple[str, tuple[Entry, ...]]:
    """Where the walk goes on, and what comes before that.

    The version that the marker names may be gone, and an older one may have become the key's current
    one: whoever empties a bucket page by page must still be shown that.
    """
    name, version = params.get("KeyMarker") or "", params.get("VersionIdMarker") or ""
    delimiter = params.get("Delimiter") or ""
    if not version:
        if delimiter and name.endswith(delimiter):
            return place(bucket, name) + LAST, ()
        return (place(bucket, name) + f"\0{LAST}" if name else place(bucket, "")), ()
    order = objects.order_of(version)
    current = view.get(Object, place(bucket, name))
    if order is None:
        older = view.scan(Version, prefix=f"{place(bucket, name)}\0")
        row: Entry | None = next((each for each in older if each.version == version), None)
        row = current if current is not None and current.version == version else row
        if row is None:
            return place(bucket, name), () if current is None else (current,)
        order = row.order
    head = (current,) if current is not None and current.order < order else ()
    return objects.version_place(bucket, name, order), head


def uploads(call: Call, view: View) -> dict[str, Any]:
    """ListMultipartUploads."""
    params = call.params
    bucket = bucket_of(call, view).name
    encode, count = encoder(params), limit(params, "MaxUploads")
    begin = place(bucket, params.get("Prefix") or "")
    marker = params.get("KeyMarker") or ""
    if params.get("UploadIdMarker") and marker:
        after = upload_place(bucket, marker, params["UploadIdMarker"])
    else:
        after = place(bucket, marker) + f"\0{LAST}" if marker else place(bucket, "")
    if marker and params.get("Delimiter") and marker.endswith(params["Delimiter"]):
        after = place(bucket, marker) + LAST
    page: Page[Upload] = walk(
        lambda start: view.scan(Upload, prefix=begin, after=start), bucket, after, params, count
    )
    who = owner(view.account)
    output = _frame(params, ("Delimiter",), encode) | {
        "Bucket": bucket,
        "KeyMarker": encode(marker),
        "UploadIdMarker": params.get("UploadIdMarker") or "",
        "MaxUploads": count,
        "IsTruncated": page.truncated,
        **_prefixes(page, encode),
    }
    if page.rows:
        output["Uploads"] = [_upload(row, encode, who) for row in page.rows]
    last = page.last
    if page.truncated and last is not None:
        output["NextKeyMarker"] = encode(last if isinstance(last, str) else last.name)
        output["NextUploadIdMarker"] = "" if isinstance(last, str) else last.id
    return output


def _upload(row: Upload, encode: Callable[[str], str], who: dict[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Key": encode(row.name),
        "UploadId": row.id,
        "Initiated": row.initiated,
        "StorageClass": row.content.storage_class,
        "Owner": who,
        "Initiator": who,
    }
    if row.algorithm is not None:
        shown |= {"ChecksumAlgorithm": row.algorithm, "ChecksumType": row.checksum_type}
    return shown
