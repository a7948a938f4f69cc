"""IAM: users and their access keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from stepwell.provision.aws import iam_policies, tags
from stepwell.provision.aws.answers import moment
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling, gone
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Created, Inputs, Naming, ResourceType, honoured, refused


def _create_user(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("iam").create_user(
            **given(
                UserName=inputs["name"],
                Path=inputs["path"],
                PermissionsBoundary=inputs.get("permissionsBoundary"),
                Tags=tags.pairs(tags.of(inputs)) or None,
            )
        )
    return str(inputs["name"])


def _update_user(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> str:
    iam, name = cloud.client("iam"), str(new["name"])
    if name != id_ or old.get("path") != new["path"]:
        # A user that is gone under its old name was renamed by a run that was cut off.
        attempt(cloud, iam.update_user, UserName=id_, NewUserName=name, NewPath=new["path"])
    boundary = new.get("permissionsBoundary")
    with calling(cloud):
        if boundary and boundary != old.get("permissionsBoundary"):
            iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
        if not boundary and old.get("permissionsBoundary"):
            iam.delete_user_permissions_boundary(UserName=name)
        if tags.added(old, new):
            iam.tag_user(UserName=name, Tags=tags.pairs(tags.added(old, new)))
        if tags.removed(old, new):
            iam.untag_user(UserName=name, TagKeys=tags.removed(old, new))
    return name


def _read_user(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("iam").get_user, UserName=id_)
    if answer is None:
        return None
    user = answer["User"]
    return given(
        name=user["UserName"],
        arn=user["Arn"],
        path=user.get("Path", "/"),
        uniqueId=user["UserId"],
        permissionsBoundary=user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        tagsAll=tags.mapping(user["Tags"]) if "Tags" in user else tags.of(inputs),
    )


def _delete_user(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    iam = cloud.client("iam")
    try:
        with calling(cloud):
            groups = list(iam.get_paginator("list_groups_for_user").paginate(UserName=id_))
    except ResourceFailed as error:
        if gone(error):
            return
        raise
    for group in (entry for page in groups for entry in page["Groups"]):
        attempt(cloud, iam.remove_user_from_group, GroupName=group["GroupName"], UserName=id_)
    if inputs.get("forceDestroy"):
        _strip(cloud, id_)
    attempt(cloud, iam.delete_user, UserName=id_)


def _strip(cloud: Cloud, user: str) -> None:
    """Takes away what keeps a user from being deleted, whoever gave it."""
    iam = cloud.client("iam")
    for key in _keys(cloud, user):
        attempt(cloud, iam.delete_access_key, UserName=user, AccessKeyId=key["AccessKeyId"])
    for arn in sorted(iam_policies.USER.attached(cloud, user) or ()):
        iam_policies.USER.detach(cloud, user, arn)
    with calling(cloud):
        pages = list(iam.get_paginator("list_user_policies").paginate(UserName=user))
    for name in (name for page in pages for name in page["PolicyNames"]):
        attempt(cloud, iam.delete_user_policy, UserName=user, PolicyName=name)


USER = ResourceType(
    token="aws:iam/user:User",
    properties={
        "name": honoured(),
        "path": honoured(default="/"),
        "permissionsBoundary": honoured(),
        "forceDestroy": honoured(),
        "tags": honoured(),
    },
    computed=frozenset({"arn", "tagsAll", "uniqueId"}),
    volatile=frozenset({"arn"}),
    naming=Naming(),
    create=_create_user,
    update=_update_user,
    read=_read_user,
    delete=_delete_user,
    identify=lambda cloud, inputs: str(inputs["name"]),
)

# --- access keys ------------------------------------------------------------------------------------------


def _keys(cloud: Cloud, user: str) -> list[dict[str, Any]]:
    """The user's keys; none when there is no such user."""
    pages = cloud.client("iam").get_paginator("list_access_keys")
    try:
        with calling(cloud):
            return [key for page in pages.paginate(UserName=user) for key in page["AccessKeyMetadata"]]
    except ResourceFailed as error:
        if gone(error):
            return []
        raise


def _create_key(cloud: Cloud, inputs: Inputs) -> Created:
    with calling(cloud):
        key = cloud.client("iam").create_access_key(UserName=inputs["user"])["AccessKey"]
    secret = key["SecretAccessKey"]
    told = {"secret": secret, "sesSmtpPasswordV4": _smtp_password(secret, cloud.region)}
    return Created(id=key["AccessKeyId"], told=told)


def _smtp_password(secret: str, region: str) -> str:
    """The password for SES's SMTP endpoint (SES developer guide, "Obtaining Amazon SES SMTP credentials")."""
    key = f"AWS4{secret}".encode()
    for text in ("11111111", region, "ses", "aws4_request", "SendRawEmail"):
        key = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.b64encode(b"\x04" + key).decode()


def _settle_key(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    if inputs["status"] != "Active":
        _update_key(cloud, id_, {}, inputs)


def _update_key(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    with calling(cloud):
        cloud.client("iam").update_access_key(UserName=new["user"], AccessKeyId=id_, Status=new["status"])


def _read_key(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    user = inputs.get("user")
    if user is None:
        answer = attempt(cloud, cloud.client("iam").get_access_key_last_used, AccessKeyId=id_) or {}
        user = answer.get("UserName")
    found = next((key for key in _keys(cloud, user) if key["AccessKeyId"] == id_), None) if user else None
    if found is None:
        return None
    return given(user=user, status=found["Status"], createDate=moment(found.get("CreateDate")))


def _delete_key(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    iam = cloud.client("iam")
    if attempt(cloud, iam.delete_access_key, UserName=inputs["user"], AccessKeyId=id_) is None:
        # The user may have got another name meanwhile.
        owner = (attempt(cloud, iam.get_access_key_last_used, AccessKeyId=id_) or {}).get("UserName")
        if owner:
            attempt(cloud, iam.delete_access_key, UserName=owner, AccessKeyId=id_)


ACCESS_KEY = ResourceType(
    token="aws:iam/accessKey:AccessKey",
    properties={
        "user": honoured(required=True, replaces=True),
        "status": honoured(default="Active", choices=("Active", "Inactive")),
        "pgpKey": refused("the secret is encrypted in the stack's state instead"),
    },
    computed=frozenset(
        [
            "createDate",
            "encryptedSecret",
            "encryptedSesSmtpPasswordV4",
            "keyFingerprint",
            "secret",
            "sesSmtpPasswordV4",
        ]
    ),
    told=frozenset({"secret", "sesSmtpPasswordV4"}),
    create=_create_key,
    settle=_settle_key,
    update=_update_key,
    read=_read_key,
    delete=_delete_key,
    identify=lambda cloud, inputs: "",
    # A key whose secret got lost is of no use: another one is made.
    find=lambda cloud, inputs: None,
)

TYPES = (USER, ACCESS_KEY)
