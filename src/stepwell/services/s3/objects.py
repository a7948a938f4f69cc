"""Objects and their versions: what is remembered of each, and how one takes another's place.

Every version exists once. The current one of a key is an `Object`; older ones, and delete markers, are
`Version`s. So a bucket that never had versioning costs one record an object, and listing current
objects is one range scan.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, TypeVar

import msgspec

from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.services.s3 import errors
from stepwell.services.s3.buckets import Bucket
from stepwell.services.s3.events import Change, announce

#: the most bytes of a key in UTF-8
KEY_LIMIT = 1024
#: how the version of a bucket without versioning is called
NULL = "null"
#: makes later versions sort first
_END = 1 << 63
_VERSION = re.compile(r"[0-9a-f]{32}")
#: MD5 of nothing
EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an object consists of, whoever uploads or copies it."""

    #: bytes
    size: int
    #: without quotes
    etag: str
    #: names the blob
    digest: str
    #: headers that were given with it, by boto3's names: `ContentType`, `CacheControl`, ...
    headers: dict[str, Any] = {}
    #: the user's own; names in lower case
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    storage_class: str = "STANDARD"
    #: `ServerSideEncryption`, `SSEKMSKeyId`, `BucketKeyEnabled`: recorded only
    encryption: dict[str, Any] = {}
    #: `ChecksumCRC32: base64`
    checksum: dict[str, str] = {}
    #: `FULL_OBJECT` or `COMPOSITE`
    checksum_type: str = "FULL_OBJECT"
    #: bytes of each part, of an object that was uploaded in parts
    part_sizes: tuple[int, ...] = ()


class Entry(Record, frozen=True, kw_only=True):
    """What objects and versions have in common."""

    SERVICE: ClassVar[str] = "s3"

    bucket: str
    #: the object's key
    name: str
    #: grows with every change of the bucket
    order: int
    #: seconds since the epoch, whole ones as S3 has them
    modified: float
    content: Content
    version: str = NULL


E = TypeVar("E", bound=Entry)


class Object(Entry, frozen=True, kw_only=True):
    """The current version of a key. Listed by key."""

    KIND: ClassVar[str] = "object"

    @property
    def key(self) -> str:
        return place(self.bucket, self.name)


class Version(Entry, frozen=True, kw_only=True):
    """An older version, or a delete marker (which has no bytes). Listed by key, the newest first."""

    KIND: ClassVar[str] = "version"

    marker: bool = False

    @property
    def key(self) -> str:
        return version_place(self.bucket, self.name, self.order)


class Sequence(Record, frozen=True, kw_only=True):
    """The order of a bucket's last change."""

    SERVICE: ClassVar[str] = "s3"
    KIND: ClassVar[str] = "sequence"

    bucket: str
    last: int

    @property
    def key(self) -> str:
        return self.bucket


def place(bucket: str, name: str) -> str:
    """Where an object is found: bucket names have no slash."""
    return f"{bucket}/{name}"


def version_place(bucket: str, name: str, order: int) -> str:
    """Where an older version is found: behind its key's current one, the newest first."""
    return f"{place(bucket, name)}\0{_END - order:016x}"


def order_of(version: str) -> int | None:
    """The order that a version's id begins with; None for the null version. Raises InvalidArgument."""
    if version == NULL:
        return None
    if _VERSION.fullmatch(version) is None:
        raise errors.InvalidArgument("Invalid version id specified", "versionId", version)
    return int(version[:16], 16)


def check_key(name: str) -> None:
    """Raise KeyTooLong, or InvalidArgument for a key that no listing could show."""
    size = len(name.encode())
    if size > KEY_LIMIT:
        raise errors.KeyTooLong(size, KEY_LIMIT)
    if "\0" in name:
        raise errors.InvalidArgument("Object key contains a NUL character.", "key", name)


def find(view: View, bucket: Bucket, name: str, version: str | None = None) -> Entry:
    """The current version, or the one asked for. Raises NoSuchKey, NoSuchVersion, MethodNotAllowed."""
    current = view.get(Object, place(bucket.name, name))
    if version is None:
        if current is None:
            raise errors.NoSuchKey(name)
        return current
    found: Entry | None = current if current is not None and current.version == version else None
    found = found or older(view, bucket, name, version)
    if found is None:
        raise errors.NoSuchVersion(name, version)
    if isinstance(found, Version) and found.marker:
        raise errors.MethodNotAllowed("GET", "DeleteMarker")
    return found


def shown(bucket: Bucket, version: str) -> str | None:
    """The version as answers show it: not at all where versioning never was on."""
    return version if bucket.versioning else None


def store(call: Call, draft: Draft, bucket: Bucket, name: str, content: Content, event: str) -> Object:
    """Make `content` the current version of `name`, and announce it."""
    order = advance(draft, bucket)
    version = _new_version(draft, bucket, order)
    _make_room(draft, bucket, name, version)
    new = Object(
        bucket=bucket.name,
        name=name,
        order=order,
        modified=float(int(draft.now)),
        content=content,
        version=version,
    )
    draft.put(new, blobs=(content.digest,))
    change = Change(
        event=event,
        name=name,
        size=content.size,
        etag=content.etag,
        version=shown(bucket, version),
        order=order,
    )
    announce(call, draft, bucket, change)
    return new


def remove(call: Call, draft: Draft, bucket: Bucket, name: str) -> Version | None:
    """Remove the current version: for good, or behind a delete marker, which is returned.

    Nothing happens, and nothing is announced, when an unversioned bucket has no such key.
    """
    current = draft.get(Object, place(bucket.name, name))
    if not bucket.versioning:
        if current is not None:
            draft.delete(Object, current.key)
            change = Change(event="ObjectRemoved:Delete", name=name, order=advance(draft, bucket))
            announce(call, draft, bucket, change)
        return None
    order = advance(draft, bucket)
    version = _new_version(draft, bucket, order)
    _make_room(draft, bucket, name, version)
    draft.delete(Object, place(bucket.name, name))
    marker = Version(
        bucket=bucket.name,
        name=name,
        order=order,
        modified=float(int(draft.now)),
        content=Content(size=0, etag="", digest=""),
        version=version,
        marker=True,
    )
    draft.put(marker)
    change = Change(
        event="ObjectRemoved:DeleteMarkerCreated", name=name, etag=EMPTY_ETAG, version=version, order=order
    )
    announce(call, draft, bucket, change)
    return marker


def remove_version(call: Call, draft: Draft, bucket: Bucket, name: str, version: str) -> Entry | None:
    """Remove one version for good and return it; the newest of the others becomes the current one."""
    current = draft.get(Object, place(bucket.name, name))
    removed: Entry | None
    if current is not None and current.version == version:
        removed = current
        draft.delete(Object, current.key)
    else:
        removed = older(draft, bucket, name, version)
        if removed is None:
            return None
        draft.delete(Version, removed.key)
    _promote(draft, bucket, name)
    change = Change(
        event="ObjectRemoved:Delete",
        name=name,
        version=shown(bucket, version),
        order=advance(draft, bucket),
    )
    announce(call, draft, bucket, change)
    return removed


def advance(draft: Draft, bucket: Bucket) -> int:
    """The order of the next change: time in microseconds, but always more than the last."""
    known = draft.get(Sequence, bucket.name)
    order = max(known.last + 1 if known else 0, int(draft.now * 1_000_000))
    draft.put(Sequence(bucket=bucket.name, last=order))
    return order


def replace(draft: Draft, entry: Entry, content: Content) -> None:
    """Write an entry again with other tags or headers."""
    digests = (content.digest,) if content.digest else ()
    draft.put(msgspec.structs.replace(entry, content=content), blobs=digests)


def _make_room(draft: Draft, bucket: Bucket, name: str, version: str) -> None:
    """Keep the current version as an older one; a null version gives way to the next null version."""
    if not bucket.versioning:
        return
    current = draft.get(Object, place(bucket.name, name))
    if version == NULL:
        replaced = older(draft, bucket, name, NULL)
        if replaced is not None:
            draft.delete(Version, replaced.key)
    if current is not None and current.version != version:
        draft.put(_as(Version, current), blobs=(current.content.digest,))


def _promote(draft: Draft, bucket: Bucket, name: str) -> None:
    if draft.get(Object, place(bucket.name, name)) is not None:
        return
    newest = next(draft.scan(Version, prefix=f"{place(bucket.name, name)}\0", limit=1), None)
    if newest is not None and not newest.marker:
        draft.delete(Version, newest.key)
        draft.put(_as(Object, newest), blobs=(newest.content.digest,))


def older(view: View, bucket: Bucket, name: str, version: str) -> Version | None:
    """The version of that id, unless it is the current one. Raises InvalidArgument."""
    order = order_of(version)
    if order is None:
        versions = view.scan(Version, prefix=f"{place(bucket.name, name)}\0")
        return next((each for each in versions if each.version == NULL), None)
    found = view.get(Version, version_place(bucket.name, name, order))
    return found if found is not None and found.version == version else None


def _new_version(draft: Draft, bucket: Bucket, order: int) -> str:
    return f"{order:016x}{draft.unique()[:16]}" if bucket.versioning == "Enabled" else NULL


def _as(kind: type[E], entry: Entry) -> E:
    shared = {field: getattr(entry, field) for field in Entry.__struct_fields__}
    return kind(**shared)
