"""The simulator decides as the evaluator does and says which statement where, and which keys it lacked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import ACCOUNT
from services.iam.documents import Ask, document

from stepwell.services.iam.errors import InvalidInput, NoSuchEntity

ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
LINES = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "s3:*",
      "Resource": "arn:aws:s3:::${aws:username}/*"
    },
    {
      "Effect": "Deny",
      "Action": "s3:Delete*",
      "Resource": "*",
      "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    }
  ]
}"""


def custom(ask: Ask, *policies: str, actions: Any = ("s3:GetObject",), **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(
        "SimulateCustomPolicy", PolicyInputList=list(policies), ActionNames=list(actions), **more
    )["EvaluationResults"]
    return found


def test_a_statement_is_found_where_it_stands(ask: Ask) -> None:
    compact = json.dumps(json.loads(document()), separators=(",", ":"))
    (result,) = custom(ask, compact)
    assert result == {
        "EvalActionName": "s3:GetObject",
        "EvalResourceName": "*",
        "EvalDecision": "allowed",
        "MatchedStatements": [
            {
                "SourcePolicyId": "PolicyInputList.1",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 38},
                "EndPosition": {"Line": 1, "Column": len(compact) - 1},
            }
        ],
        "MissingContextValues": [],
    }


def test_positions_count_lines_and_the_second_begins_behind_the_comma(ask: Ask) -> None:
    (result,) = custom(
        ask,
        LINES,
        actions=["s3:DeleteObject"],
        ContextEntries=[
            {
                "ContextKeyName": "aws:multifactorauthpresent",
                "ContextKeyValues": ["false"],
                "ContextKeyType": "boolean",
            }
        ],
    )
    (match,) = result["MatchedStatements"]
    assert result["EvalDecision"] == "explicitDeny"
    assert (match["StartPosition"], match["EndPosition"]) == (
        {"Line": 8, "Column": 7},
        {"Line": 14, "Column": 6},
    )


def test_every_action_is_tried_on_every_resource(ask: Ask) -> None:
    resources = ["arn:aws:s3:::a/k", "arn:aws:s3:::b/k"]
    results = custom(
        ask,
        document(action="s3:Get*", resource="arn:aws:s3:::a/*"),
        actions=["s3:GetObject", "s3:PutObject"],
        ResourceArns=resources,
    )
    assert [(each["EvalActionName"], each["EvalResourceName"], each["EvalDecision"]) for each in results] == [
        ("s3:GetObject", resources[0], "allowed"),
        ("s3:GetObject", resources[1], "implicitDeny"),
        ("s3:PutObject", resources[0], "implicitDeny"),
        ("s3:PutObject", resources[1], "implicitDeny"),
    ]
    for each in results:
        (specific,) = each["ResourceSpecificResults"]
        assert specific["EvalResourceDecision"] == each["EvalDecision"]
        assert each["EvalDecisionDetails"] == {}


def test_missing_keys_are_named_where_the_resource_is(ask: Ask) -> None:
    everywhere = custom(ask, LINES, actions=["s3:DeleteObject"])[0]
    assert everywhere["MissingContextValues"] == ["aws:username", "aws:MultiFactorAuthPresent"]
    there = custom(ask, LINES, actions=["s3:GetObject"], ResourceArns=["arn:aws:s3:::ann/k"])[0]
    assert there["EvalDecision"] == "implicitDeny" and there["MissingContextValues"] == []
    assert there["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:username"]
    known = custom(
        ask, LINES, ResourceArns=["arn:aws:s3:::ann/k"], ContextEntries=[
            {"ContextKeyName": "aws:username", "ContextKeyValues": ["ann"], "ContextKeyType": "string"}
        ],
    )[0]  # fmt: skip
    assert known["EvalDecision"] == "allowed"


def test_context_keys_are_listed_once_as_they_are_written(ask: Ask) -> None:
    found = ask("GetContextKeysForCustomPolicy", PolicyInputList=[LINES, LINES])
    assert found == {"ContextKeyNames": ["aws:username", "aws:MultiFactorAuthPresent"]}


def test_a_boundary_limits_and_is_told_of(ask: Ask) -> None:
    (bounded,) = custom(ask, document(), PermissionsBoundaryPolicyInputList=[document(action="sqs:*")])
    assert bounded["EvalDecision"] == "implicitDeny" and bounded["MatchedStatements"] == []
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    (within,) = custom(ask, document(), PermissionsBoundaryPolicyInputList=[document(action="s3:Get*")])
    assert within["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    assert within["EvalDecision"] == "allowed"


def test_a_resource_policy_counts_for_the_caller_that_is_named(ask: Ask) -> None:
    of_bucket = document(resource="arn:aws:s3:::b/*", Principal={"AWS": ANN})
    there = {"ResourceArns": ["arn:aws:s3:::b/k"], "ResourcePolicy": of_bucket}
    (by_it,) = custom(ask, document(action="sqs:*"), CallerArn=ANN, **there)
    assert by_it["EvalDecision"] == "allowed"
    assert [each["SourcePolicyId"] for each in by_it["MatchedStatements"]] == ["ResourcePolicy"]
    assert by_it["MatchedStatements"][0]["SourcePolicyType"] == "Resource Policy"
    foreign = {**there, "ResourceOwner": "arn:aws:iam::111122223333:root"}
    (across,) = custom(ask, document(action="sqs:*"), CallerArn=ANN, **foreign)
    assert across["EvalDecision"] == "implicitDeny"
    assert across["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"policies": ["{"]},
        {"actions": ["GetObject"]},
        {"actions": ["s3:*"]},
        {"ResourcePolicy": document(Principal="*")},
        {"CallerArn": f"arn:aws:iam::{ACCOUNT}:role/r"},
        {"ResourceOwner": "me"},
        {"PermissionsBoundaryPolicyInputList": [document(), document()]},
        {
            "ContextEntries": [
                {"ContextKeyName": "aws:x", "ContextKeyValues": ["x"], "ContextKeyType": "numeric"}
            ]
        },
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_makes_no_sense_is_invalid_input(ask: Ask, wrong: dict[str, Any]) -> None:
    policies = wrong.pop("policies", [document()])
    with pytest.raises(InvalidInput):
        custom(ask, *policies, **wrong)


def test_results_come_in_pages(ask: Ask) -> None:
    names, marker = [], {}
    while True:
        page = ask(
            "SimulateCustomPolicy",
            PolicyInputList=[document()],
            ActionNames=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            MaxItems=2,
            **marker,
        )
        names += [each["EvalActionName"] for each in page["EvaluationResults"]]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert names == ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]


@pytest.mark.timeout(10)
def test_cases_beyond_counting_are_answered_page_by_page(ask: Ask) -> None:
    """100,000 actions on 100,000 resources: only the page that is asked for is worked out."""
    wish = {
        "PolicyInputList": [document()],
        "ActionNames": ["s3:GetObject"] * 100_000,
        "ResourceArns": ["arn:aws:s3:::b/k"] * 100_000,
    }
    page = ask("SimulateCustomPolicy", **wish, MaxItems=2)
    assert len(page["EvaluationResults"]) == 2
    assert page["IsTruncated"]
    policy = document(Condition={"StringLike": {"aws:PrincipalTag/x": ["*ab*"] * 10_000}})
    with pytest.raises(InvalidInput, match="lower MaxItems"):
        ask("SimulateCustomPolicy", **{**wish, "PolicyInputList": [policy] * 2}, MaxItems=1000)


def test_a_principals_policies_are_tried_with_its_groups_tags_and_boundary(ask: Ask) -> None:
    bound = ask("CreatePolicy", PolicyName="bound", PolicyDocument=document(action="s3:*"))["Policy"]["Arn"]
    ask("CreateUser", UserName="ann", PermissionsBoundary=bound, Tags=[{"Key": "team", "Value": "red"}])
    ask("CreateGroup", GroupName="dev")
    ask("AddUserToGroup", GroupName="dev", UserName="ann")
    tagged = document(action=["s3:GetObject", "sqs:*"], resource="arn:aws:s3:::${aws:PrincipalTag/team}/*")
    ask("PutGroupPolicy", GroupName="dev", PolicyName="p", PolicyDocument=tagged)
    asked = {
        "PolicySourceArn": ANN,
        "ActionNames": ["s3:GetObject", "sqs:SendMessage"],
        "ResourceArns": ["arn:aws:s3:::red/k"],
    }
    first, second = ask("SimulatePrincipalPolicy", **asked)["EvaluationResults"]
    assert first["EvalDecision"] == "allowed"
    assert [each["SourcePolicyId"] for each in first["MatchedStatements"]] == ["group_dev_p"]
    assert second["EvalDecision"] == "implicitDeny"
    assert second["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    more = {**asked, "PolicyInputList": [document("Deny")]}
    assert ask("SimulatePrincipalPolicy", **more)["EvaluationResults"][0]["EvalDecision"] == "explicitDeny"
    keys = ask("GetContextKeysForPrincipalPolicy", PolicySourceArn=ANN)["ContextKeyNames"]
    assert keys == ["aws:PrincipalTag/team"]
    with pytest.raises(NoSuchEntity):
        ask("SimulatePrincipalPolicy", PolicySourceArn=ANN + "a", ActionNames=["s3:GetObject"])
    with pytest.raises(InvalidInput):
        ask("GetContextKeysForPrincipalPolicy", PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:root/x")


def test_aws_policies_are_laid_out_as_aws_does(ask: Ask) -> None:
    ask("CreateUser", UserName="ann")
    ask("AttachUserPolicy", UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    (result,) = ask("SimulatePrincipalPolicy", PolicySourceArn=ANN, ActionNames=["sqs:ListQueues"])[
        "EvaluationResults"
    ]
    assert result["MatchedStatements"] == [
        {
            "SourcePolicyId": "AdministratorAccess",
            "SourcePolicyType": "IAM Policy",
            "StartPosition": {"Line": 3, "Column": 17},
            "EndPosition": {"Line": 8, "Column": 6},
        }
    ]
