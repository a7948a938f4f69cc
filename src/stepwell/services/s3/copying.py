"""CopyObject and UploadPartCopy: a whole copy shares the source's blob, no byte moves.

Bytes are read only where their sums are needed: a copy of an object that was uploaded in parts gets a
plain MD5 as its entity tag, and another checksum may be asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec

from stepwell.api.context import Context
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.s3 import checksums, errors, headers, objects, ranges, tags, uploads
from stepwell.services.s3.buckets import Bucket, bucket_of, check_acl, named
from stepwell.services.s3.checksums import Received
from stepwell.services.s3.conditions import check_copy, check_write
from stepwell.services.s3.objects import Content, Entry, Object, place
from stepwell.services.s3.writing import PUT_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What `x-amz-copy-source` names."""

    bucket: str
    key: str
    version: str | None


def source_of(params: Mapping[str, Any]) -> Source:
    """The source: `bucket/key` or `/bucket/key`, percent-encoded, perhaps `?versionId=...` behind it.

    Raises InvalidArgument.
    """
    text = params["CopySource"]
    path, _, query = text.partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key or bucket.startswith("arn:"):
        raise errors.InvalidArgument(
            "Invalid copy source object key" if bucket else "Invalid copy source bucket name",
            "x-amz-copy-source",
            text,
        )
    return Source(bucket=bucket, key=key, version=query or None)


def source_arn(params: Mapping[str, Any], site: object) -> str:
    """The source object's ARN, for its right."""
    source = source_of(params)
    return f"arn:aws:s3:::{source.bucket}/{source.key}"


def _source(call: Call, view: View) -> tuple[Bucket, Entry]:
    source = source_of(call.params)
    bucket = named(source.bucket, call.params.get("ExpectedSourceBucketOwner"), view)
    entry = objects.find(view, bucket, source.key, source.version)
    check_copy(entry, call.params)
    return bucket, entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What was computed over a source's bytes."""

    #: the blob that was read
    digest: str
    #: hexadecimal MD5
    etag: str
    checksum: dict[str, str]


async def prepare_copy(call: Call, context: Context) -> Sums | None:
    """Read the source's bytes where the copy needs sums that the source lacks."""
    objects.check_key(call.params["Key"])
    check_acl(call.params)
    _, entry = await context.read(lambda view: _source(call, view))
    content, algorithm = entry.content, call.params.get("ChecksumAlgorithm")
    if content.size > PUT_LIMIT:
        raise errors.InvalidRequest(
            "The specified copy source is larger than the maximum allowable size for a copy source: "
            f"{PUT_LIMIT}"
        )
    if algorithm is None and content.part_sizes and content.checksum:
        algorithm = next(iter(content.checksum)).removeprefix("Checksum")
    if not content.part_sizes and (algorithm is None or f"Checksum{algorithm}" in content.checksum):
        return None
    md5 = hashlib.md5(usedforsecurity=False)
    total = checksums.new(algorithm) if algorithm is not None else None
    body = await context.blobs.open(content.digest)
    async for piece in body.chunks():
        md5.update(piece)
        if total is not None:
            total.update(piece)
    checksum = {} if total is None else {f"Checksum{algorithm}": checksums.encoded(total.digest())}
    return Sums(digest=content.digest, etag=md5.hexdigest(), checksum=checksum)


def copy(call: Call, draft: Draft, sums: Sums | None) -> dict[str, Any]:
    """CopyObject. Raises OperationAborted when the source changed while its bytes were read."""
    params = call.params
    bucket = bucket_of(call, draft)
    origin, entry = _source(call, draft)
    if sums is not None and sums.digest != entry.content.digest:
        raise errors.OperationAborted()
    check_write(draft.get(Object, place(bucket.name, params["Key"])), params)
    _refuse_idle_copy(call, bucket, entry)
    content = _described(entry.content, params)
    if sums is not None:
        content = msgspec.structs.replace(
            content, etag=sums.etag, checksum=sums.checksum, checksum_type="FULL_OBJECT", part_sizes=()
        )
    new = objects.store(call, draft, bucket, params["Key"], content, "ObjectCreated:Copy")
    result = {"ETag": headers.quoted(content.etag), "LastModified": new.modified, **content.checksum}
    if content.checksum:
        result["ChecksumType"] = content.checksum_type
    output: dict[str, Any] = {"CopyObjectResult": result, **content.encryption}
    for field, version in (
        ("CopySourceVersionId", objects.shown(origin, entry.version)),
        ("VersionId", objects.shown(bucket, new.version)),
    ):
        if version is not None:
            output[field] = version
    return output


def _refuse_idle_copy(call: Call, bucket: Bucket, entry: Entry) -> None:
    params = call.params
    changing = ("StorageClass", "WebsiteRedirectLocation", *headers.ENCRYPTION)
    if (
        (entry.bucket, entry.name) == (bucket.name, params["Key"])
        and source_of(params).version is None
        and params.get("MetadataDirective", "COPY") == "COPY"
        and not any(params.get(name) is not None for name in changing)
    ):
        raise errors.InvalidRequest(
            "This copy request is illegal because it is trying to copy an object to itself without changing "
            "the object's metadata, storage class, website redirect location or encryption attributes."
        )


def _described(source: Content, params: Mapping[str, Any]) -> Content:
    """The source's bytes with the headers, tags and classes that the directives choose."""
    own = headers.blank(params, {})
    replaced = params.get("MetadataDirective") == "REPLACE"
    kept = own.headers if replaced else dict(source.headers)
    if not replaced:
        kept.pop("WebsiteRedirectLocation", None)
        if params.get("WebsiteRedirectLocation") is not None:
            kept["WebsiteRedirectLocation"] = params["WebsiteRedirectLocation"]
    new_tags = tags.of_header(params.get("Tagging"))
    return msgspec.structs.replace(
        source,
        headers=kept,
        metadata=own.metadata if replaced else source.metadata,
        tags=new_tags if params.get("TaggingDirective") == "REPLACE" else source.tags,
        storage_class=own.storage_class,
        encryption=own.encryption,
    )


async def prepare_part(call: Call, context: Context) -> tuple[Received, str | None]:
    """Write the asked bytes of the source into a blob of their own; with the source's version."""
    uploads.check_number(call.params["PartNumber"])

    def look(view: View) -> tuple[uploads.Upload, Bucket, Entry]:
        return uploads.upload_of(call, view), *_source(call, view)

    upload, origin, entry = await context.read(look)
    span = ranges.of_copy(call.params.get("CopySourceRange"), entry.content.size)
    body = await context.blobs.open(entry.content.digest, offset=span.offset, length=span.length)
    wanted = checksums.Asked(algorithm=upload.algorithm)
    received = await checksums.receive(body, wanted, context, limit=PUT_LIMIT)
    return received, objects.shown(origin, entry.version)


def put_part(call: Call, draft: Draft, prepared: tuple[Received, str | None]) -> dict[str, Any]:
    """UploadPartCopy."""
    received, version = prepared
    upload = uploads.upload_of(call, draft)
    part = uploads.keep_part(draft, upload, call.params["PartNumber"], received)
    result = {"ETag": headers.quoted(part.etag), "LastModified": part.modified, **part.checksum}
    output: dict[str, Any] = {"CopyPartResult": result, **upload.content.encryption}
    return output if version is None else output | {"CopySourceVersionId": version}
