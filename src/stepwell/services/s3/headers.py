"""What a writer says about an object, and how readers are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.services.s3 import errors
from stepwell.services.s3.objects import Content

#: headers that are kept and given back, by boto3's names
KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "WebsiteRedirectLocation",
)
ENCRYPTION = ("ServerSideEncryption", "SSEKMSKeyId", "SSEKMSEncryptionContext", "BucketKeyEnabled")
#: a read's fields that replace a header in the answer
OVERRIDES: Mapping[str, str] = {
    f"Response{name}": name
    for name in (
        "CacheControl",
        "ContentDisposition",
        "ContentEncoding",
        "ContentLanguage",
        "ContentType",
        "Expires",
    )
}
#: the most bytes of all user metadata, names and values
METADATA_LIMIT = 2048


def kept(params: Mapping[str, Any]) -> dict[str, Any]:
    """The headers of a request that an object keeps."""
    headers = {name: params[name] for name in KEPT if params.get(name) is not None}
    headers.setdefault("ContentType", "binary/octet-stream")
    return headers


def metadata(params: Mapping[str, Any]) -> dict[str, str]:
    """The user's metadata, names in lower case as S3 keeps them. Raises MetadataTooLarge."""
    pairs = {name.lower(): value for name, value in (params.get("Metadata") or {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in pairs.items())
    if size > METADATA_LIMIT:
        raise errors.MetadataTooLarge(size, METADATA_LIMIT)
    return pairs


def encryption(params: Mapping[str, Any]) -> dict[str, Any]:
    """How the object is said to be encrypted: S3's own keys unless the request says otherwise."""
    given = {name: params[name] for name in ENCRYPTION if params.get(name) is not None}
    given.setdefault("ServerSideEncryption", "AES256")
    return given


def blank(params: Mapping[str, Any], tags: dict[str, str]) -> Content:
    """An object as a request describes it, its bytes still to come."""
    return Content(
        size=0,
        etag="",
        digest="",
        headers=kept(params),
        metadata=metadata(params),
        tags=tags,
        storage_class=params.get("StorageClass", "STANDARD"),
        encryption=encryption(params),
    )


def quoted(etag: str) -> str:
    """An entity tag as HTTP writes it."""
    return f'"{etag}"'


def written(content: Content, version: str | None) -> dict[str, Any]:
    """What an answer to a write says."""
    output = {"ETag": quoted(content.etag), **content.encryption, **content.checksum}
    if content.checksum:
        output["ChecksumType"] = content.checksum_type
    if version is not None:
        output["VersionId"] = version
    return output


def shown(content: Content) -> dict[str, Any]:
    """What an answer to a read says."""
    output = {
        **content.headers,
        **content.encryption,
        "Metadata": content.metadata,
        "ETag": quoted(content.etag),
    }
    output.pop("SSEKMSEncryptionContext", None)
    if content.storage_class != "STANDARD":
        output["StorageClass"] = content.storage_class
    return output
