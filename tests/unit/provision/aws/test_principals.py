"""Users, groups, keys, profiles and their policies: the calls of their lives."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud
from stepwell.provision.schema import Created

ACCOUNT = "arn:aws:iam::000000000000:"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"
DAY = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
USER_ID, GROUP_ID, PROFILE_ID = f"AIDA{'A' * 16}", f"AGPA{'A' * 16}", f"AIPA{'A' * 16}"
USER = {"Path": "/", "UserName": "u", "UserId": USER_ID, "Arn": f"{ACCOUNT}user/u", "CreateDate": DAY}
GROUP = {"Path": "/", "GroupName": "g", "GroupId": GROUP_ID, "Arn": f"{ACCOUNT}group/g", "CreateDate": DAY}
ROLE = {
    "Path": "/",
    "RoleName": "r",
    "RoleId": f"AROA{'A' * 16}",
    "Arn": f"{ACCOUNT}role/r",
    "CreateDate": DAY,
}
PROFILE = {
    "Path": "/",
    "InstanceProfileName": "p",
    "InstanceProfileId": PROFILE_ID,
    "Arn": f"{ACCOUNT}instance-profile/p",
    "CreateDate": DAY,
}


def _inline(noun: str, parameter: str) -> Life:
    title = noun.title()
    named = {parameter: "x", "PolicyName": "p"}
    return Life(
        token=f"aws:iam/{noun}Policy:{title}Policy",
        inputs={"name": "p", noun: "x", "policy": POLICY},
        id="x:p",
        answers={f"Get{title}Policy": {**named, "PolicyDocument": POLICY}},
        creating=[(f"Put{title}Policy", {**named, "PolicyDocument": POLICY})],
        reads={"name": "p", noun: "x", "policy": POLICY},
        changed={"policy": "{}"},
        updating=[(f"Put{title}Policy", {**named, "PolicyDocument": "{}"})],
        deleting=[(f"Delete{title}Policy", named)],
        gone={f"Get{title}Policy": "NoSuchEntity", f"Delete{title}Policy": "NoSuchEntity"},
    )


def _attached(noun: str, parameter: str) -> Life:
    title = noun.title()
    pair = {parameter: "x", "PolicyArn": MANAGED}
    return Life(
        token=f"aws:iam/{noun}PolicyAttachment:{title}PolicyAttachment",
        inputs={noun: "x", "policyArn": MANAGED},
        id=f"x/{MANAGED}",
        answers={f"ListAttached{title}Policies": {"AttachedPolicies": [{"PolicyArn": MANAGED}]}},
        creating=[(f"Attach{title}Policy", pair)],
        reads={noun: "x", "policyArn": MANAGED},
        deleting=[(f"Detach{title}Policy", pair)],
        gone={f"ListAttached{title}Policies": "NoSuchEntity", f"Detach{title}Policy": "NoSuchEntity"},
    )


def _membership(user: str, group: str) -> dict[str, str]:
    return {"GroupName": group, "UserName": user}


HOLDERS = [("role", "RoleName"), ("user", "UserName"), ("group", "GroupName")]
LIVES = [
    *[_inline(*holder) for holder in HOLDERS],
    *[_attached(*holder) for holder in HOLDERS],
    Life(
        token="aws:iam/user:User",
        inputs={"name": "u", "permissionsBoundary": MANAGED, "tagsAll": {"a": "1"}},
        id="u",
        answers={
            "CreateUser": {"User": USER},
            "GetUser": {"User": {**USER, "Tags": [{"Key": "a", "Value": "1"}]}},
            "ListGroupsForUser": {"Groups": [GROUP]},
        },
        creating=[
            (
                "CreateUser",
                {
                    "UserName": "u",
                    "Path": "/",
                    "PermissionsBoundary": MANAGED,
                    "Tags": [{"Key": "a", "Value": "1"}],
                },
            )
        ],
        reads={
            "name": "u",
            "arn": f"{ACCOUNT}user/u",
            "path": "/",
            "uniqueId": USER_ID,
            "tagsAll": {"a": "1"},
        },
        changed={"permissionsBoundary": None, "tagsAll": {"b": "2"}},
        updating=[
            ("DeleteUserPermissionsBoundary", {"UserName": "u"}),
            ("TagUser", {"UserName": "u", "Tags": [{"Key": "b", "Value": "2"}]}),
            ("UntagUser", {"UserName": "u", "TagKeys": ["a"]}),
        ],
        deleting=[("RemoveUserFromGroup", _membership("u", "g")), ("DeleteUser", {"UserName": "u"})],
        gone={"GetUser": "NoSuchEntity", "ListGroupsForUser": "NoSuchEntity"},
    ),
    Life(
        token="aws:iam/accessKey:AccessKey",
        inputs={"user": "u", "status": "Inactive"},
        id="AKIAEXAMPLEEXAMPLE00",
        answers={
            "CreateAccessKey": {
                "AccessKey": {
                    "UserName": "u",
                    "AccessKeyId": "AKIAEXAMPLEEXAMPLE00",
                    "Status": "Active",
                    "SecretAccessKey": "not-a-secret",
                }
            },
            "ListAccessKeys": {
                "AccessKeyMetadata": [
                    {
                        "UserName": "u",
                        "AccessKeyId": "AKIAEXAMPLEEXAMPLE00",
                        "Status": "Inactive",
                        "CreateDate": DAY,
                    }
                ]
            },
        },
        creating=[
            ("CreateAccessKey", {"UserName": "u"}),
            (
                "UpdateAccessKey",
                {"UserName": "u", "AccessKeyId": "AKIAEXAMPLEEXAMPLE00", "Status": "Inactive"},
            ),
        ],
        reads={"user": "u", "status": "Inactive", "createDate": "2026-01-02T03:04:05Z"},
        changed={"status": "Active"},
        updating=[
            (
                "UpdateAccessKey",
                {"UserName": "u", "AccessKeyId": "AKIAEXAMPLEEXAMPLE00", "Status": "Active"},
            )
        ],
        deleting=[("DeleteAccessKey", {"UserName": "u", "AccessKeyId": "AKIAEXAMPLEEXAMPLE00"})],
        gone={"ListAccessKeys": "NoSuchEntity", "DeleteAccessKey": "NoSuchEntity"},
    ),
    Life(
        token="aws:iam/group:Group",
        inputs={"name": "g"},
        id="g",
        answers={"CreateGroup": {"Group": GROUP}, "GetGroup": {"Group": GROUP, "Users": []}},
        creating=[("CreateGroup", {"GroupName": "g", "Path": "/"})],
        reads={"name": "g", "arn": f"{ACCOUNT}group/g", "path": "/", "uniqueId": GROUP_ID},
        changed={"path": "/team/"},
        updating=[("UpdateGroup", {"GroupName": "g", "NewGroupName": "g", "NewPath": "/team/"})],
        deleting=[("DeleteGroup", {"GroupName": "g"})],
        gone={"GetGroup": "NoSuchEntity", "DeleteGroup": "NoSuchEntity"},
    ),
    Life(
        token="aws:iam/groupMembership:GroupMembership",
        inputs={"name": "m", "group": "g", "users": ["u", "v"]},
        id="m",
        answers={"GetGroup": {"Group": GROUP, "Users": [USER]}},
        creating=[
            ("AddUserToGroup", _membership("u", "g")),
            ("AddUserToGroup", _membership("v", "g")),
        ],
        reads={"name": "m", "group": "g", "users": ["u"]},
        changed={"users": ["v", "w"]},
        updating=[
            ("AddUserToGroup", _membership("w", "g")),
            ("RemoveUserFromGroup", _membership("u", "g")),
        ],
        deleting=[
            ("RemoveUserFromGroup", _membership("v", "g")),
            ("RemoveUserFromGroup", _membership("w", "g")),
        ],
        gone={"GetGroup": "NoSuchEntity", "RemoveUserFromGroup": "NoSuchEntity"},
    ),
    Life(
        token="aws:iam/userGroupMembership:UserGroupMembership",
        inputs={"user": "u", "groups": ["h", "g"]},
        id="u/g/h",
        answers={"ListGroupsForUser": {"Groups": [GROUP]}},
        creating=[
            ("AddUserToGroup", _membership("u", "g")),
            ("AddUserToGroup", _membership("u", "h")),
        ],
        reads={"user": "u", "groups": ["g"]},
        changed={"groups": ["g"]},
        updating=[("RemoveUserFromGroup", _membership("u", "h"))],
        deleting=[("RemoveUserFromGroup", _membership("u", "g"))],
        gone={"ListGroupsForUser": "NoSuchEntity", "RemoveUserFromGroup": "NoSuchEntity"},
    ),
    Life(
        token="aws:iam/policyAttachment:PolicyAttachment",
        inputs={"name": "a", "policyArn": MANAGED, "roles": ["r"], "users": ["u"]},
        id="a",
        answers={
            "ListEntitiesForPolicy": {
                "PolicyRoles": [{"RoleName": "r"}],
                "PolicyUsers": [{"UserName": "u"}],
                "PolicyGroups": [{"GroupName": "other"}],
            }
        },
        creating=[
            ("AttachRolePolicy", {"RoleName": "r", "PolicyArn": MANAGED}),
            ("AttachUserPolicy", {"UserName": "u", "PolicyArn": MANAGED}),
        ],
        reads={"name": "a", "policyArn": MANAGED, "roles": ["r"], "users": ["u"], "groups": ["other"]},
        changed={"users": ["v"]},
        updating=[
            ("AttachUserPolicy", {"UserName": "v", "PolicyArn": MANAGED}),
            ("DetachUserPolicy", {"UserName": "u", "PolicyArn": MANAGED}),
        ],
        deleting=[
            ("DetachRolePolicy", {"RoleName": "r", "PolicyArn": MANAGED}),
            ("DetachUserPolicy", {"UserName": "v", "PolicyArn": MANAGED}),
        ],
        gone={"ListEntitiesForPolicy": "NoSuchEntity"},
    ),
    Life(
        token="aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
        inputs={"roleName": "r", "policyArns": [MANAGED]},
        id="r",
        answers={
            "ListAttachedRolePolicies": {
                "AttachedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/Foreign"}]
            }
        },
        creating=[
            ("AttachRolePolicy", {"RoleName": "r", "PolicyArn": MANAGED}),
            ("DetachRolePolicy", {"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/Foreign"}),
        ],
        reads={"roleName": "r", "policyArns": ["arn:aws:iam::aws:policy/Foreign"]},
        deleting=[],
        gone={"ListAttachedRolePolicies": "NoSuchEntity"},
    ),
    Life(
        token="aws:iam/instanceProfile:InstanceProfile",
        inputs={"name": "p", "role": "r"},
        id="p",
        answers={
            "CreateInstanceProfile": {"InstanceProfile": {**PROFILE, "Roles": []}},
            "GetInstanceProfile": [
                {"InstanceProfile": {**PROFILE, "Roles": []}},
                {"InstanceProfile": {**PROFILE, "Roles": [ROLE]}},
            ],
        },
        creating=[
            ("CreateInstanceProfile", {"InstanceProfileName": "p", "Path": "/"}),
            ("AddRoleToInstanceProfile", {"InstanceProfileName": "p", "RoleName": "r"}),
        ],
        reads={
            "name": "p",
            "arn": f"{ACCOUNT}instance-profile/p",
            "path": "/",
            "role": "r",
            "uniqueId": PROFILE_ID,
            "createDate": "2026-01-02T03:04:05Z",
            "tagsAll": {},
        },
        changed={"role": "s"},
        updating=[
            ("RemoveRoleFromInstanceProfile", {"InstanceProfileName": "p", "RoleName": "r"}),
            ("AddRoleToInstanceProfile", {"InstanceProfileName": "p", "RoleName": "s"}),
        ],
        deleting=[
            ("RemoveRoleFromInstanceProfile", {"InstanceProfileName": "p", "RoleName": "s"}),
            ("DeleteInstanceProfile", {"InstanceProfileName": "p"}),
        ],
        gone={
            "GetInstanceProfile": "NoSuchEntity",
            "RemoveRoleFromInstanceProfile": "NoSuchEntity",
            "DeleteInstanceProfile": "NoSuchEntity",
        },
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.token)
def test_a_life_takes_these_calls(life: Life, cloud: Cloud, script: Any) -> None:
    """Create, read, update and delete make the calls listed; what is gone is no error."""
    play(life, cloud, script)


def test_only_its_create_tells_a_keys_secret(cloud: Cloud, script: Any) -> None:
    """The secret and the password that follows from it are outputs of the create alone."""
    kind = TYPES["aws:iam/accessKey:AccessKey"]
    key = {"UserName": "u", "AccessKeyId": "AKIAEXAMPLEEXAMPLE00", "Status": "Active"}
    script.answers = {"CreateAccessKey": {"AccessKey": {**key, "SecretAccessKey": "not-a-secret"}}}
    made = kind.create(cloud, {"user": "u", "status": "Active"})
    assert isinstance(made, Created)
    assert made.told["secret"] == "not-a-secret"
    assert base64.b64decode(made.told["sesSmtpPasswordV4"])[0] == 4
    assert len(base64.b64decode(made.told["sesSmtpPasswordV4"])) == 33
    assert set(made.told) == kind.told


@pytest.mark.parametrize(
    ("token", "call", "read", "answer"),
    [
        ("aws:iam/user:User", "UpdateUser", "GetUser", {"User": {**USER, "UserName": "new"}}),
        (
            "aws:iam/group:Group",
            "UpdateGroup",
            "GetGroup",
            {"Group": {**GROUP, "GroupName": "new"}, "Users": []},
        ),
    ],
)
def test_a_rename_gives_a_new_id(
    token: str, call: str, read: str, answer: dict[str, Any], cloud: Cloud, script: Any
) -> None:
    """IAM renames in place, and a rename that a killed run has made already is passed over."""
    kind = TYPES[token]
    assert kind.update is not None
    old, new = {"name": "old", "path": "/"}, {"name": "new", "path": "/"}
    assert schema.with_defaults(kind, {"name": "old"}) == old
    assert kind.update(cloud, "old", old, new) == "new"
    script.answers = {call: "NoSuchEntity", read: answer}
    assert kind.update(cloud, "old", old, new) == "new"
    found = kind.read(cloud, "new", new)
    assert found is not None
    assert found["name"] == "new"


def test_force_destroy_takes_what_a_user_has_with_it(cloud: Cloud, script: Any) -> None:
    """Without it, keys and policies that others gave stay, and IAM refuses."""
    kind = TYPES["aws:iam/user:User"]
    script.answers = {
        "ListGroupsForUser": {"Groups": []},
        "ListAccessKeys": {"AccessKeyMetadata": [{"UserName": "u", "AccessKeyId": "AKIAEXAMPLEEXAMPLE00"}]},
        "ListAttachedUserPolicies": {"AttachedPolicies": [{"PolicyArn": MANAGED}]},
        "ListUserPolicies": {"PolicyNames": ["p"]},
    }
    kind.delete(cloud, "u", {"name": "u"})
    kind.delete(cloud, "u", {"name": "u", "forceDestroy": True})
    assert [name for name, _ in script.writes()] == [
        "DeleteUser",
        "DeleteAccessKey",
        "DetachUserPolicy",
        "DeleteUserPolicy",
        "DeleteUser",
    ]


def test_the_key_of_a_renamed_user_is_found(cloud: Cloud, script: Any) -> None:
    """A key is declared with its user's name, which may be another by now."""
    kind = TYPES["aws:iam/accessKey:AccessKey"]
    script.answers = {
        "DeleteAccessKey": ["NoSuchEntity", {}],
        "GetAccessKeyLastUsed": {"UserName": "new"},
    }
    kind.delete(cloud, "AKIAEXAMPLEEXAMPLE00", {"user": "old"})
    assert [given["UserName"] for _, given in script.writes()] == ["old", "new"]


def test_an_attachment_to_nobody_is_refused() -> None:
    """As AWS's own provider does."""
    faults = schema.check(
        TYPES["aws:iam/policyAttachment:PolicyAttachment"], {"policyArn": MANAGED}, "us-east-1"
    )
    assert faults == ["one of roles, users and groups has to be given"]
