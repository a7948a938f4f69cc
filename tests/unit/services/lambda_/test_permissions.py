"""Resource policies are the documents that AWS prints, and decide as such."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from harness import ACCOUNT, Harness

from stepwell.api.callers import service_principal
from stepwell.identity.evaluate import Policies, Request, decide
from stepwell.services import lambda_

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
Create = Callable[..., dict[str, Any]]
Refused = Callable[..., tuple[str, str]]
S3 = {
    "FunctionName": "f",
    "StatementId": "s3",
    "Action": "lambda:InvokeFunction",
    "Principal": "s3.amazonaws.com",
    "SourceArn": "arn:aws:s3:::bucket",
    "SourceAccount": ACCOUNT,
}


def test_a_permission_is_a_statement_as_aws_prints_it(server: Harness, create: Create) -> None:
    create()
    answer = server.call("lambda", "AddPermission", **S3)
    statement = {
        "Sid": "s3",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": ACCOUNT},
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"},
        },
    }
    assert json.loads(answer["Statement"]) == statement
    found = server.call("lambda", "GetPolicy", FunctionName="f")
    assert json.loads(found["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": [statement],
    }


@pytest.mark.parametrize(
    ("source", "allowed"), [("arn:aws:s3:::bucket", True), ("arn:aws:s3:::other", False)]
)
def test_the_policy_decides_who_may_invoke(
    server: Harness, create: Create, source: str, allowed: bool
) -> None:
    create()
    server.call("lambda", "AddPermission", **S3)
    policy = server.read(lambda view: lambda_.policy_of(view, ARN))
    request = Request(
        action="lambda:InvokeFunction",
        resource=ARN,
        principal=service_principal("s3.amazonaws.com", ACCOUNT),
        context={"aws:SourceArn": source, "aws:SourceAccount": ACCOUNT},
    )
    assert decide(request, Policies(resource=policy)).allowed is allowed


@pytest.mark.parametrize(
    ("principal", "shown"),
    [
        ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("arn:aws:iam::123456789012:role/r", {"AWS": "arn:aws:iam::123456789012:role/r"}),
        ("events.amazonaws.com", {"Service": "events.amazonaws.com"}),
        ("*", "*"),
    ],
)
def test_principals_are_spelled_by_their_kind(
    server: Harness, create: Create, principal: str, shown: Any
) -> None:
    create()
    added = {key: value for key, value in S3.items() if not key.startswith("Source")}
    answer = server.call("lambda", "AddPermission", **added | {"Principal": principal})
    statement = json.loads(answer["Statement"])
    assert statement["Principal"] == shown and "Condition" not in statement


def test_what_aws_refuses_is_refused(server: Harness, create: Create, error: Refused) -> None:
    create(Publish=True)
    assert error("GetPolicy", FunctionName="f") == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )
    assert error("GetPolicy", FunctionName="g")[1] == f"Function not found: {ARN[:-1]}g"
    server.call("lambda", "AddPermission", **S3)
    code, message = error("AddPermission", **S3)
    assert code == "ResourceConflictException"
    assert "The statement id (s3) provided already exists" in message
    assert error("AddPermission", **S3 | {"StatementId": "x", "Principal": "nobody"})[0] == (
        "InvalidParameterValueException"
    )
    assert error("RemovePermission", FunctionName="f", StatementId="x") == (
        "ResourceNotFoundException",
        "Statement x is not found in resource policy.",
    )
    assert error("RemovePermission", FunctionName="f", StatementId="s3", RevisionId="old")[0] == (
        "PreconditionFailedException"
    )
    assert error("AddPermission", **S3 | {"StatementId": "y", "Qualifier": "$LATEST"})[0] == (
        "InvalidParameterValueException"
    )


def test_versions_have_policies_of_their_own(server: Harness, create: Create) -> None:
    create(Publish=True)
    server.call("lambda", "AddPermission", **S3, Qualifier="1")
    found = server.call("lambda", "GetPolicy", FunctionName="f", Qualifier="1")
    assert json.loads(found["Policy"])["Statement"][0]["Resource"] == f"{ARN}:1"
    assert server.read(lambda view: lambda_.policy_of(view, f"{ARN}:1")) is not None
    for other in (ARN, f"{ARN}:2", f"{ARN[:-1]}g", "arn:aws:s3:::b", "x"):
        assert server.read(lambda view, other=other: lambda_.policy_of(view, other)) is None
    server.call("lambda", "RemovePermission", FunctionName="f", StatementId="s3", Qualifier="1")
    assert server.read(lambda view: lambda_.policy_of(view, f"{ARN}:1")) is None


def test_a_policy_longer_than_20_kilobytes_is_refused(
    server: Harness, create: Create, error: Refused
) -> None:
    create()
    source = "arn:aws:s3:::" + "x" * 9_000
    server.call("lambda", "AddPermission", **S3 | {"SourceArn": source})
    server.call("lambda", "AddPermission", **S3 | {"SourceArn": source, "StatementId": "b"})
    refused = error("AddPermission", **S3 | {"SourceArn": source, "StatementId": "c"})
    assert refused[0] == "PolicyLengthExceededException"
