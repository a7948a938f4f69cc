"""Roles, users and groups hold policies alike, and go only when nothing holds them any more."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from services.iam.documents import LAMBDA, Ask, document

from stepwell.errors import AwsError
from stepwell.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    NoSuchEntity,
    PolicyNotAttachable,
    UnmodifiableEntity,
)

NOUNS = ("Role", "User", "Group")
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def create(ask: Ask, noun: str, name: str, **more: Any) -> dict[str, Any]:
    if noun == "Role":
        more["AssumeRolePolicyDocument"] = LAMBDA
    found: dict[str, Any] = ask(f"Create{noun}", **{f"{noun}Name": name}, **more)[noun]
    return found


@pytest.mark.parametrize("noun", NOUNS)
def test_an_entity_has_a_path_in_its_arn_and_an_id_of_its_kind(ask: Ask, noun: str) -> None:
    made = create(ask, noun, "Ann", Path="/team/a/")
    prefix = {"Role": "AROA", "User": "AIDA", "Group": "AGPA"}[noun]
    assert made["Arn"] == f"arn:aws:iam::000000000000:{noun.lower()}/team/a/Ann"
    assert made[f"{noun}Id"].startswith(prefix) and len(made[f"{noun}Id"]) == 21
    assert ask(f"Get{noun}", **{f"{noun}Name": "Ann"})[noun] == made
    assert [each["Arn"] for each in ask(f"List{noun}s", PathPrefix="/team/")[f"{noun}s"]] == [made["Arn"]]
    assert ask(f"List{noun}s", PathPrefix="/other/")[f"{noun}s"] == []


@pytest.mark.parametrize("noun", NOUNS)
def test_names_differ_by_more_than_case(ask: Ask, noun: str) -> None:
    create(ask, noun, "ann")
    with pytest.raises(EntityAlreadyExists, match=f"{noun} with name ANN already exists"):
        create(ask, noun, "ANN")


@pytest.mark.parametrize("noun", NOUNS)
def test_what_is_not_there_is_said_so(ask: Ask, noun: str) -> None:
    with pytest.raises(NoSuchEntity) as refused:
        ask(f"Get{noun}", **{f"{noun}Name": "nobody"})
    assert refused.value.message == f"The {noun.lower()} with name nobody cannot be found."


@pytest.mark.parametrize("noun", NOUNS)
def test_an_inline_policy_is_kept_as_written(ask: Ask, entities: dict[str, str], noun: str) -> None:
    who = {f"{noun}Name": "one"}
    text = '{ "Version":"2012-10-17",\n "Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"} }'
    ask(f"Put{noun}Policy", **who, PolicyName="p", PolicyDocument=text)
    assert unquote(ask(f"Get{noun}Policy", **who, PolicyName="p")["PolicyDocument"]) == text
    assert ask(f"List{noun}Policies", **who)["PolicyNames"] == ["p"]
    with pytest.raises(DeleteConflict, match="must delete policies first"):
        ask(f"Delete{noun}", **who)
    ask(f"Delete{noun}Policy", **who, PolicyName="p")
    with pytest.raises(NoSuchEntity, match=f"The {noun.lower()} policy with name p cannot be found"):
        ask(f"Get{noun}Policy", **who, PolicyName="p")
    ask(f"Delete{noun}", **who)


@pytest.mark.parametrize(("noun", "limit"), [("Role", 10_240), ("User", 2_048), ("Group", 5_120)])
def test_inline_policies_together_have_a_size(
    ask: Ask, entities: dict[str, str], noun: str, limit: int
) -> None:
    long = document(resource=[f"arn:aws:s3:::{'b' * 60}{n}" for n in range(limit // 80)])
    ask(f"Put{noun}Policy", **{f"{noun}Name": "one"}, PolicyName="p", PolicyDocument=long)
    with pytest.raises(LimitExceeded, match=f"Maximum policy size of {limit} bytes exceeded"):
        ask(f"Put{noun}Policy", **{f"{noun}Name": "one"}, PolicyName="q", PolicyDocument=long)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_managed_policy_is_attached_once_and_keeps_its_entity(
    ask: Ask, entities: dict[str, str], noun: str
) -> None:
    who = {f"{noun}Name": "one"}
    for _ in range(2):
        ask(f"Attach{noun}Policy", **who, PolicyArn=READ_ONLY)
    attached = [{"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert ask(f"ListAttached{noun}Policies", **who)["AttachedPolicies"] == attached
    assert ask("GetPolicy", PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 1
    reached = ask("ListEntitiesForPolicy", PolicyArn=READ_ONLY)
    assert [len(reached[f"Policy{each}s"]) for each in NOUNS] == [int(each == noun) for each in NOUNS]
    assert ask("ListEntitiesForPolicy", PolicyArn=READ_ONLY, EntityFilter=noun)[f"Policy{noun}s"]
    with pytest.raises(DeleteConflict, match="must detach all policies first"):
        ask(f"Delete{noun}", **who)
    ask(f"Detach{noun}Policy", **who, PolicyArn=READ_ONLY)
    with pytest.raises(NoSuchEntity, match=f"Policy {READ_ONLY} was not found"):
        ask(f"Detach{noun}Policy", **who, PolicyArn=READ_ONLY)
    ask(f"Delete{noun}", **who)


@pytest.mark.parametrize(("noun", "limit"), [("Role", 20), ("User", 20), ("Group", 10)])
def test_attachments_are_counted(ask: Ask, entities: dict[str, str], noun: str, limit: int) -> None:
    def attach(n: int) -> None:
        made = ask("CreatePolicy", PolicyName=f"p{n}", PolicyDocument=document())["Policy"]["Arn"]
        ask(f"Attach{noun}Policy", **{f"{noun}Name": "one"}, PolicyArn=made)

    for n in range(limit):
        attach(n)
    with pytest.raises(LimitExceeded, match=f"Cannot exceed quota for PoliciesPer{noun}: {limit}"):
        attach(limit)


@pytest.mark.parametrize("noun", ["Role", "User"])
def test_a_boundary_is_shown_counted_and_in_the_way_of_its_policys_end(
    ask: Ask, entities: dict[str, str], noun: str
) -> None:
    who = {f"{noun}Name": "one"}
    arn = ask("CreatePolicy", PolicyName="bound", PolicyDocument=document())["Policy"]["Arn"]
    ask(f"Put{noun}PermissionsBoundary", **who, PermissionsBoundary=arn)
    assert ask(f"Get{noun}", **who)[noun]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert ask("GetPolicy", PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    usage = {"PolicyUsageFilter": "PermissionsBoundary"}
    assert ask("ListEntitiesForPolicy", PolicyArn=arn, **usage)[f"Policy{noun}s"]
    assert [each["Arn"] for each in ask("ListPolicies", **usage)["Policies"]] == [arn]
    with pytest.raises(DeleteConflict, match="attached to entities"):
        ask("DeletePolicy", PolicyArn=arn)
    ask(f"Delete{noun}PermissionsBoundary", **who)
    with pytest.raises(NoSuchEntity, match="does not have a permissions boundary"):
        ask(f"Delete{noun}PermissionsBoundary", **who)
    ask("DeletePolicy", PolicyArn=arn)


@pytest.mark.parametrize("noun", ["Role", "User"])
def test_an_unknown_boundary_is_refused(ask: Ask, noun: str) -> None:
    with pytest.raises(NoSuchEntity):
        create(ask, noun, "x", PermissionsBoundary="arn:aws:iam::000000000000:policy/none")
    with pytest.raises(NoSuchEntity):
        ask(f"Get{noun}", **{f"{noun}Name": "x"})


def test_tags_come_go_and_are_limited(ask: Ask, entities: dict[str, str]) -> None:
    arn = ask("CreatePolicy", PolicyName="p", PolicyDocument=document())["Policy"]["Arn"]
    ask("CreateInstanceProfile", InstanceProfileName="one")
    for noun, who in (
        ("Role", {"RoleName": "one"}),
        ("User", {"UserName": "one"}),
        ("Policy", {"PolicyArn": arn}),
        ("InstanceProfile", {"InstanceProfileName": "one"}),
    ):
        ask(f"Tag{noun}", **who, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        ask(f"Untag{noun}", **who, TagKeys=["a"])
        assert ask(f"List{noun}Tags", **who)["Tags"] == [{"Key": "b", "Value": "2"}]
        with pytest.raises(AwsError, match="Duplicate tag keys"):
            ask(f"Tag{noun}", **who, Tags=[{"Key": "c", "Value": "1"}, {"Key": "C", "Value": "2"}])
        many = [{"Key": f"k{n}", "Value": ""} for n in range(50)]
        with pytest.raises(LimitExceeded):
            ask(f"Tag{noun}", **who, Tags=many)


def test_lists_come_in_pages(ask: Ask) -> None:
    for n in range(5):
        ask("CreateUser", UserName=f"u{n}")
    names, marker = [], {}
    while True:
        page = ask("ListUsers", MaxItems=2, **marker)
        names += [user["UserName"] for user in page["Users"]]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert names == [f"u{n}" for n in range(5)]


def test_a_policy_has_five_versions_one_of_which_counts(ask: Ask) -> None:
    arn = ask("CreatePolicy", PolicyName="p", PolicyDocument=document())["Policy"]["Arn"]
    for _ in range(4):
        ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document("Deny"))
    with pytest.raises(LimitExceeded):
        ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document())
    ask("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v5")
    with pytest.raises(DeleteConflict):
        ask("DeletePolicyVersion", PolicyArn=arn, VersionId="v5")
    ask("DeletePolicyVersion", PolicyArn=arn, VersionId="v1")
    made = ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document(), SetAsDefault=True)
    assert made["PolicyVersion"]["VersionId"] == "v6"
    versions = ask("ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [each["VersionId"] for each in versions if each["IsDefaultVersion"]] == ["v6"]
    long = document(resource=[f"arn:aws:s3:::{'b' * 60}{n}" for n in range(90)])
    with pytest.raises(LimitExceeded, match="PolicySize: 6144"):
        ask("CreatePolicy", PolicyName="q", PolicyDocument=long)


def test_a_service_linked_role_is_the_services_own(ask: Ask) -> None:
    made = ask("CreateServiceLinkedRole", AWSServiceName="ssm.amazonaws.com")["Role"]
    name = "AWSServiceRoleForAmazonSSM"
    assert made["Arn"] == f"arn:aws:iam::000000000000:role/aws-service-role/ssm.amazonaws.com/{name}"
    assert json.loads(unquote(made["AssumeRolePolicyDocument"]))["Statement"][0]["Principal"] == {
        "Service": "ssm.amazonaws.com"
    }
    for operation, more in (
        ("DeleteRole", {}),
        ("PutRolePolicy", {"PolicyName": "p", "PolicyDocument": document()}),
        ("AttachRolePolicy", {"PolicyArn": READ_ONLY}),
        ("UpdateAssumeRolePolicy", {"PolicyDocument": LAMBDA}),
    ):
        with pytest.raises(UnmodifiableEntity, match="only modifiable by AWS"):
            ask(operation, RoleName=name, **more)
    with pytest.raises(AwsError, match="has been taken in this account"):
        ask("CreateServiceLinkedRole", AWSServiceName="ssm.amazonaws.com")
    task = ask("DeleteServiceLinkedRole", RoleName=name)["DeletionTaskId"]
    assert ask("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task) == {"Status": "SUCCEEDED"}
    with pytest.raises(NoSuchEntity):
        ask("GetRole", RoleName=name)


def test_a_service_roles_policy_is_no_customers(ask: Ask, entities: dict[str, str]) -> None:
    arn = "arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy"
    with pytest.raises(PolicyNotAttachable):
        ask("AttachRolePolicy", RoleName="one", PolicyArn=arn)


def test_an_instance_profile_holds_one_role_and_keeps_it(ask: Ask, entities: dict[str, str]) -> None:
    profile = {"InstanceProfileName": "box"}
    made = ask("CreateInstanceProfile", **profile, Path="/p/")["InstanceProfile"]
    assert made["Arn"] == "arn:aws:iam::000000000000:instance-profile/p/box" and made["Roles"] == []
    ask("AddRoleToInstanceProfile", **profile, RoleName="one")
    with pytest.raises(LimitExceeded, match="InstanceSessionsPerInstanceProfile: 1"):
        ask("AddRoleToInstanceProfile", **profile, RoleName="one")
    found = ask("ListInstanceProfilesForRole", RoleName="one")["InstanceProfiles"]
    assert found == ask("ListInstanceProfiles")["InstanceProfiles"]
    assert [role["Arn"] for role in found[0]["Roles"]] == [entities["Role"]]
    for operation, who in (("DeleteRole", {"RoleName": "one"}), ("DeleteInstanceProfile", profile)):
        with pytest.raises(DeleteConflict, match="must remove roles from instance profile first"):
            ask(operation, **who)
    ask("RemoveRoleFromInstanceProfile", **profile, RoleName="one")
    ask("DeleteInstanceProfile", **profile)
    with pytest.raises(NoSuchEntity, match="Instance Profile box cannot be found"):
        ask("GetInstanceProfile", **profile)


def test_the_account_at_a_glance(ask: Ask, entities: dict[str, str]) -> None:
    ask("AttachRolePolicy", RoleName="one", PolicyArn=READ_ONLY)
    ask("PutUserPolicy", UserName="one", PolicyName="p", PolicyDocument=document())
    summary = ask("GetAccountSummary")["SummaryMap"]
    assert (summary["Users"], summary["Groups"], summary["Roles"], summary["Policies"]) == (1, 1, 1, 0)
    seen: dict[str, list[Any]] = {}
    marker: dict[str, str] = {}
    while True:
        page = ask("GetAccountAuthorizationDetails", MaxItems=1, **marker)
        for name, found in page.items():
            if isinstance(found, list):
                seen[name] = seen.get(name, []) + found
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert [each["UserPolicyList"][0]["PolicyName"] for each in seen["UserDetailList"]] == ["p"]
    assert [each["Arn"] for each in seen["RoleDetailList"]] == [entities["Role"]]
    assert [each["Arn"] for each in seen["Policies"]] == [READ_ONLY]
    only = ask("GetAccountAuthorizationDetails", Filter=["Group"])
    assert only["GroupDetailList"] and not only["UserDetailList"] and not only["Policies"]
