"""S3's operations as rows.

Source of the rights: AWS's Service Authorization Reference, "Actions, resources, and condition keys for
Amazon S3", and the S3 user guide, "Required permissions for Amazon S3 API operations".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepwell.api.operations import Disclosure, Operation, Right, words
from stepwell.services.s3 import (
    buckets,
    configurations,
    copying,
    listing,
    notifications,
    reading,
    removal,
    tagging,
    uploads,
    writing,
)
from stepwell.services.s3.checksums import FIELDS
from stepwell.services.s3.copying import source_arn, source_of
from stepwell.services.s3.headers import KEPT, OVERRIDES
from stepwell.services.s3.tags import of_header

#: condition keys of a right (`Right.keys`)
Keys = Mapping[str, str | Callable[[Mapping[str, Any]], Any]]

BUCKET = "arn:aws:s3:::{Bucket}"
OBJECT = "arn:aws:s3:::{Bucket}/{Key}"

_OWNER = words("Bucket ExpectedBucketOwner")
_KEY = (*_OWNER, "Key")
#: what an SDK says of how it sends a document; the gateway has read and checked it
_SENT = words("ContentMD5 ChecksumAlgorithm")
_WRITTEN = (*(name for name in KEPT if name != "WebsiteRedirectLocation"), *words("ACL Metadata Tagging"))
_CLASSES = words(
    "StorageClass ServerSideEncryption SSEKMSKeyId SSEKMSEncryptionContext BucketKeyEnabled RequestPayer "
    "WebsiteRedirectLocation"
)
_CONDITIONS = words("IfMatch IfNoneMatch IfModifiedSince IfUnmodifiedSince")
_COPY_CONDITIONS = tuple(f"CopySource{name}" for name in _CONDITIONS)
_LIST = words("Delimiter EncodingType MaxKeys Prefix")


def _given(name: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda params: params.get(name) is not None


def _locked(params: Mapping[str, Any]) -> bool:
    return bool(params.get("ObjectLockEnabledForBucket"))


def _versioned(params: Mapping[str, Any]) -> bool:
    return params.get("VersionId") is not None


def _current(params: Mapping[str, Any]) -> bool:
    return params.get("VersionId") is None


def _source_versioned(params: Mapping[str, Any]) -> bool:
    return source_of(params).version is not None


def _versions(action: str, versioned: str, keys: Keys | None = None) -> tuple[Right, ...]:
    """The right on an object, or the other one on a version of it."""
    one = {"s3:VersionId": "VersionId", **(keys or {})}
    return (
        Right(action=f"s3:{action}", resource=OBJECT, keys=keys or {}, when=_current),
        Right(action=f"s3:{versioned}", resource=OBJECT, keys=one, when=_versioned),
    )


def _deleted(*, versions: bool) -> Callable[[Mapping[str, Any], object], tuple[str, ...]]:
    """The objects of a DeleteObjects call of which the latest, or a version, is to go."""
    return lambda params, site: tuple(
        f"arn:aws:s3:::{params['Bucket']}/{each['Key']}"
        for each in params["Delete"]["Objects"]
        if (each.get("VersionId") is not None) is versions
    )


#: whoever may not list a bucket is not told which keys it lacks
_ABSENT = Disclosure(codes=frozenset({"NoSuchKey"}), right=Right(action="s3:ListBucket", resource=BUCKET))
_ABSENT_SOURCE = Disclosure(
    codes=frozenset({"NoSuchKey"}),
    right=Right(
        action="s3:ListBucket", resource=lambda params, site: f"arn:aws:s3:::{source_of(params).bucket}"
    ),
)


def _tags(params: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a request: those of the header, or of PutObjectTagging's document."""
    given = params.get("Tagging")
    if isinstance(given, Mapping):
        return {tag["Key"]: tag["Value"] for tag in given["TagSet"]}
    return of_header(given)


_TAG_KEYS: Keys = {
    "s3:RequestObjectTag": _tags,
    "s3:RequestObjectTagKeys": lambda params: list(_tags(params)) or None,
}
_PUT_KEYS: Keys = {
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-storage-class": "StorageClass",
    **_TAG_KEYS,
}
_PUT = (
    Right(action="s3:PutObject", resource=OBJECT, keys=_PUT_KEYS),
    Right(action="s3:PutObjectTagging", resource=OBJECT, keys=_TAG_KEYS, when=_given("Tagging")),
    Right(action="s3:PutObjectAcl", resource=OBJECT, when=_given("ACL")),
)
_COPIED = (
    Right(
        action="s3:PutObject",
        resource=OBJECT,
        keys={
            **_PUT_KEYS,
            "s3:x-amz-copy-source": "CopySource",
            "s3:x-amz-metadata-directive": "MetadataDirective",
        },
    ),
    *_PUT[1:],
)
_PART = (Right(action="s3:PutObject", resource=OBJECT),)
_SOURCE = (
    Right(action="s3:GetObject", resource=source_arn, when=lambda params: not _source_versioned(params)),
    Right(action="s3:GetObjectVersion", resource=source_arn, when=_source_versioned),
)


def _on_bucket(action: str, **keys: str) -> tuple[Right, ...]:
    named = {f"s3:{name}": parameter for name, parameter in keys.items()}
    return (Right(action=f"s3:{action}", resource=BUCKET, keys=named),)


_BUCKETS = (
    Operation(
        name="CreateBucket",
        rights=(
            Right(action="s3:CreateBucket", resource=BUCKET, keys={"s3:x-amz-acl": "ACL"}),
            Right(action="s3:PutBucketAcl", resource=BUCKET, when=_given("ACL")),
            Right(action="s3:PutBucketVersioning", resource=BUCKET, when=_locked),
            Right(action="s3:PutBucketObjectLockConfiguration", resource=BUCKET, when=_locked),
            Right(
                action="s3:TagResource",
                resource=BUCKET,
                when=lambda params: bool((params.get("CreateBucketConfiguration") or {}).get("Tags")),
            ),
            Right(action="s3:PutBucketOwnershipControls", resource=BUCKET, when=_given("ObjectOwnership")),
        ),
        honoured=words(
            "Bucket ACL ObjectLockEnabledForBucket CreateBucketConfiguration.LocationConstraint "
            "CreateBucketConfiguration.Tags ObjectOwnership"
        ),
        decide=buckets.create,
    ),
    Operation(
        name="DeleteBucket",
        rights=_on_bucket("DeleteBucket"),
        honoured=_OWNER,
        decide=removal.delete_bucket,
    ),
    Operation(name="HeadBucket", rights=_on_bucket("ListBucket"), honoured=_OWNER, read=buckets.head),
    Operation(
        name="ListBuckets",
        rights=(Right(action="s3:ListAllMyBuckets"),),
        honoured=words("MaxBuckets ContinuationToken Prefix BucketRegion"),
        read=buckets.list_all,
    ),
    Operation(
        name="GetBucketLocation",
        rights=_on_bucket("GetBucketLocation"),
        honoured=_OWNER,
        read=buckets.location,
    ),
    Operation(
        name="PutBucketVersioning",
        rights=_on_bucket("PutBucketVersioning"),
        honoured=(*_OWNER, "VersioningConfiguration"),
        recorded=_SENT,
        decide=buckets.put_versioning,
    ),
    Operation(
        name="GetBucketVersioning",
        rights=_on_bucket("GetBucketVersioning"),
        honoured=_OWNER,
        read=buckets.get_versioning,
    ),
    Operation(
        name="PutBucketNotificationConfiguration",
        rights=_on_bucket("PutBucketNotification"),
        honoured=(*_OWNER, "NotificationConfiguration", "SkipDestinationValidation"),
        decide=notifications.put,
    ),
    Operation(
        name="GetBucketNotificationConfiguration",
        rights=_on_bucket("GetBucketNotification"),
        honoured=_OWNER,
        read=notifications.get,
    ),
    Operation(
        name="GetBucketAcl",
        rights=_on_bucket("GetBucketAcl"),
        honoured=_OWNER,
        read=configurations.get_acl,
    ),
    Operation(
        name="PutBucketAcl",
        rights=_on_bucket("PutBucketAcl"),
        honoured=(*_OWNER, "ACL", "AccessControlPolicy"),
        recorded=_SENT,
        decide=configurations.put_acl,
    ),
)

_OBJECTS = (
    Operation(
        name="PutObject",
        rights=_PUT,
        honoured=(
            *_KEY,
            *_WRITTEN,
            *FIELDS,
            *words("Body ContentLength ContentMD5 ChecksumAlgorithm IfMatch IfNoneMatch"),
        ),
        recorded=_CLASSES,
        prepare=writing.prepare_put,
        decide=writing.put,
    ),
    Operation(
        name="GetObject",
        rights=_versions("GetObject", "GetObjectVersion"),
        honoured=(*_KEY, *_CONDITIONS, *OVERRIDES, *words("Range PartNumber VersionId ChecksumMode")),
        recorded=("RequestPayer",),
        act=reading.get,
        disclosure=_ABSENT,
    ),
    Operation(
        name="HeadObject",
        rights=_versions("GetObject", "GetObjectVersion"),
        honoured=(*_KEY, *_CONDITIONS, *OVERRIDES, *words("Range PartNumber VersionId ChecksumMode")),
        recorded=("RequestPayer",),
        read=reading.head,
        disclosure=_ABSENT,
    ),
    Operation(
        name="GetObjectAttributes",
        rights=(
            *_versions("GetObject", "GetObjectVersion"),
            *_versions("GetObjectAttributes", "GetObjectVersionAttributes"),
        ),
        honoured=(*_KEY, *words("VersionId MaxParts PartNumberMarker ObjectAttributes")),
        recorded=("RequestPayer",),
        read=reading.attributes,
        disclosure=_ABSENT,
    ),
    Operation(
        name="GetObjectAcl",
        rights=_versions("GetObjectAcl", "GetObjectVersionAcl"),
        honoured=(*_KEY, "VersionId"),
        recorded=("RequestPayer",),
        read=reading.acl,
        disclosure=_ABSENT,
    ),
    Operation(
        name="DeleteObject",
        rights=_versions("DeleteObject", "DeleteObjectVersion"),
        honoured=(*_KEY, "VersionId", "IfMatch"),
        recorded=("RequestPayer",),
        decide=removal.delete,
    ),
    Operation(
        name="DeleteObjects",
        rights=(
            Right(action="s3:DeleteObject", resource=_deleted(versions=False), itemwise=True),
            Right(action="s3:DeleteObjectVersion", resource=_deleted(versions=True), itemwise=True),
        ),
        honoured=(
            *_OWNER,
            *(f"Delete.Objects.{name}" for name in words("Key VersionId ETag")),
            "Delete.Quiet",
        ),
        recorded=("ChecksumAlgorithm", "RequestPayer"),
        prepare=removal.prepare_many,
        decide=removal.delete_many,
    ),
    Operation(
        name="CopyObject",
        rights=(*_SOURCE, *_COPIED),
        honoured=(
            *_KEY,
            *_WRITTEN,
            *_COPY_CONDITIONS,
            *words(
                "CopySource ChecksumAlgorithm MetadataDirective TaggingDirective ExpectedSourceBucketOwner "
                "IfMatch IfNoneMatch"
            ),
        ),
        recorded=_CLASSES,
        prepare=copying.prepare_copy,
        decide=copying.copy,
        disclosure=_ABSENT_SOURCE,
    ),
    Operation(
        name="GetObjectTagging",
        rights=_versions("GetObjectTagging", "GetObjectVersionTagging"),
        honoured=(*_KEY, "VersionId"),
        recorded=("RequestPayer",),
        read=tagging.get,
        disclosure=_ABSENT,
    ),
    Operation(
        name="PutObjectTagging",
        rights=_versions("PutObjectTagging", "PutObjectVersionTagging", _TAG_KEYS),
        honoured=(*_KEY, "VersionId", "Tagging"),
        recorded=(*_SENT, "RequestPayer"),
        decide=tagging.put,
    ),
    Operation(
        name="DeleteObjectTagging",
        rights=_versions("DeleteObjectTagging", "DeleteObjectVersionTagging"),
        honoured=(*_KEY, "VersionId"),
        decide=tagging.delete,
    ),
)

_LISTS = (
    Operation(
        name="ListObjects",
        rights=_on_bucket("ListBucket", prefix="Prefix", delimiter="Delimiter", **{"max-keys": "MaxKeys"}),
        honoured=(*_OWNER, *_LIST, "Marker"),
        recorded=("RequestPayer",),
        read=listing.first_version,
    ),
    Operation(
        name="ListObjectsV2",
        rights=_on_bucket("ListBucket", prefix="Prefix", delimiter="Delimiter", **{"max-keys": "MaxKeys"}),
        honoured=(*_OWNER, *_LIST, *words("ContinuationToken FetchOwner StartAfter")),
        recorded=("RequestPayer",),
        read=listing.second_version,
    ),
    Operation(
        name="ListObjectVersions",
        rights=_on_bucket("ListBucketVersions", prefix="Prefix", delimiter="Delimiter"),
        honoured=(*_OWNER, *_LIST, *words("KeyMarker VersionIdMarker")),
        recorded=("RequestPayer",),
        read=listing.versions,
    ),
    Operation(
        name="ListMultipartUploads",
        rights=_on_bucket("ListBucketMultipartUploads"),
        honoured=(*_OWNER, *words("Delimiter EncodingType KeyMarker MaxUploads Prefix UploadIdMarker")),
        recorded=("RequestPayer",),
        read=listing.uploads,
    ),
)

_UPLOADS = (
    Operation(
        name="CreateMultipartUpload",
        rights=_PUT,
        honoured=(*_KEY, *_WRITTEN, "ChecksumAlgorithm", "ChecksumType"),
        recorded=_CLASSES,
        decide=uploads.create,
    ),
    Operation(
        name="UploadPart",
        rights=_PART,
        honoured=(
            *_KEY,
            *FIELDS,
            *words("Body ContentLength ContentMD5 ChecksumAlgorithm PartNumber UploadId"),
        ),
        recorded=("RequestPayer",),
        prepare=uploads.prepare_part,
        decide=uploads.put_part,
    ),
    Operation(
        name="UploadPartCopy",
        rights=(*_SOURCE, *_PART),
        honoured=(
            *_KEY,
            *_COPY_CONDITIONS,
            *words("CopySource CopySourceRange PartNumber UploadId ExpectedSourceBucketOwner"),
        ),
        recorded=("RequestPayer",),
        prepare=copying.prepare_part,
        decide=copying.put_part,
        disclosure=_ABSENT_SOURCE,
    ),
    Operation(
        name="CompleteMultipartUpload",
        rights=_PART,
        honoured=(
            *_KEY,
            *FIELDS,
            *(f"MultipartUpload.Parts.{name}" for name in ("ETag", "PartNumber", *FIELDS)),
            *words("UploadId ChecksumType MpuObjectSize IfMatch IfNoneMatch"),
        ),
        recorded=("RequestPayer",),
        prepare=uploads.prepare_complete,
        decide=uploads.complete,
    ),
    Operation(
        name="AbortMultipartUpload",
        rights=(Right(action="s3:AbortMultipartUpload", resource=OBJECT),),
        honoured=(*_KEY, "UploadId"),
        recorded=("RequestPayer",),
        decide=uploads.abort,
    ),
    Operation(
        name="ListParts",
        rights=(Right(action="s3:ListMultipartUploadParts", resource=OBJECT),),
        honoured=(*_KEY, *words("MaxParts PartNumberMarker UploadId")),
        recorded=("RequestPayer",),
        read=uploads.list_parts,
    ),
)

#: sub-resource, what its operations are called behind Put and Get, what the actions of these are called
#: behind Put and Get, and the operation that removes it with its action; None: nothing does
_KINDS = (
    (
        configurations.POLICY,
        "BucketPolicy",
        "BucketPolicy",
        ("DeleteBucketPolicy", "DeleteBucketPolicy"),
    ),
    (
        configurations.ENCRYPTION,
        "BucketEncryption",
        "EncryptionConfiguration",
        ("DeleteBucketEncryption", "PutEncryptionConfiguration"),
    ),
    (
        configurations.PUBLIC_ACCESS,
        "PublicAccessBlock",
        "BucketPublicAccessBlock",
        ("DeletePublicAccessBlock", "PutBucketPublicAccessBlock"),
    ),
    (
        configurations.OWNERSHIP,
        "BucketOwnershipControls",
        "BucketOwnershipControls",
        ("DeleteBucketOwnershipControls", "PutBucketOwnershipControls"),
    ),
    (configurations.TAGGING, "BucketTagging", "BucketTagging", ("DeleteBucketTagging", "PutBucketTagging")),
    (configurations.CORS, "BucketCors", "BucketCORS", ("DeleteBucketCors", "PutBucketCORS")),
    (
        configurations.LIFECYCLE,
        "BucketLifecycleConfiguration",
        "LifecycleConfiguration",
        ("DeleteBucketLifecycle", "PutLifecycleConfiguration"),
    ),
    (configurations.LOGGING, "BucketLogging", "BucketLogging", None),
    (configurations.REQUEST_PAYMENT, "BucketRequestPayment", "BucketRequestPayment", None),
    (
        configurations.ACCELERATE,
        "BucketAccelerateConfiguration",
        "AccelerateConfiguration",
        None,
    ),
)

#: what the actions of reading a sub-resource are called where the operation's name does not tell
_READ_ACTIONS = {
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
}


def _configurations() -> tuple[Operation, ...]:
    rows: list[Operation] = []
    for kind, noun, right, removing in _KINDS:
        honoured = _OWNER if kind.inert else (*_OWNER, kind.field)
        recorded = (*kind.sent, kind.field) if kind.inert else kind.sent
        if kind is configurations.POLICY:
            recorded = (*kind.sent, "ConfirmRemoveSelfBucketAccess")
        rows += (
            Operation(
                name=f"Put{noun}",
                rights=_on_bucket(f"Put{right}"),
                honoured=honoured,
                recorded=recorded,
                decide=configurations.put(kind),
            ),
            Operation(
                name=f"Get{noun}",
                rights=_on_bucket(f"Get{right}"),
                honoured=_OWNER,
                recorded=("RequestPayer",) if kind is configurations.ACCELERATE else (),
                read=configurations.get(kind),
            ),
        )
        if removing is not None:
            operation, action = removing
            rows.append(
                Operation(
                    name=operation,
                    rights=_on_bucket(action),
                    honoured=_OWNER,
                    decide=configurations.delete(kind),
                )
            )
    answers = {name: configurations.absent(*error) for name, error in configurations.ABSENT.items()}
    answers |= {name: configurations.default(answer) for name, answer in configurations.DEFAULTS.items()}
    for name, read in answers.items():
        action = _READ_ACTIONS.get(name, name)
        honoured = (*_OWNER, "ContinuationToken") if name.startswith("List") else _OWNER
        rows.append(Operation(name=name, rights=_on_bucket(action), honoured=honoured, read=read))
    return tuple(rows)


OPERATIONS: tuple[Operation, ...] = (*_BUCKETS, *_OBJECTS, *_LISTS, *_UPLOADS, *_configurations())
