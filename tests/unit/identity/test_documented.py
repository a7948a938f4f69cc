"""What the IAM User Guide's pages describe, told in cases of our own.

Each case names the page (its last part); policies are by their layer; a request is an action, a resource
and the context, with the decision that the page describes.
"""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.calls import Caller
from stepwell.identity import policy
from stepwell.identity.evaluate import Policies, Request, decide

A, B = "111122223333", "444455556666"
USER = Caller(arn=f"arn:aws:iam::{A}:user/maria", account=A, kind="user", user_id="AIDAMARIA")
ROLE = Caller(
    arn=f"arn:aws:sts::{A}:assumed-role/ops/maria",
    account=A,
    kind="role",
    role=f"arn:aws:iam::{A}:role/ops",
    user_id="AROAOPSOPSOPS12:maria",
)
YES, DENY, NO = "allowed", "explicitDeny", "implicitDeny"


def allow(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def deny(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {**allow(action, resource, **condition), "Effect": "Deny"}


def to(principal: Any, statement: dict[str, Any]) -> dict[str, Any]:
    return {**statement, "Principal": principal}


def without(statement: dict[str, Any], element: str) -> dict[str, Any]:
    """The statement with `NotAction` for `Action`, and so on."""
    return {f"Not{name}" if name == element else name: value for name, value in statement.items()}


HOME = [
    allow("s3:ListBucket", "arn:aws:s3:::home", StringLike={"s3:prefix": ["", "home/${aws:username}/*"]}),
    allow("s3:*", "arn:aws:s3:::home/home/${aws:username}/*"),
]
OFFICE = [deny("*", NotIpAddress={"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]}), allow("ec2:*")]
MFA = [
    allow("ec2:*"),
    deny("ec2:TerminateInstances", BoolIfExists={"aws:MultiFactorAuthPresent": "false"}),
]
BOUNDARY = [allow(["s3:*", "cloudwatch:*", "ec2:*"])]
TABLE = f"arn:aws:dynamodb:us-east-1:{A}:table/files"
COLUMNS = [
    allow("dynamodb:GetItem", TABLE, **{"ForAllValues:StringEquals": {"dynamodb:Attributes": ["id", "text"]}})
]
PASS = [
    allow(
        "iam:PassRole",
        f"arn:aws:iam::{A}:role/sm-*",
        StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"},
    )
]
ABAC = [
    allow(
        "secretsmanager:*",
        StringEquals={"aws:ResourceTag/project": "${aws:PrincipalTag/project}"},
        **{"ForAllValues:StringEquals": {"aws:TagKeys": ["project", "name"]}},
    )
]
DEFAULTED = [allow("s3:GetObject", "arn:aws:s3:::data/${aws:PrincipalTag/team, 'company-wide'}/*")]
OBJECT = "arn:aws:s3:::data/k"
SECRET = f"arn:aws:secretsmanager:us-east-1:{A}:secret:s"

CASES: list[tuple[str, Caller, dict[str, Any], list[tuple[str, str, dict[str, Any], str]]]] = [
    (
        "access_policies_boundaries: the boundary grants nothing and lets nothing else through",
        USER,
        {"identity": [allow("iam:CreateUser"), allow("s3:GetObject")], "boundary": BOUNDARY},
        [
            ("iam:CreateUser", "*", {}, NO),
            ("s3:GetObject", OBJECT, {}, YES),
            ("ec2:RunInstances", "*", {}, NO),
        ],
    ),
    (
        "reference_policies_evaluation-logic: one explicit deny is enough",
        USER,
        {
            "identity": [allow("s3:*"), deny("s3:*", "arn:aws:s3:::ledger*")],
            "resource": [to({"AWS": A}, allow("s3:*"))],
        },
        [
            ("s3:GetObject", OBJECT, {}, YES),
            ("s3:GetObject", "arn:aws:s3:::ledger/2026", {}, DENY),
            ("s3:ListBucket", "arn:aws:s3:::ledger", {}, DENY),
        ],
    ),
    (
        "access_policies (session policies): a session has what role and session policy have in common",
        ROLE,
        {"identity": [allow(["s3:*", "sqs:*"])], "session": [allow(["s3:Get*", "sns:*"])]},
        [("s3:GetObject", OBJECT, {}, YES), ("s3:PutObject", OBJECT, {}, NO), ("sns:Publish", "*", {}, NO)],
    ),
    (
        "access_policies (session policies): the bucket names the role, so the session policy still limits",
        ROLE,
        {"session": [allow("s3:GetObject")], "resource": [to({"AWS": ROLE.role}, allow("s3:*"))]},
        [("s3:GetObject", OBJECT, {}, YES), ("s3:PutObject", OBJECT, {}, NO)],
    ),
    (
        "access_policies (session policies): the bucket names the session, which then needs nothing more",
        ROLE,
        {"session": [allow("s3:GetObject")], "resource": [to({"AWS": ROLE.arn}, allow("s3:*"))]},
        [("s3:GetObject", OBJECT, {}, YES), ("s3:PutObject", OBJECT, {}, YES)],
    ),
    (
        "reference_policies_examples_s3_home-directory",
        USER,
        {"identity": HOME},
        [
            ("s3:ListBucket", "arn:aws:s3:::home", {"s3:prefix": "home/maria/x"}, YES),
            ("s3:ListBucket", "arn:aws:s3:::home", {"s3:prefix": ""}, YES),
            ("s3:ListBucket", "arn:aws:s3:::home", {"s3:prefix": "home/bob/x"}, NO),
            ("s3:PutObject", "arn:aws:s3:::home/home/maria/a/b", {}, YES),
            ("s3:PutObject", "arn:aws:s3:::home/home/mariana/a", {}, NO),
        ],
    ),
    (
        "reference_policies_examples_aws_deny-ip",
        USER,
        {"identity": OFFICE},
        [
            ("ec2:RunInstances", "*", {"aws:SourceIp": "192.0.2.77"}, YES),
            ("ec2:RunInstances", "*", {"aws:SourceIp": "198.51.100.1"}, DENY),
            ("ec2:RunInstances", "*", {"aws:SourceIp": "2001:db8::1"}, DENY),
        ],
    ),
    (
        "reference_policies_examples_aws-dates",
        USER,
        {
            "identity": [
                allow(
                    "s3:*",
                    DateGreaterThan={"aws:CurrentTime": "2026-04-01T00:00:00Z"},
                    DateLessThan={"aws:CurrentTime": "2026-06-30T23:59:59Z"},
                )
            ]
        },
        [
            ("s3:GetObject", OBJECT, {"aws:CurrentTime": "2026-05-01T00:00:00Z"}, YES),
            ("s3:GetObject", OBJECT, {"aws:CurrentTime": "2026-07-01T00:00:00Z"}, NO),
            ("s3:GetObject", OBJECT, {"aws:CurrentTime": "2026-03-31T23:00:00-02:00"}, YES),
        ],
    ),
    (
        "reference_policies_elements_condition_operators: IfExists denies where MFA is absent, too",
        USER,
        {"identity": MFA},
        [
            ("ec2:TerminateInstances", "*", {"aws:MultiFactorAuthPresent": "true"}, YES),
            ("ec2:TerminateInstances", "*", {"aws:MultiFactorAuthPresent": "false"}, DENY),
            ("ec2:TerminateInstances", "*", {}, DENY),
            ("ec2:RunInstances", "*", {}, YES),
        ],
    ),
    (
        "reference_policies_elements_condition_operators: Null tells temporary credentials",
        ROLE,
        {"identity": [allow("s3:*", Null={"aws:TokenIssueTime": "false"})]},
        [
            ("s3:GetObject", OBJECT, {"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}, YES),
            ("s3:GetObject", OBJECT, {}, NO),
        ],
    ),
    (
        "reference_policies_condition-single-vs-multi-valued-context-keys: ForAllValues passes none",
        USER,
        {"identity": COLUMNS},
        [
            ("dynamodb:GetItem", TABLE, {"dynamodb:Attributes": ["id"]}, YES),
            ("dynamodb:GetItem", TABLE, {"dynamodb:Attributes": ["id", "secret"]}, NO),
            ("dynamodb:GetItem", TABLE, {}, YES),
        ],
    ),
    (
        "reference_policies_condition-single-vs-multi-valued-context-keys: ForAnyValue needs one",
        USER,
        {
            "identity": [
                allow("s3:*"),
                deny("s3:*", **{"ForAnyValue:StringEquals": {"aws:TagKeys": ["secret", "private"]}}),
            ]
        },
        [
            ("s3:GetObject", OBJECT, {"aws:TagKeys": ["a", "secret"]}, DENY),
            ("s3:GetObject", OBJECT, {"aws:TagKeys": ["a"]}, YES),
            ("s3:GetObject", OBJECT, {}, YES),
        ],
    ),
    (
        "reference_policies_multi-value-conditions: keys are ANDed, values ORed, negated values NORed",
        USER,
        {
            "identity": [
                allow(
                    "s3:*",
                    StringEquals={"aws:RequestedRegion": ["us-east-1", "eu-west-1"]},
                    StringNotEquals={"s3:prefix": ["a", "b"]},
                )
            ]
        },
        [
            ("s3:ListBucket", "*", {"aws:RequestedRegion": "eu-west-1", "s3:prefix": "c"}, YES),
            ("s3:ListBucket", "*", {"aws:RequestedRegion": "eu-west-1", "s3:prefix": "b"}, NO),
            ("s3:ListBucket", "*", {"aws:RequestedRegion": "eu-west-1"}, YES),
            ("s3:ListBucket", "*", {"s3:prefix": "c"}, NO),
        ],
    ),
    (
        "reference_policies_variables: a default stands for a tag that is missing",
        USER,
        {"identity": DEFAULTED},
        [
            ("s3:GetObject", "arn:aws:s3:::data/company-wide/k", {}, YES),
            ("s3:GetObject", "arn:aws:s3:::data/red/k", {"aws:PrincipalTag/team": "red"}, YES),
            ("s3:GetObject", "arn:aws:s3:::data/company-wide/k", {"aws:PrincipalTag/team": "red"}, NO),
            ("s3:GetObject", "arn:aws:s3:::data/x/k", {"aws:PrincipalTag/team": "*"}, NO),
        ],
    ),
    (
        "reference_policies_variables: none before the fifth colon",
        USER,
        {"identity": [allow("sqs:*", "arn:aws:sqs:us-east-1:${aws:PrincipalAccount}:q")]},
        [("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{A}:q", {}, NO)],
    ),
    (
        "id_roles_use_passrole: the role and the service it is for",
        USER,
        {"identity": PASS},
        [
            (
                "iam:PassRole",
                f"arn:aws:iam::{A}:role/sm-train",
                {"iam:PassedToService": "sagemaker.amazonaws.com"},
                YES,
            ),
            (
                "iam:PassRole",
                f"arn:aws:iam::{A}:role/sm-train",
                {"iam:PassedToService": "lambda.amazonaws.com"},
                NO,
            ),
            (
                "iam:PassRole",
                f"arn:aws:iam::{A}:role/admin",
                {"iam:PassedToService": "sagemaker.amazonaws.com"},
                NO,
            ),
        ],
    ),
    (
        "introduction_attribute-based-access-control: the resource's tag is the principal's",
        USER,
        {"identity": ABAC},
        [
            (
                "secretsmanager:GetSecretValue",
                SECRET,
                {"aws:ResourceTag/project": "peg", "aws:PrincipalTag/project": "peg"},
                YES,
            ),
            (
                "secretsmanager:GetSecretValue",
                SECRET,
                {"aws:ResourceTag/project": "uni", "aws:PrincipalTag/project": "peg"},
                NO,
            ),
            (
                "secretsmanager:TagResource",
                SECRET,
                {
                    "aws:ResourceTag/project": "peg",
                    "aws:PrincipalTag/project": "peg",
                    "aws:TagKeys": ["cost"],
                },
                NO,
            ),
            ("secretsmanager:GetSecretValue", SECRET, {"aws:ResourceTag/project": "peg"}, NO),
        ],
    ),
    (
        "reference_policies_elements_notaction: allows all else, also of other services",
        USER,
        {"identity": [without(allow("iam:*"), "Action"), deny("s3:DeleteBucket")]},
        [
            ("sqs:SendMessage", "*", {}, YES),
            ("iam:ListRoles", "*", {}, NO),
            ("s3:DeleteBucket", "*", {}, DENY),
        ],
    ),
    (
        "reference_policies_elements_notresource: denies all but the named",
        USER,
        {
            "identity": [
                allow("s3:*"),
                without(deny("s3:*", ["arn:aws:s3:::hr", "arn:aws:s3:::hr/*"]), "Resource"),
            ]
        },
        [("s3:GetObject", "arn:aws:s3:::hr/k", {}, YES), ("s3:GetObject", OBJECT, {}, DENY)],
    ),
    (
        "reference_policies_elements_notprincipal: denies everyone else, whatever else allows",
        ROLE,
        {
            "identity": [allow("s3:*")],
            "resource": [
                without(to({"AWS": [USER.arn, f"arn:aws:iam::{A}:root"]}, deny("s3:*")), "Principal")
            ],
        },
        [("s3:GetObject", OBJECT, {}, YES)],
    ),
    (
        "reference_policies_elements_notprincipal: another account is everyone else",
        ROLE,
        {
            "identity": [allow("s3:*")],
            "resource": [without(to({"AWS": f"arn:aws:iam::{B}:root"}, deny("s3:*")), "Principal")],
        },
        [("s3:GetObject", OBJECT, {}, DENY)],
    ),
    (
        "reference_policies_evaluation-logic-cross-account: both accounts",
        USER,
        {"identity": [allow("sqs:SendMessage")], "resource": [to({"AWS": A}, allow("sqs:*"))]},
        [
            ("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{B}:q", {}, YES),
            ("sqs:ReceiveMessage", f"arn:aws:sqs:us-east-1:{B}:q", {}, NO),
        ],
    ),
    (
        "confused-deputy: the source must be the one that is named",
        Caller(arn="s3.amazonaws.com", account=A, kind="service"),
        {
            "resource": [
                to(
                    {"Service": "s3.amazonaws.com"},
                    allow(
                        "lambda:InvokeFunction",
                        ArnLike={"aws:SourceArn": "arn:aws:s3:::mine"},
                        StringEquals={"aws:SourceAccount": A},
                    ),
                )
            ]
        },
        [
            (
                "lambda:InvokeFunction",
                f"arn:aws:lambda:us-east-1:{A}:function:f",
                {"aws:SourceArn": "arn:aws:s3:::mine", "aws:SourceAccount": A},
                YES,
            ),
            (
                "lambda:InvokeFunction",
                f"arn:aws:lambda:us-east-1:{A}:function:f",
                {"aws:SourceArn": "arn:aws:s3:::mine", "aws:SourceAccount": B},
                NO,
            ),
            ("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{A}:function:f", {}, NO),
        ],
    ),
    (
        "reference_policies_elements_condition_operators: each part of an ARN by itself",
        USER,
        {"identity": [allow("sns:Publish", ArnLike={"aws:SourceArn": f"arn:aws:*:*:{A}:a*"})]},
        [
            ("sns:Publish", "*", {"aws:SourceArn": f"arn:aws:sqs:us-east-1:{A}:abc"}, YES),
            ("sns:Publish", "*", {"aws:SourceArn": f"arn:aws:sqs:us-east-1:{B}:abc"}, NO),
            ("sns:Publish", "*", {"aws:SourceArn": "abc"}, NO),
        ],
    ),
]


def parsed(layer: str, statements: list[dict[str, Any]]) -> Any:
    document = {"Version": "2012-10-17", "Statement": statements}
    compiled = policy.parse(document, kind="resource" if layer == "resource" else "inline")
    return (compiled,) if layer in ("identity", "session") else compiled


ASKED = [
    pytest.param(caller, layers, *asked, id=f"{claim}-{n}")
    for claim, caller, layers, requests in CASES
    for n, asked in enumerate(requests)
]


@pytest.mark.parametrize(("caller", "layers", "action", "resource", "context", "decision"), ASKED)
def test_it_is_decided_as_the_page_says(
    caller: Caller, layers: dict[str, Any], action: str, resource: str, context: dict[str, Any], decision: str
) -> None:
    policies = Policies(**{layer: parsed(layer, statements) for layer, statements in layers.items()})
    request = Request(action=action, resource=resource, principal=caller, context=context)
    assert decide(request, policies).reason == decision
