"""Denials are read out of AWS's messages, and answered with the statement that mends them."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.calls import Caller
from stepwell.identity import denials, evaluate, policy

ROLE = "arn:aws:sts::000000000000:assumed-role/trainer/job"
BUCKET = "arn:aws:s3:::data"


@pytest.mark.parametrize(
    ("text", "line", "statement"),
    [
        (
            f"User: {ROLE} is not authorized to perform: s3:GetObject on resource: {BUCKET}/k "
            "because no identity-based policy allows the s3:GetObject action",
            f"role trainer lacks s3:GetObject on {BUCKET}/k",
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/k"},
        ),
        (
            f"An error occurred (AccessDenied): User: {ROLE} is not authorized to perform: s3:ListBucket on "
            f'resource: "{BUCKET}" because no permissions boundary allows the s3:ListBucket action',
            f"role trainer lacks s3:ListBucket on {BUCKET}",
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET},
        ),
        (
            "User: arn:aws:iam::000000000000:user/team/ann is not authorized to perform: "
            "states:ListStateMachines on resource: * with an explicit deny in an identity-based policy",
            "user ann is denied states:ListStateMachines on * "
            "by a Deny in a policy of user ann or of a group",
            None,
        ),
        (
            "User: s3.amazonaws.com is not authorized to perform: lambda:InvokeFunction on resource: arn:f "
            "because no resource-based policy allows the lambda:InvokeFunction action",
            "s3.amazonaws.com lacks lambda:InvokeFunction on arn:f",
            {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Resource": "arn:f",
            },
        ),
        (
            f"User: {ROLE} is not authorized to perform: sts:AssumeRole on resource: "
            "arn:aws:iam::000000000000:role/other",
            "role trainer lacks sts:AssumeRole on arn:aws:iam::000000000000:role/other",
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::000000000000:role/trainer"},
                "Action": "sts:AssumeRole",
            },
        ),
        (
            f"User: {ROLE} is not authorized to perform: logs:CreateLogGroup on resource: "
            "arn:aws:logs:us-east-1:000000000000:log-group:/g:log-stream: because no identity-based policy",
            "role trainer lacks logs:CreateLogGroup on "
            "arn:aws:logs:us-east-1:000000000000:log-group:/g:log-stream:",
            {
                "Effect": "Allow",
                "Action": "logs:CreateLogGroup",
                "Resource": "arn:aws:logs:us-east-1:000000000000:log-group:/g:*",
            },
        ),
    ],
)
def test_a_denial_says_who_lacks_what_and_what_to_add(
    text: str, line: str, statement: dict[str, Any] | None
) -> None:
    found = denials.parse(text)
    assert found is not None
    assert (found.line, found.statement) == (line, statement)


@pytest.mark.parametrize(
    ("action", "resource"),
    [("s3:GetObject", f"{BUCKET}/k"), ("logs:PutLogEvents", "arn:aws:logs:r:0:log-group:/g:log-stream:s")],
)
def test_the_statement_to_add_allows_what_was_denied(action: str, resource: str) -> None:
    """The advice is tried: with it in a policy the same request is allowed."""
    caller = Caller(arn=ROLE, account="0", kind="role", role="arn:aws:iam::0:role/trainer")
    request = evaluate.Request(action=action, resource=resource, principal=caller)
    before = evaluate.decide(request, evaluate.Policies())
    found = denials.parse(before.message(caller.arn, action, resource))
    assert found is not None and found.statement is not None
    added = policy.parse({"Version": "2012-10-17", "Statement": found.statement})
    assert evaluate.decide(request, evaluate.Policies(identity=(added,))).allowed


def test_a_refused_managed_rule_says_which_rights_the_role_lacks() -> None:
    said = denials.advice("'arn:aws:iam::000000000000:role/r' is not authorized to create managed-rule.")
    assert said is not None
    assert said.startswith("role r lacks") and "events:PutTargets" in said


def test_other_messages_are_no_denials() -> None:
    assert denials.advice("The specified key does not exist.") is None
