"""PutObject: the bytes are written and verified before the decision, which only names them."""

from __future__ import annotations

from typing import Any

import msgspec

from stepwell.api.context import Context
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.services.s3 import checksums, headers, objects, tags
from stepwell.services.s3.buckets import bucket_of, check_acl
from stepwell.services.s3.checksums import Received
from stepwell.services.s3.conditions import check_write
from stepwell.services.s3.objects import Object, place

#: the most bytes of one PUT, or of one part
PUT_LIMIT = 5 * 1024**3


async def prepare_put(call: Call, context: Context) -> Received:
    """Take the body in. What can be refused without it is refused before."""
    params = call.params
    objects.check_key(params["Key"])
    check_acl(params)
    wanted = checksums.asked(params)
    await context.read(lambda view: bucket_of(call, view))
    return await checksums.receive(
        params.get("Body"), wanted, context, limit=PUT_LIMIT, length=params.get("ContentLength")
    )


def put(call: Call, draft: Draft, received: Received) -> dict[str, Any]:
    """PutObject."""
    params = call.params
    bucket = bucket_of(call, draft)
    check_write(draft.get(Object, place(bucket.name, params["Key"])), params)
    content = msgspec.structs.replace(
        headers.blank(params, tags.of_header(params.get("Tagging"))),
        size=received.blob.size,
        etag=received.md5,
        digest=draft.keep(received.blob),
        checksum=received.checksum,
    )
    new = objects.store(call, draft, bucket, params["Key"], content, "ObjectCreated:Put")
    return headers.written(content, objects.shown(bucket, new.version))
