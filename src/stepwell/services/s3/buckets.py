"""Buckets: created, listed, removed.

Source of the name rules: the S3 user guide, "General purpose bucket naming rules".
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from stepwell.api.models import service_model
from stepwell.api.pages import place_of, token_of
from stepwell.calls import Call, Reply
from stepwell.durable import Draft, Record, View
from stepwell.errors import AccessDenied, UnsupportedParameter
from stepwell.services.s3 import errors
from stepwell.services.s3.tags import BUCKET_TAGS, of_set

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
#: the most buckets in one page of ListBuckets
PAGE = 10_000
#: the access control lists that say what is true here: everything belongs to the bucket's owner
OWNERS_ACLS = ("private", "bucket-owner-full-control")


class Notification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which events of which keys go to which function or topic."""

    id: str
    #: the ARN; a function's with a version or alias perhaps. The first versions knew functions only
    target: str = msgspec.field(name="function")
    #: `s3:ObjectCreated:*`
    events: tuple[str, ...]
    #: filter rules as (`Prefix` or `Suffix`, value), in the order given
    rules: tuple[tuple[str, str], ...] = ()

    def edge(self, name: str) -> str:
        """The literal text that keys begin (`Prefix`) or end (`Suffix`) with."""
        return next((value for rule, value in self.rules if rule == name), "")


class Bucket(Record, frozen=True, kw_only=True):
    """A bucket. Listed by name."""

    SERVICE: ClassVar[str] = "s3"
    KIND: ClassVar[str] = "bucket"

    name: str
    #: seconds since the epoch
    created: float
    #: empty (never switched on), `Enabled` or `Suspended`
    versioning: str = ""
    notifications: tuple[Notification, ...] = ()
    #: whether every event goes to EventBridge
    eventbridge: bool = False

    @property
    def key(self) -> str:
        return self.name

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.name}"


class Configuration(Record, frozen=True, kw_only=True):
    """One of a bucket's sub-resources, as it was put."""

    SERVICE: ClassVar[str] = "s3"
    KIND: ClassVar[str] = "configuration"

    bucket: str
    #: `policy`, `tagging`, ...
    name: str
    #: shaped as boto3 takes it
    value: Any

    @property
    def key(self) -> str:
        return f"{self.bucket}/{self.name}"


def bucket_of(call: Call, view: View) -> Bucket:
    """The bucket that a call is about. Raises NoSuchBucket, AccessDenied (another owner is expected)."""
    return named(call.params["Bucket"], call.params.get("ExpectedBucketOwner"), view)


def named(name: str, expected_owner: str | None, view: View) -> Bucket:
    """The bucket of that name. Raises NoSuchBucket, AccessDenied."""
    bucket = view.get(Bucket, name)
    if bucket is None:
        raise errors.NoSuchBucket(name)
    if expected_owner is not None and expected_owner != view.account:
        raise AccessDenied("Access Denied")
    return bucket


def owner(account: str) -> dict[str, str]:
    """The account as S3 names it: a canonical user id of 64 hexadecimal digits."""
    return {"ID": hashlib.sha256(account.encode()).hexdigest()}


def check_acl(params: Mapping[str, Any]) -> None:
    """Raise for an access control list that would let others in: this server has one account."""
    acl = params.get("ACL")
    if acl is not None and acl not in OWNERS_ACLS:
        raise errors.AccessControlListNotSupported()


def create(call: Call, draft: Draft) -> Reply:
    """CreateBucket. In us-east-1 the owner may create it again, elsewhere that is an error."""
    params = call.params
    name = params["Bucket"]
    check_name(name)
    check_acl(params)
    if params.get("ObjectLockEnabledForBucket"):
        raise UnsupportedParameter("CreateBucket: Object Lock is not supported by Stepwell")
    settings = params.get("CreateBucketConfiguration") or {}
    _check_location(settings.get("LocationConstraint"), draft.region)
    tags = of_set(settings.get("Tags", ()), BUCKET_TAGS)
    if draft.get(Bucket, name) is not None:
        if draft.region != "us-east-1":
            raise errors.BucketAlreadyOwnedByYou(name)
    else:
        draft.put(Bucket(name=name, created=float(int(draft.now))))
        ownership = params.get("ObjectOwnership", "BucketOwnerEnforced")
        blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        initial = {
            "ownership": {"Rules": [{"ObjectOwnership": ownership}]},
            "public-access": dict.fromkeys(blocked, True),
        } | ({"tagging": tags} if tags else {})
        for part, value in initial.items():
            draft.put(Configuration(bucket=name, name=part, value=value))
    location = f"/{name}" if draft.region == "us-east-1" else f"http://{name}.s3.amazonaws.com/"
    return Reply(output={"Location": location, "BucketArn": f"arn:aws:s3:::{name}"})


def check_name(name: str) -> None:
    """Raise InvalidBucketName for a name that breaks S3's rules."""
    sound = (
        _NAME.fullmatch(name) is not None
        and ".." not in name
        and not name.startswith(_PREFIXES)
        and not name.endswith(_SUFFIXES)
        and not _is_address(name)
    )
    if not sound:
        raise errors.InvalidBucketName(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def _check_location(asked: str | None, region: str) -> None:
    """us-east-1 is asked for by saying nothing; one server serves one region."""
    known: list[str] = service_model("s3").shape_for("BucketLocationConstraint").enum
    if asked is not None and asked not in known:
        raise errors.InvalidLocationConstraint(asked)
    wanted = {None: "us-east-1", "EU": "eu-west-1"}.get(asked, asked)
    if wanted != region:
        raise errors.IllegalLocationConstraint(asked or "unspecified")


def head(call: Call, view: View) -> dict[str, Any]:
    """HeadBucket."""
    bucket = bucket_of(call, view)
    return {"BucketRegion": view.region, "BucketArn": bucket.arn, "AccessPointAlias": False}


def location(call: Call, view: View) -> dict[str, Any]:
    """GetBucketLocation: nothing for us-east-1."""
    bucket_of(call, view)
    return {"LocationConstraint": None if view.region == "us-east-1" else view.region}


def list_all(call: Call, view: View) -> dict[str, Any]:
    """ListBuckets, in pages when MaxBuckets asks for them."""
    params = call.params
    count, prefix = params.get("MaxBuckets", PAGE), params.get("Prefix", "")
    after = _position(params.get("ContinuationToken"))
    output: dict[str, Any] = {"Buckets": [], "Owner": owner(view.account)}
    if "Prefix" in params:
        output["Prefix"] = prefix
    if params.get("BucketRegion", view.region) != view.region:
        return output
    found = list(view.scan(Bucket, prefix=prefix, after=after, limit=count + 1))
    if len(found) > count:
        del found[count:]
        output["ContinuationToken"] = token_of(found[-1].name)
    output["Buckets"] = [
        {"Name": each.name, "CreationDate": each.created, "BucketRegion": view.region, "BucketArn": each.arn}
        for each in found
    ]
    return output


def _position(token: str | None) -> str:
    if token is None:
        return ""
    try:
        return place_of(token)
    except ValueError:
        raise errors.InvalidArgument(
            "The continuation token provided is incorrect", "continuation-token", token
        ) from None


def put_versioning(call: Call, draft: Draft) -> None:
    """PutBucketVersioning: once on it can only be suspended."""
    bucket = bucket_of(call, draft)
    asked = call.params["VersioningConfiguration"]
    if asked.get("MFADelete") == "Enabled":
        raise UnsupportedParameter("PutBucketVersioning: MFADelete is not supported by Stepwell")
    if "Status" not in asked:
        raise errors.MalformedXML()
    draft.put(msgspec.structs.replace(bucket, versioning=asked["Status"]))


def get_versioning(call: Call, view: View) -> dict[str, Any]:
    """GetBucketVersioning: nothing until it was switched on."""
    bucket = bucket_of(call, view)
    return {"Status": bucket.versioning} if bucket.versioning else {}
