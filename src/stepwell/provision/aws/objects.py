"""S3: objects that a program uploads."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.problems import ResourceRefused
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured, recorded, refused
from stepwell.provision.values import Content

_BODIES = ("source", "content", "contentBase64")


def _put(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("s3").put_object(
            **given(
                Bucket=inputs["bucket"],
                Key=inputs["key"],
                Body=_body(inputs),
                ContentType=inputs.get("contentType"),
                CacheControl=inputs.get("cacheControl"),
                ContentDisposition=inputs.get("contentDisposition"),
                ContentEncoding=inputs.get("contentEncoding"),
                ContentLanguage=inputs.get("contentLanguage"),
                ChecksumAlgorithm=inputs.get("checksumAlgorithm"),
                Metadata=inputs.get("metadata"),
                Tagging=urlencode(sorted(tags.of(inputs).items())) or None,
            )
        )
    return f"{inputs['bucket']}/{inputs['key']}"


def _body(inputs: Inputs) -> bytes:
    source = inputs.get("source")
    if isinstance(source, Content):
        return source.data
    if source is not None:
        raise ResourceRefused(
            "property source is not an asset", advice="Give a pulumi.FileAsset or StringAsset"
        )
    if "contentBase64" in inputs:
        return base64.b64decode(inputs["contentBase64"])
    return str(inputs.get("content", "")).encode()


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    _put(cloud, new)


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    bucket, _, key = id_.partition("/")
    head = attempt(cloud, cloud.client("s3").head_object, Bucket=bucket, Key=key)
    if head is None:
        return None
    return given(
        bucket=bucket,
        key=key,
        arn=f"arn:aws:s3:::{bucket}/{key}",
        etag=str(head.get("ETag", "")).strip('"'),
        contentType=head.get("ContentType"),
        metadata=head.get("Metadata"),
        versionId=head.get("VersionId"),
        storageClass=head.get("StorageClass", "STANDARD"),
        tagsAll=tags.of(inputs),
        cacheControl=head.get("CacheControl"),
        contentDisposition=head.get("ContentDisposition"),
        contentEncoding=head.get("ContentEncoding"),
        contentLanguage=head.get("ContentLanguage"),
    )


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    bucket, _, key = id_.partition("/")
    attempt(cloud, cloud.client("s3").delete_object, Bucket=bucket, Key=key)


def _check(inputs: Inputs) -> Iterator[str]:
    bodies = [name for name in _BODIES if name in inputs]
    if len(bodies) > 1:
        yield f"properties {' and '.join(bodies)} exclude each other"
    if "contentBase64" in inputs:
        try:
            base64.b64decode(inputs["contentBase64"], validate=True)
        except ValueError as error:
            yield f"property contentBase64: {error}"


_LOCKS = refused("objects can't be locked here")
_PROPERTIES = {
    "bucket": honoured(required=True, replaces=True),
    "key": honoured(replaces=True),
    "source": honoured(),
    "content": honoured(),
    "contentBase64": honoured(),
    "sourceHash": recorded(),
    "etag": recorded(),
    "contentType": honoured(),
    "cacheControl": honoured(),
    "contentDisposition": honoured(),
    "contentEncoding": honoured(),
    "contentLanguage": honoured(),
    "metadata": honoured(),
    "tags": honoured(),
    "region": honoured(replaces=True),
    "acl": recorded(choices=("private",)),
    "bucketKeyEnabled": recorded(),
    "forceDestroy": recorded(),
    "kmsKeyId": recorded(),
    "serverSideEncryption": recorded(),
    "storageClass": recorded(),
    "objectLockLegalHoldStatus": _LOCKS,
    "objectLockMode": _LOCKS,
    "objectLockRetainUntilDate": _LOCKS,
    "websiteRedirect": refused("buckets are not served as web sites"),
}


def _type(token: str, more: dict[str, Any], computed: str) -> ResourceType:
    return ResourceType(
        token=token,
        properties={**_PROPERTIES, **more},
        computed=frozenset(f"arn tagsAll versionId {computed}".split()),
        volatile=frozenset(f"etag versionId {computed}".split()),
        naming=Naming(property="key", longest=1024, suffixed=False),
        create=_put,
        update=_update,
        read=_read,
        delete=_delete,
        identify=lambda cloud, inputs: f"{inputs['bucket']}/{inputs['key']}",
        check=_check,
    )


OBJECT = _type("aws:s3/bucketObject:BucketObject", {}, "")
OBJECT_V2 = _type(
    "aws:s3/bucketObjectv2:BucketObjectv2",
    {"checksumAlgorithm": honoured(), "overrideProvider": refused("set tags on the resource")},
    "checksumCrc32 checksumCrc32c checksumCrc64nvme checksumSha1 checksumSha256",
)

TYPES = (OBJECT, OBJECT_V2)
