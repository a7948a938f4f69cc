"""Buckets' sub-resources: kept as they were put, and answered exactly when they are absent.

Terraform and Pulumi read every one of them after each change, and tell by the error's code that one is
not set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import AwsError, UnsupportedParameter
from stepwell.identity import policy
from stepwell.services.s3 import errors
from stepwell.services.s3.buckets import OWNERS_ACLS, Configuration, bucket_of, owner
from stepwell.services.s3.reading import owners_acl
from stepwell.services.s3.tags import BUCKET_TAGS, as_set, of_set

Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One sub-resource that can be put."""

    #: the record's name
    name: str
    #: the parameter that carries it
    field: str
    #: the error's code and message while it is absent; None where S3 answers `default` instead
    absent: tuple[str, str] | None = None
    default: Any = None
    #: checks what is put and gives what is kept
    keep: Callable[[Any, str], Any] = lambda value, bucket: value
    #: what is kept, as an answer
    show: Callable[[Any], Mapping[str, Any]] | None = None
    #: whether it is kept and answered, and nothing else comes of it
    inert: bool = False
    #: what an SDK says of how it sends the document
    sent: tuple[str, ...] = ("ContentMD5", "ChecksumAlgorithm")


def _policy(document: str, bucket: str) -> str:
    """A bucket policy speaks about its bucket only."""
    try:
        read = json.loads(document)
        policy.parse(read, kind="resource", name=bucket)
    except (ValueError, RecursionError):
        raise errors.MalformedPolicy("Policies must be valid JSON and the first byte must be '{'") from None
    except AwsError as error:
        raise errors.MalformedPolicy(error.message) from error
    statements = read["Statement"]
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        named = statement.get("Resource", statement.get("NotResource", ()))
        for resource in [named] if isinstance(named, str) else named:
            whose = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
            if not resource.startswith("arn:aws:s3:::") or whose != bucket:
                raise errors.MalformedPolicy("Policy has invalid resource")
    return document


def _tags(tagging: Mapping[str, Any], bucket: str) -> dict[str, str]:
    return of_set(tagging["TagSet"], BUCKET_TAGS)


_AES256 = {
    "Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False},
    ]
}

POLICY = Kind(
    name="policy",
    field="Policy",
    absent=("NoSuchBucketPolicy", "The bucket policy does not exist"),
    keep=_policy,
)
ENCRYPTION = Kind(name="encryption", field="ServerSideEncryptionConfiguration", default=_AES256)
PUBLIC_ACCESS = Kind(
    name="public-access",
    field="PublicAccessBlockConfiguration",
    absent=("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
)
OWNERSHIP = Kind(
    name="ownership",
    field="OwnershipControls",
    absent=("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
)
TAGGING = Kind(
    name="tagging",
    field="Tagging",
    absent=("NoSuchTagSet", "The TagSet does not exist"),
    keep=_tags,
    show=lambda tags: {"TagSet": as_set(tags)},
)
CORS = Kind(
    name="cors",
    field="CORSConfiguration",
    absent=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    show=dict,
    inert=True,
)
LIFECYCLE = Kind(
    name="lifecycle",
    field="LifecycleConfiguration",
    absent=("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    show=lambda kept: {**kept, "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
    inert=True,
    sent=("ChecksumAlgorithm",),
)
LOGGING = Kind(name="logging", field="BucketLoggingStatus", default={}, show=dict, inert=True)
REQUEST_PAYMENT = Kind(
    name="request-payment",
    field="RequestPaymentConfiguration",
    default={"Payer": "BucketOwner"},
    show=dict,
    inert=True,
)
ACCELERATE = Kind(
    name="accelerate",
    field="AccelerateConfiguration",
    default={},
    show=dict,
    inert=True,
    sent=("ChecksumAlgorithm",),
)

#: sub-resources that cannot be set here: what reading each is answered
ABSENT: Mapping[str, tuple[str, str]] = {
    "GetBucketReplication": (
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    ),
    "GetBucketWebsite": (
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    ),
    "GetObjectLockConfiguration": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
}
#: sub-resources that cannot be set here, and have an answer all the same
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "GetBucketAbac": {"AbacStatus": {"Status": "Disabled"}},
    "ListBucketAnalyticsConfigurations": {"IsTruncated": False},
    "ListBucketIntelligentTieringConfigurations": {"IsTruncated": False},
    "ListBucketInventoryConfigurations": {"IsTruncated": False},
    "ListBucketMetricsConfigurations": {"IsTruncated": False},
}


def policy_of(view: View, bucket: str) -> policy.Policy | None:
    """The bucket's policy, compiled, for whoever authorises calls."""
    found = view.get(Configuration, f"{bucket}/{POLICY.name}")
    return None if found is None else _compiled(str(found.value))


@lru_cache(maxsize=1024)
def _compiled(text: str) -> policy.Policy:
    return policy.parse(text, kind="resource", name="bucket policy")


def put(kind: Kind) -> Handler:
    """The handler that puts a sub-resource."""

    def handler(call: Call, draft: Draft) -> None:
        bucket = bucket_of(call, draft).name
        value = kind.keep(call.params[kind.field], bucket)
        draft.put(Configuration(bucket=bucket, name=kind.name, value=value))

    return handler


def get(kind: Kind) -> Handler:
    """The handler that answers a sub-resource."""

    def handler(call: Call, view: View) -> Mapping[str, Any]:
        bucket = bucket_of(call, view).name
        found = view.get(Configuration, f"{bucket}/{kind.name}")
        if found is None and kind.absent is not None:
            raise errors.AbsentConfiguration(*kind.absent, bucket)
        value = kind.default if found is None else found.value
        return {kind.field: value} if kind.show is None else kind.show(value)

    return handler


def delete(kind: Kind) -> Handler:
    """The handler that removes a sub-resource; there need not be one."""

    def handler(call: Call, draft: Draft) -> None:
        draft.delete(Configuration, f"{bucket_of(call, draft).name}/{kind.name}")

    return handler


def absent(code: str, message: str) -> Handler:
    """The handler of a sub-resource that no bucket here has."""

    def handler(call: Call, view: View) -> None:
        raise errors.AbsentConfiguration(code, message, bucket_of(call, view).name)

    return handler


def default(answer: Mapping[str, Any]) -> Handler:
    """The handler of a sub-resource that every bucket here has in S3's initial state."""

    def handler(call: Call, view: View) -> Mapping[str, Any]:
        bucket_of(call, view)
        return answer

    return handler


def get_acl(call: Call, view: View) -> dict[str, Any]:
    """GetBucketAcl: the owner has full control, nobody else any."""
    bucket_of(call, view)
    return owners_acl(view.account)


def put_acl(call: Call, draft: Draft) -> None:
    """PutBucketAcl: takes what is so already, refuses what would let others in.

    Raises AccessControlListNotSupported while the bucket's ownership switches lists off.
    """
    bucket = bucket_of(call, draft).name
    ownership = draft.get(Configuration, f"{bucket}/{OWNERSHIP.name}")
    rules = ownership.value["Rules"] if ownership is not None else ()
    acl, grants = call.params.get("ACL"), call.params.get("AccessControlPolicy") or {}
    own = owner(draft.account)["ID"]
    others = [each for each in grants.get("Grants") or () if (each.get("Grantee") or {}).get("ID") != own]
    if any(rule["ObjectOwnership"] == "BucketOwnerEnforced" for rule in rules):
        raise errors.AccessControlListNotSupported()
    if others or acl not in (None, *OWNERS_ACLS):
        raise UnsupportedParameter(
            "PutBucketAcl: access for others than the bucket's owner is not supported by Stepwell"
        )
