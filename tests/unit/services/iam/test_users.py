"""Users sign with keys of their own, have their groups' policies, and stay themselves under a new name."""

from __future__ import annotations

import pytest
from harness import ACCOUNT, Harness
from services.iam.documents import Ask, document

from stepwell.calls import Caller
from stepwell.errors import AwsError
from stepwell.services import iam
from stepwell.services.iam.errors import DeleteConflict, LimitExceeded, NoSuchEntity
from stepwell.services.iam.keys import note_use

ANN = Caller(arn=f"arn:aws:iam::{ACCOUNT}:user/ann", account=ACCOUNT, kind="user", user_id="AIDAANN")


def test_a_keys_secret_is_shown_once_and_two_keys_are_enough(ask: Ask) -> None:
    ask("CreateUser", UserName="ann")
    first, second = (ask("CreateAccessKey", UserName="ann")["AccessKey"] for _ in range(2))
    assert first["AccessKeyId"].startswith("AKIA") and len(first["AccessKeyId"]) == 20
    assert len(first["SecretAccessKey"]) == 40
    listed = ask("ListAccessKeys", UserName="ann")["AccessKeyMetadata"]
    assert {each["AccessKeyId"] for each in listed} == {first["AccessKeyId"], second["AccessKeyId"]}
    assert not any("SecretAccessKey" in each for each in listed)
    with pytest.raises(LimitExceeded, match="AccessKeysPerUser: 2"):
        ask("CreateAccessKey", UserName="ann")
    with pytest.raises(DeleteConflict, match="must delete access keys first"):
        ask("DeleteUser", UserName="ann")


def test_only_an_active_key_of_a_living_user_signs(server: Harness, ask: Ask) -> None:
    made = ask("CreateUser", UserName="ann", Path="/x/")["User"]
    access_key = ask("CreateAccessKey", UserName="ann")["AccessKey"]
    who = {"UserName": "ann", "AccessKeyId": access_key["AccessKeyId"]}

    def signer() -> Caller | None:
        found = server.read(lambda view: iam.find_key(view, access_key["AccessKeyId"]))
        return found[1] if found is not None else None

    signing = signer()
    assert signing is not None
    assert (signing.kind, signing.arn, signing.user_id) == ("user", made["Arn"], made["UserId"])
    ask("UpdateAccessKey", **who, Status="Inactive")
    assert signer() is None
    ask("UpdateAccessKey", **who, Status="Active")
    assert signer() is not None
    ask("DeleteAccessKey", **who)
    assert signer() is None
    with pytest.raises(NoSuchEntity, match="The Access Key with id AKIA"):
        ask("UpdateAccessKey", **who, Status="Active")


def test_a_key_is_its_users_only(ask: Ask) -> None:
    for name in ("ann", "bob"):
        ask("CreateUser", UserName=name)
    access_key = ask("CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    with pytest.raises(NoSuchEntity):
        ask("DeleteAccessKey", UserName="bob", AccessKeyId=access_key)


def test_the_last_use_is_told(server: Harness, ask: Ask) -> None:
    ask("CreateUser", UserName="ann")
    access_key = ask("CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    never = ask("GetAccessKeyLastUsed", AccessKeyId=access_key)
    assert never == {"UserName": "ann", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
    server.decide(lambda draft: note_use(access_key, "s3", draft))
    used = ask("GetAccessKeyLastUsed", AccessKeyId=access_key)["AccessKeyLastUsed"]
    assert used == {"LastUsedDate": server.clock.now(), "ServiceName": "s3", "Region": "us-east-1"}


def test_who_names_nobody_means_itself(server: Harness, ask: Ask) -> None:
    assert ask("GetUser")["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    ask("CreateUser", UserName="ann")
    server.caller = ANN
    assert ask("GetUser")["User"]["UserName"] == "ann"
    assert ask("CreateAccessKey")["AccessKey"]["UserName"] == "ann"
    assert len(ask("ListAccessKeys")["AccessKeyMetadata"]) == 1


def test_a_group_keeps_its_users_and_users_their_groups(ask: Ask) -> None:
    ask("CreateUser", UserName="ann")
    for n in range(11):
        ask("CreateGroup", GroupName=f"g{n:02}")
    for n in range(10):
        ask("AddUserToGroup", GroupName=f"g{n:02}", UserName="ann")
    ask("AddUserToGroup", GroupName="g00", UserName="ann")
    with pytest.raises(LimitExceeded, match="GroupsPerUser: 10"):
        ask("AddUserToGroup", GroupName="g10", UserName="ann")
    assert [user["UserName"] for user in ask("GetGroup", GroupName="g00")["Users"]] == ["ann"]
    assert len(ask("ListGroupsForUser", UserName="ann")["Groups"]) == 10
    for operation, who in (("DeleteGroup", {"GroupName": "g00"}), ("DeleteUser", {"UserName": "ann"})):
        with pytest.raises(DeleteConflict, match="must remove users from group first"):
            ask(operation, **who)
    ask("RemoveUserFromGroup", GroupName="g00", UserName="ann")
    ask("DeleteGroup", GroupName="g00")
    with pytest.raises(NoSuchEntity):
        ask("RemoveUserFromGroup", GroupName="g01", UserName="bob")


def test_a_user_has_its_own_and_its_groups_policies_and_its_tags(server: Harness, ask: Ask) -> None:
    ask("CreateUser", UserName="ann", Tags=[{"Key": "team", "Value": "red"}])
    ask("CreateGroup", GroupName="dev")
    ask("AddUserToGroup", GroupName="dev", UserName="ann")
    ask("PutUserPolicy", UserName="ann", PolicyName="own", PolicyDocument=document())
    ask("PutGroupPolicy", GroupName="dev", PolicyName="shared", PolicyDocument=document())
    ask("AttachGroupPolicy", GroupName="dev", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    held = server.read(lambda view: iam.policies_of(view, ANN))
    names = [policy.name for policy in held.identity]
    assert names == ["own", "shared", "arn:aws:iam::aws:policy/AmazonSQSFullAccess"]
    assert held.keys == {"aws:PrincipalTag/team": "red"}


def test_a_renamed_user_keeps_id_groups_policies_and_keys(ask: Ask) -> None:
    made = ask("CreateUser", UserName="ann")["User"]
    bound = ask("CreatePolicy", PolicyName="p", PolicyDocument=document())["Policy"]["Arn"]
    ask("CreateGroup", GroupName="dev")
    ask("AddUserToGroup", GroupName="dev", UserName="ann")
    ask("AttachUserPolicy", UserName="ann", PolicyArn=bound)
    ask("PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=bound)
    access_key = ask("CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    ask("UpdateUser", UserName="ann", NewUserName="eve", NewPath="/new/")
    ask("UpdateGroup", GroupName="dev", NewGroupName="ops")
    moved = ask("GetUser", UserName="eve")["User"]
    assert (moved["UserId"], moved["Arn"]) == (made["UserId"], f"arn:aws:iam::{ACCOUNT}:user/new/eve")
    assert [user["UserName"] for user in ask("GetGroup", GroupName="ops")["Users"]] == ["eve"]
    assert [group["GroupName"] for group in ask("ListGroupsForUser", UserName="eve")["Groups"]] == ["ops"]
    reached = ask("ListEntitiesForPolicy", PolicyArn=bound)["PolicyUsers"]
    assert [each["UserName"] for each in reached] == ["eve", "eve"]
    assert ask("GetAccessKeyLastUsed", AccessKeyId=access_key)["UserName"] == "eve"
    with pytest.raises(NoSuchEntity):
        ask("GetUser", UserName="ann")
    ask("CreateUser", UserName="ann")
    with pytest.raises(AwsError, match="User with name ann already exists"):
        ask("UpdateUser", UserName="eve", NewUserName="ann")
