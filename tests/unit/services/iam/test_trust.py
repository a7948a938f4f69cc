"""A trust policy means the very users and roles that it named."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from harness import ACCOUNT, Harness
from services.iam.documents import LAMBDA, Ask, trust

from stepwell.api.callers import role_session
from stepwell.calls import Caller
from stepwell.errors import AwsError
from stepwell.identity.policy import MalformedPolicyDocument


def principal(ask: Ask) -> Any:
    document = ask("GetRole", RoleName="target")["Role"]["AssumeRolePolicyDocument"]
    return json.loads(unquote(document))["Statement"][0]["Principal"]["AWS"]


def as_user(made: dict[str, Any]) -> Caller:
    return Caller(arn=made["Arn"], account=ACCOUNT, kind="user", user_id=made["UserId"])


def assume(server: Harness, caller: Caller) -> dict[str, Any]:
    server.caller = caller
    return server.call(
        "sts", "AssumeRole", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/target", RoleSessionName="test"
    )


@pytest.mark.parametrize("kind", ["user", "role"])
def test_who_is_not_there_cannot_be_trusted(ask: Ask, kind: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:{kind}/nobody"
    with pytest.raises(MalformedPolicyDocument) as refused:
        ask("CreateRole", RoleName="target", AssumeRolePolicyDocument=trust(AWS=arn))
    assert refused.value.message == f'Invalid principal in policy: "AWS":"{arn}"'


def test_accounts_services_sessions_and_foreigners_need_not_be_there(ask: Ask) -> None:
    for n, who in enumerate(
        (
            {"Service": "states.amazonaws.com"},
            {"AWS": ACCOUNT},
            {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            {"AWS": "arn:aws:iam::111122223333:role/theirs"},
            {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/none/session"},
        )
    ):
        ask("CreateRole", RoleName=f"r{n}", AssumeRolePolicyDocument=trust(**who))


def test_a_users_successor_is_not_trusted_and_the_id_is_shown(server: Harness, ask: Ask) -> None:
    first = ask("CreateUser", UserName="ann")["User"]
    ask("CreateRole", RoleName="target", AssumeRolePolicyDocument=trust(AWS=first["Arn"]))
    assert principal(ask) == first["Arn"]
    root = server.caller
    assert assume(server, as_user(first))["AssumedRoleUser"]["Arn"].endswith("assumed-role/target/test")
    server.caller = root
    ask("DeleteUser", UserName="ann")
    assert principal(ask) == first["UserId"]
    second = ask("CreateUser", UserName="ann")["User"]
    assert principal(ask) == first["UserId"]
    with pytest.raises(AwsError, match="is not authorized to perform: sts:AssumeRole"):
        assume(server, as_user(second))
    server.caller = root
    ask("UpdateAssumeRolePolicy", RoleName="target", PolicyDocument=trust(AWS=[second["Arn"]]))
    assert assume(server, as_user(second))


def test_a_roles_successor_is_not_trusted(server: Harness, ask: Ask) -> None:
    made = ask("CreateRole", RoleName="caller", AssumeRolePolicyDocument=LAMBDA)["Role"]
    ask("CreateRole", RoleName="target", AssumeRolePolicyDocument=trust(AWS=made["Arn"]))
    root = server.caller
    assert assume(server, role_session(made["Arn"], "s", made["RoleId"]))
    server.caller = root
    ask("DeleteRole", RoleName="caller")
    again = ask("CreateRole", RoleName="caller", AssumeRolePolicyDocument=LAMBDA)["Role"]
    assert principal(ask) == made["RoleId"]
    with pytest.raises(AwsError):
        assume(server, role_session(again["Arn"], "s", again["RoleId"]))


def test_a_renamed_user_stays_trusted_under_its_new_name(server: Harness, ask: Ask) -> None:
    made = ask("CreateUser", UserName="ann")["User"]
    ask("CreateRole", RoleName="target", AssumeRolePolicyDocument=trust(AWS=made["Arn"]))
    ask("UpdateUser", UserName="ann", NewUserName="eve")
    renamed = ask("GetUser", UserName="eve")["User"]
    assert principal(ask) == renamed["Arn"]
    assert assume(server, as_user(renamed))


def test_a_user_gets_a_session_of_its_own_but_a_session_gets_none(server: Harness, ask: Ask) -> None:
    made = ask("CreateUser", UserName="ann")["User"]
    server.caller = as_user(made)
    keys = server.call("sts", "GetSessionToken", DurationSeconds=900)["Credentials"]
    assert keys["AccessKeyId"].startswith("ASIA")
    assert keys["Expiration"] == server.clock.now() + 900
    server.caller = Caller(arn=made["Arn"], account=ACCOUNT, kind="user", access_key_id=keys["AccessKeyId"])
    with pytest.raises(AwsError, match="Cannot call GetSessionToken with session credentials"):
        server.call("sts", "GetSessionToken")
