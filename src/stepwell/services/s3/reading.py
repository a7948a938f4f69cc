"""GetObject, HeadObject, GetObjectAttributes and GetObjectAcl."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stepwell.api.context import Context
from stepwell.calls import Body, BytesBody, Call, Reply
from stepwell.durable import View
from stepwell.services.s3 import errors, headers, objects, ranges
from stepwell.services.s3.buckets import bucket_of, owner
from stepwell.services.s3.conditions import check_read
from stepwell.services.s3.objects import Entry

#: bytes up to which a blob may lie in the database, where the same snapshot reads it
SMALL = 16 * 1024
#: the most parts in one page of GetObjectAttributes
PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selection:
    """What a read is about, from one snapshot."""

    entry: Entry
    reply: Reply
    offset: int
    length: int
    small: bytes | None


def head(call: Call, view: View) -> Reply:
    """HeadObject."""
    return _select(call, view).reply


async def get(call: Call, context: Context) -> Reply:
    """GetObject. The answer's bytes are those of the snapshot, whatever is written meanwhile."""
    chosen = await context.read(lambda view: _select(call, view, bytes_too=True))
    first, last = chosen.offset, chosen.offset + chosen.length
    body: Body
    if chosen.small is not None:
        body = BytesBody(chosen.small[first:last])
    else:
        body = await context.blobs.open(chosen.entry.content.digest, offset=first, length=chosen.length)
    reply = chosen.reply
    return Reply(output={**reply.output, "Body": body}, status=reply.status)


def _select(call: Call, view: View, *, bytes_too: bool = False) -> _Selection:
    params = call.params
    bucket = bucket_of(call, view)
    entry = objects.find(view, bucket, params["Key"], params.get("VersionId"))
    content = entry.content
    check_read(entry, params)
    part, asked = params.get("PartNumber"), params.get("Range")
    if part is not None and asked is not None:
        raise errors.InvalidRequest("Cannot specify both Range header and partNumber query parameter")
    if part is not None:
        span: ranges.Span | None = ranges.of_part(part, content.part_sizes, content.size)
    else:
        span = ranges.of_header(asked, content.size)
    output = headers.shown(content) | {
        "AcceptRanges": "bytes",
        "LastModified": entry.modified,
        "ContentLength": content.size if span is None else span.length,
    }
    for field, name in headers.OVERRIDES.items():
        if params.get(field) is not None:
            output[name] = params[field]
    version = objects.shown(bucket, entry.version)
    if version is not None:
        output["VersionId"] = version
    if content.tags:
        output["TagCount"] = len(content.tags)
    if part is not None and content.part_sizes:
        output["PartsCount"] = len(content.part_sizes)
    if span is not None and span.length:
        output["ContentRange"] = span.header
    if params.get("ChecksumMode") == "ENABLED" and content.checksum and span is None:
        output |= content.checksum | {"ChecksumType": content.checksum_type}
    small = view.small_blob(content.digest) if bytes_too and content.size <= SMALL else None
    return _Selection(
        entry=entry,
        reply=Reply(output=output, status=206 if span is not None else None),
        offset=span.offset if span is not None else 0,
        length=span.length if span is not None else content.size,
        small=small,
    )


def attributes(call: Call, view: View) -> dict[str, Any]:
    """GetObjectAttributes: only what is asked for."""
    params = call.params
    bucket = bucket_of(call, view)
    entry = objects.find(view, bucket, params["Key"], params.get("VersionId"))
    content = entry.content
    available: dict[str, Any] = {
        "ETag": content.etag,
        "StorageClass": content.storage_class,
        "ObjectSize": content.size,
    }
    if content.checksum:
        available["Checksum"] = content.checksum | {"ChecksumType": content.checksum_type}
    if content.part_sizes:
        available["ObjectParts"] = _parts(content.part_sizes, params)
    output = {name: available[name] for name in params["ObjectAttributes"] if name in available}
    output["LastModified"] = entry.modified
    version = objects.shown(bucket, entry.version)
    return output if version is None else output | {"VersionId": version}


def _parts(sizes: tuple[int, ...], params: Any) -> dict[str, Any]:
    after, count = params.get("PartNumberMarker", 0), min(params.get("MaxParts", PAGE), PAGE)
    last = min(after + count, len(sizes))
    return {
        "TotalPartsCount": len(sizes),
        "PartNumberMarker": after,
        "NextPartNumberMarker": last,
        "MaxParts": count,
        "IsTruncated": last < len(sizes),
    }


def acl(call: Call, view: View) -> dict[str, Any]:
    """GetObjectAcl: the owner has full control, nobody else any."""
    objects.find(view, bucket_of(call, view), call.params["Key"], call.params.get("VersionId"))
    return owners_acl(view.account)


def owners_acl(account: str) -> dict[str, Any]:
    """The access control list of everything here."""
    who = owner(account)
    grantee = who | {"Type": "CanonicalUser"}
    return {"Owner": who, "Grants": [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]}
