"""Tags of objects. (Those of buckets are one of their configurations.)"""

from __future__ import annotations

from typing import Any

import msgspec

from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.s3 import objects
from stepwell.services.s3.buckets import bucket_of
from stepwell.services.s3.events import Change, announce
from stepwell.services.s3.tags import OBJECT_TAGS, as_set, of_set


def tags_of(view: View, arn: str) -> dict[str, str]:
    """The tags of the latest version of the object with that ARN; none for no object."""
    bucket, _, key = arn.split(":", 5)[5].partition("/")
    found = view.get(objects.Object, objects.place(bucket, key)) if key else None
    return {} if found is None else found.content.tags


def get(call: Call, view: View) -> dict[str, Any]:
    """GetObjectTagging."""
    bucket = bucket_of(call, view)
    entry = objects.find(view, bucket, call.params["Key"], call.params.get("VersionId"))
    return {"TagSet": as_set(entry.content.tags)} | _version(objects.shown(bucket, entry.version))


def put(call: Call, draft: Draft) -> dict[str, Any]:
    """PutObjectTagging: takes the place of all tags."""
    return _write(call, draft, of_set(call.params["Tagging"]["TagSet"], OBJECT_TAGS), "ObjectTagging:Put")


def delete(call: Call, draft: Draft) -> dict[str, Any]:
    """DeleteObjectTagging."""
    return _write(call, draft, {}, "ObjectTagging:Delete")


def _write(call: Call, draft: Draft, tags: dict[str, str], event: str) -> dict[str, Any]:
    bucket = bucket_of(call, draft)
    entry = objects.find(draft, bucket, call.params["Key"], call.params.get("VersionId"))
    objects.replace(draft, entry, msgspec.structs.replace(entry.content, tags=tags))
    version = objects.shown(bucket, entry.version)
    change = Change(event=event, name=entry.name, etag=entry.content.etag, version=version)
    announce(call, draft, bucket, change)
    return _version(version)


def _version(version: str | None) -> dict[str, Any]:
    return {} if version is None else {"VersionId": version}
