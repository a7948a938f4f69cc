"""DeleteBucket, DeleteObject and DeleteObjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.api.context import Context
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import AwsError
from stepwell.services.s3 import errors, objects
from stepwell.services.s3.buckets import Bucket, Configuration, bucket_of
from stepwell.services.s3.objects import Object, Sequence, Version, place
from stepwell.services.s3.uploads import Upload

#: the most keys of one DeleteObjects
MANY = 1000

#: refusals by key, and by whether a version of it was to go
Refused = Mapping[tuple[str, bool], AwsError]


def delete_bucket(call: Call, draft: Draft) -> None:
    """DeleteBucket: only an empty one. Uploads under way end with it."""
    bucket = bucket_of(call, draft)
    inside = f"{bucket.name}/"
    for kind in (Object, Version):
        if next(draft.scan(kind, prefix=inside, limit=1), None) is not None:
            raise errors.BucketNotEmpty(bucket.name, versioned=bucket.versioning != "")
    for part in draft.scan(Configuration, prefix=inside):
        draft.delete(Configuration, part.key)
    for upload in draft.scan(Upload, prefix=inside):
        upload.discard(draft)
    draft.delete(Sequence, bucket.name)
    draft.delete(Bucket, bucket.name)


def delete(call: Call, draft: Draft) -> dict[str, Any]:
    """DeleteObject: 204 whether or not there was one."""
    return _remove(call, draft, bucket_of(call, draft), call.params)


async def prepare_many(call: Call, context: Context) -> Refused:
    """Which of the objects the caller may not delete."""
    bucket = call.params["Bucket"]
    wanted = {True: "s3:DeleteObjectVersion", False: "s3:DeleteObject"}
    named = [(each["Key"], each.get("VersionId") is not None) for each in call.params["Delete"]["Objects"]]

    def look(view: View) -> Refused:
        refused: dict[tuple[str, bool], AwsError] = {}
        for versions, action in wanted.items():
            arns = {f"arn:aws:s3:::{bucket}/{key}": key for key, kind in named if kind is versions}
            found = context.denied(call, action, arns, view)
            refused |= {(arns[each], versions): refusal for each, refusal in found.items()}
        return refused

    return await context.read(look)


def delete_many(call: Call, draft: Draft, refused: Refused) -> dict[str, Any]:
    """DeleteObjects: each by itself; one's error is no other's."""
    bucket = bucket_of(call, draft)
    wanted = call.params["Delete"]
    if not 1 <= len(wanted["Objects"]) <= MANY:
        raise errors.MalformedXML()
    deleted: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for each in wanted["Objects"]:
        identity = {name: each[name] for name in ("Key", "VersionId") if each.get(name) is not None}
        try:
            refusal = refused.get((each["Key"], each.get("VersionId") is not None))
            if refusal is not None:
                raise refusal
            done = _remove(call, draft, bucket, {**identity, "IfMatch": each.get("ETag")})
        except AwsError as error:
            failed.append(identity | {"Code": error.error_code, "Message": error.message})
            continue
        if done.get("DeleteMarker"):
            identity |= {"DeleteMarker": True, "DeleteMarkerVersionId": done["VersionId"]}
        deleted.append(identity)
    output: dict[str, Any] = {} if wanted.get("Quiet") else {"Deleted": deleted}
    return output | ({"Errors": failed} if failed else {})


def _remove(call: Call, draft: Draft, bucket: Bucket, asked: Mapping[str, Any]) -> dict[str, Any]:
    name, version = asked["Key"], asked.get("VersionId")
    objects.check_key(name)
    if asked.get("IfMatch") is not None:
        current = draft.get(Object, place(bucket.name, name))
        if current is None:
            raise errors.NoSuchKey(name)
        if asked["IfMatch"].strip('"') not in ("*", current.content.etag):
            raise errors.PreconditionFailed("If-Match")
    if version is None:
        marker = objects.remove(call, draft, bucket, name)
        return {} if marker is None else {"DeleteMarker": True, "VersionId": marker.version}
    removed = objects.remove_version(call, draft, bucket, name, version)
    output: dict[str, Any] = {"VersionId": version}
    if isinstance(removed, Version) and removed.marker:
        output["DeleteMarker"] = True
    return output
