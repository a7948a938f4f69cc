"""Users sign with keys of their own, and may what their policies say and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest
from running import Running

USER = "key-bearer"


def document(action: str, resource: str) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def code_of(refused: pytest.ExceptionInfo[botocore.exceptions.ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


@pytest.fixture
def keys(server: Running) -> Iterator[dict[str, Any]]:
    iam = server.client("iam")
    iam.create_user(UserName=USER)
    yield iam.create_access_key(UserName=USER)["AccessKey"]
    for each in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=USER, AccessKeyId=each["AccessKeyId"])
    for name in iam.list_user_policies(UserName=USER)["PolicyNames"]:
        iam.delete_user_policy(UserName=USER, PolicyName=name)
    iam.delete_user(UserName=USER)


def signing(server: Running, service: str, keys: dict[str, Any]) -> Any:
    return server.client(
        service,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
    )


def test_a_key_signs_as_its_user_until_it_is_inactive(server: Running, keys: dict[str, Any]) -> None:
    sts = signing(server, "sts", keys)
    who = sts.get_caller_identity()
    assert who["Arn"].endswith(f":user/{USER}") and who["UserId"].startswith("AIDA")
    iam = server.client("iam")
    used = iam.get_access_key_last_used(AccessKeyId=keys["AccessKeyId"])["AccessKeyLastUsed"]
    assert used["ServiceName"] == "sts"
    iam.update_access_key(UserName=USER, AccessKeyId=keys["AccessKeyId"], Status="Inactive")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        sts.get_caller_identity()
    assert code_of(refused) == "InvalidClientTokenId"


def test_a_user_may_what_its_policy_says(server: Running, keys: dict[str, Any]) -> None:
    queue = signing(server, "logs", keys)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        queue.describe_log_groups()
    assert code_of(refused) == "AccessDeniedException"
    server.client("iam").put_user_policy(
        UserName=USER, PolicyName="logs", PolicyDocument=document("logs:DescribeLogGroups", "*")
    )
    assert "logGroups" in queue.describe_log_groups()
    session = signing(server, "sts", keys).get_session_token()["Credentials"]
    assert "logGroups" in signing(server, "logs", session).describe_log_groups()
    assert signing(server, "sts", session).get_caller_identity()["Arn"].endswith(f":user/{USER}")


def test_a_user_may_look_after_its_own_keys_where_its_policy_names_it(
    server: Running, keys: dict[str, Any]
) -> None:
    own = document("iam:*AccessKey*", "arn:aws:iam::*:user/${aws:username}")
    server.client("iam").put_user_policy(UserName=USER, PolicyName="own", PolicyDocument=own)
    iam = signing(server, "iam", keys)
    assert len(iam.list_access_keys()["AccessKeyMetadata"]) == 1
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        iam.list_access_keys(UserName="somebody-else")
    assert code_of(refused) == "AccessDenied"


def test_a_user_takes_on_a_role_that_trusts_it(server: Running, keys: dict[str, Any]) -> None:
    iam = server.client("iam")
    user = iam.get_user(UserName=USER)["User"]["Arn"]
    trust = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="for-one", AssumeRolePolicyDocument=text)["Role"]["Arn"]
    try:
        session = signing(server, "sts", keys).assume_role(RoleArn=role, RoleSessionName="one")["Credentials"]
        arn = signing(server, "sts", session).get_caller_identity()["Arn"]
        assert arn.endswith("assumed-role/for-one/one")
    finally:
        iam.delete_role(RoleName="for-one")


def test_the_account_and_the_simulator_are_read_over_the_wire(server: Running, keys: dict[str, Any]) -> None:
    iam = server.client("iam")
    text = document("s3:Get*", "arn:aws:s3:::${aws:username}/*")
    iam.put_user_policy(UserName=USER, PolicyName="home", PolicyDocument=text)
    pages = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1})
    users = [user for page in pages for user in page["UserDetailList"] if user["UserName"] == USER]
    assert users[0]["UserPolicyList"] == [{"PolicyName": "home", "PolicyDocument": json.loads(text)}]
    assert iam.get_account_summary()["SummaryMap"]["AccessKeysPerUserQuota"] == 2
    results = [
        result
        for page in iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=iam.get_user(UserName=USER)["User"]["Arn"],
            ActionNames=["s3:GetObject", "s3:PutObject"],
            ResourceArns=[f"arn:aws:s3:::{USER}/k", "arn:aws:s3:::other/k"],
            PaginationConfig={"PageSize": 3},
        )
        for result in page["EvaluationResults"]
    ]
    assert [each["EvalDecision"] for each in results] == ["allowed", *["implicitDeny"] * 3]
    (match,) = results[0]["MatchedStatements"]
    assert match["SourcePolicyId"] == f"user_{USER}_home"
    assert match["StartPosition"] == {"Line": 1, "Column": 41}
    asked = iam.get_context_keys_for_principal_policy(
        PolicySourceArn=iam.get_user(UserName=USER)["User"]["Arn"]
    )
    assert asked["ContextKeyNames"] == ["aws:username"]
