"""Uploads in parts: each part is a blob; completing one writes the parts together into another.

The object is then one file that any range can be read from, and no reader needs to know of parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import msgspec

from stepwell.api.context import Context
from stepwell.calls import Call
from stepwell.checksums import ALGORITHMS
from stepwell.durable import Blob, Blobs, Draft, Record, View
from stepwell.services.s3 import checksums, errors, headers, objects, tags
from stepwell.services.s3.buckets import bucket_of, check_acl, owner
from stepwell.services.s3.checksums import FIELDS, PART_TYPES, WHOLE, Received
from stepwell.services.s3.conditions import check_write
from stepwell.services.s3.objects import Content, Object, place
from stepwell.services.s3.writing import PUT_LIMIT

#: the least bytes of every part but the last
PART_FLOOR = 5 * 1024**2
#: the highest part number
PARTS = 10_000
#: the most parts in one page of ListParts
PAGE = 1000


class Part(Record, frozen=True, kw_only=True):
    """One part of an upload. Listed by number."""

    SERVICE: ClassVar[str] = "s3"
    KIND: ClassVar[str] = "part"

    upload: str
    number: int
    size: int
    etag: str
    digest: str
    modified: float
    checksum: dict[str, str] = {}

    @property
    def key(self) -> str:
        return f"{self.upload}/{self.number:05d}"


class Upload(Record, frozen=True, kw_only=True):
    """An upload under way. Listed by key, then by time."""

    SERVICE: ClassVar[str] = "s3"
    KIND: ClassVar[str] = "upload"

    bucket: str
    #: the object's key
    name: str
    #: begins with the order in which uploads were made
    id: str
    initiated: float
    #: the object to come
    content: Content
    #: None when no checksum was asked for
    algorithm: str | None = None
    checksum_type: str = "COMPOSITE"

    @property
    def key(self) -> str:
        return upload_place(self.bucket, self.name, self.id)

    def discard(self, draft: Draft) -> None:
        """Forget the upload and its parts."""
        for part in draft.scan(Part, prefix=f"{self.id}/"):
            draft.delete(Part, part.key)
        draft.delete(Upload, self.key)


def upload_place(bucket: str, name: str, upload: str) -> str:
    """Where an upload is found."""
    return f"{place(bucket, name)}\0{upload}"


def upload_of(call: Call, view: View) -> Upload:
    """The upload that a call is about. Raises NoSuchBucket, NoSuchUpload."""
    bucket = bucket_of(call, view)
    found = view.get(Upload, upload_place(bucket.name, call.params["Key"], call.params["UploadId"]))
    if found is None:
        raise errors.NoSuchUpload(call.params["UploadId"])
    return found


def create(call: Call, draft: Draft) -> dict[str, Any]:
    """CreateMultipartUpload."""
    params = call.params
    bucket = bucket_of(call, draft)
    objects.check_key(params["Key"])
    check_acl(params)
    algorithm = params.get("ChecksumAlgorithm")
    kind = params.get("ChecksumType")
    if algorithm is not None:
        checksums.new(algorithm)
        kind = kind or PART_TYPES.get(algorithm, "COMPOSITE")
        if (kind == "FULL_OBJECT" and algorithm not in WHOLE) or (
            kind == "COMPOSITE" and algorithm == "CRC64NVME"
        ):
            raise errors.InvalidRequest(
                f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
            )
    elif kind is not None:
        raise errors.InvalidRequest(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        )
    upload = Upload(
        bucket=bucket.name,
        name=params["Key"],
        id=f"{objects.advance(draft, bucket):016x}{draft.unique()}",
        initiated=float(int(draft.now)),
        content=headers.blank(params, tags.of_header(params.get("Tagging"))),
        algorithm=algorithm,
        checksum_type=kind or "COMPOSITE",
    )
    draft.put(upload)
    output = {"Bucket": bucket.name, "Key": upload.name, "UploadId": upload.id, **upload.content.encryption}
    return output | _named_checksum(upload)


def _named_checksum(upload: Upload) -> dict[str, Any]:
    if upload.algorithm is None:
        return {}
    return {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.checksum_type}


async def prepare_part(call: Call, context: Context) -> Received:
    """Take a part's bytes in."""
    params = call.params
    check_number(params["PartNumber"])
    wanted = checksums.asked(params)
    upload = await context.read(lambda view: upload_of(call, view))
    if wanted.algorithm is None:
        wanted = checksums.Asked(algorithm=upload.algorithm, md5=wanted.md5)
    elif upload.algorithm not in (None, wanted.algorithm):
        raise _mismatch(upload, wanted.algorithm)
    return await checksums.receive(
        params.get("Body"), wanted, context, limit=PUT_LIMIT, length=params.get("ContentLength")
    )


def _mismatch(upload: Upload, algorithm: str) -> errors.InvalidRequest:
    expected = upload.algorithm.lower() if upload.algorithm is not None else "null"
    return errors.InvalidRequest(
        f"Checksum Type mismatch occurred, expected checksum Type: {expected}, "
        f"actual checksum Type: {algorithm.lower()}"
    )


def check_number(number: int) -> None:
    """Raise InvalidArgument for a part number out of range."""
    if not 1 <= number <= PARTS:
        raise errors.InvalidArgument(
            f"Part number must be an integer between 1 and {PARTS}, inclusive", "partNumber", number
        )


def put_part(call: Call, draft: Draft, received: Received) -> dict[str, Any]:
    """UploadPart."""
    upload = upload_of(call, draft)
    part = keep_part(draft, upload, call.params["PartNumber"], received)
    return {"ETag": headers.quoted(part.etag), **part.checksum, **upload.content.encryption}


def keep_part(draft: Draft, upload: Upload, number: int, received: Received) -> Part:
    """Remember a part; a later one of the same number takes its place."""
    part = Part(
        upload=upload.id,
        number=number,
        size=received.blob.size,
        etag=received.md5,
        digest=draft.keep(received.blob),
        modified=float(int(draft.now)),
        checksum=received.checksum,
    )
    draft.put(part, blobs=(part.digest,))
    return part


def abort(call: Call, draft: Draft) -> None:
    """AbortMultipartUpload."""
    upload_of(call, draft).discard(draft)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """The parts of an upload, written together."""

    blob: Blob
    content: Content
    parts: list[Part]


async def prepare_complete(call: Call, context: Context) -> Assembled:
    """Check the list of parts and write their bytes into one blob."""
    upload, parts = await context.read(lambda view: _chosen(call, view))
    feeds = []
    whole = None
    if upload.algorithm is not None and upload.checksum_type == "FULL_OBJECT":
        whole = checksums.new(upload.algorithm)
        feeds.append(whole)
    blob = await context.blobs.write(_Joined(parts, context.blobs), digests=feeds)
    value = None
    if upload.algorithm is not None:
        if whole is not None:
            value = checksums.encoded(whole.digest())
        else:
            field = f"Checksum{upload.algorithm}"
            value = checksums.composite(upload.algorithm, [part.checksum[field] for part in parts])
        given = call.params.get(f"Checksum{upload.algorithm}")
        checksums.verify(upload.algorithm, given, value)
    tag = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
    content = msgspec.structs.replace(
        upload.content,
        size=blob.size,
        etag=f"{tag.hexdigest()}-{len(parts)}",
        digest=blob.digest,
        checksum={} if value is None else {f"Checksum{upload.algorithm}": value},
        checksum_type=upload.checksum_type,
        part_sizes=tuple(part.size for part in parts),
    )
    return Assembled(blob=blob, content=content, parts=parts)


def _chosen(call: Call, view: View) -> tuple[Upload, list[Part]]:
    """The upload and the parts that the request lists, checked."""
    params = call.params
    upload = upload_of(call, view)
    listed = (params.get("MultipartUpload") or {}).get("Parts") or []
    if not listed:
        raise errors.MalformedXML()
    numbers = [each.get("PartNumber", 0) for each in listed]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise errors.InvalidPartOrder(upload.id)
    stored = {part.number: part for part in view.scan(Part, prefix=f"{upload.id}/")}
    parts: list[Part] = []
    for number, each in zip(numbers, listed, strict=True):
        part, etag = stored.get(number), str(each.get("ETag", "")).strip('"')
        if part is None or part.etag != etag:
            raise errors.InvalidPart(upload.id, number, etag)
        for field in FIELDS:
            if each.get(field) is not None and each[field] != part.checksum.get(field):
                raise errors.InvalidPart(upload.id, number, etag)
        if (
            upload.algorithm is not None
            and upload.checksum_type == "COMPOSITE"
            and each.get(f"Checksum{upload.algorithm}") is None
        ):
            raise errors.InvalidRequest(
                f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request "
                "must include the checksum for each part. It was missing for part "
                f"{number} in the request."
            )
        parts.append(part)
    for part in parts[:-1]:
        if part.size < PART_FLOOR:
            raise errors.EntityTooSmall(part.size, PART_FLOOR, part.number, part.etag)
    _check_whole(upload, parts, params)
    return upload, parts


def _check_whole(upload: Upload, parts: list[Part], params: Any) -> None:
    size = sum(part.size for part in parts)
    if params.get("MpuObjectSize") not in (None, size):
        raise errors.InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {params['MpuObjectSize']} does not match "
            f"what was computed: {size}"
        )
    for algorithm in ALGORITHMS:
        if params.get(f"Checksum{algorithm}") is not None and algorithm != upload.algorithm:
            raise _mismatch(upload, algorithm)
    kind = params.get("ChecksumType")
    if kind is not None and kind != upload.checksum_type:
        raise errors.InvalidRequest(
            f"The upload was created using the {upload.checksum_type} checksum mode. "
            "The complete request must use the same checksum mode."
        )


def complete(call: Call, draft: Draft, assembled: Assembled) -> dict[str, Any]:
    """CompleteMultipartUpload. Raises OperationAborted when a part changed meanwhile."""
    params = call.params
    bucket = bucket_of(call, draft)
    upload = upload_of(call, draft)
    for part in assembled.parts:
        now = draft.get(Part, part.key)
        if now is None or now.digest != part.digest:
            raise errors.OperationAborted()
    check_write(draft.get(Object, place(bucket.name, upload.name)), params)
    draft.keep(assembled.blob)
    event = "ObjectCreated:CompleteMultipartUpload"
    new = objects.store(call, draft, bucket, upload.name, assembled.content, event)
    upload.discard(draft)
    host = call.origin.host or "s3.amazonaws.com"
    scheme = "https" if call.origin.secure else "http"
    return {
        "Location": f"{scheme}://{host}/{bucket.name}/{upload.name}",
        "Bucket": bucket.name,
        "Key": upload.name,
        **headers.written(assembled.content, objects.shown(bucket, new.version)),
    }


@dataclass(frozen=True, slots=True)
class _Joined:
    """The bytes of parts, one behind the other."""

    parts: list[Part]
    blobs: Blobs

    @property
    def size(self) -> int | None:
        return sum(part.size for part in self.parts)

    async def chunks(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            body = await self.blobs.open(part.digest)
            async for piece in body.chunks():
                yield piece


def list_parts(call: Call, view: View) -> dict[str, Any]:
    """ListParts."""
    params = call.params
    upload = upload_of(call, view)
    count, after = min(params.get("MaxParts", PAGE), PAGE), params.get("PartNumberMarker", 0)
    marker = f"{upload.id}/{after:05d}"
    found = list(view.scan(Part, prefix=f"{upload.id}/", after=marker, limit=count + 1))
    shown = found[:count]
    output = {
        "Bucket": upload.bucket,
        "Key": upload.name,
        "UploadId": upload.id,
        "PartNumberMarker": after,
        "NextPartNumberMarker": shown[-1].number if shown else 0,
        "MaxParts": count,
        "IsTruncated": len(found) > count,
        "StorageClass": upload.content.storage_class,
        "Owner": owner(view.account),
        "Initiator": owner(view.account),
        "Parts": [
            {
                "PartNumber": part.number,
                "LastModified": part.modified,
                "ETag": headers.quoted(part.etag),
                "Size": part.size,
                **part.checksum,
            }
            for part in shown
        ],
    }
    return output | _named_checksum(upload)
