"""Policies are held against what is needed: what is missing, what is unused, what is too wide."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.identity.derive import Comparison, Need, compare, document

A = "111122223333"
FUNCTION = f"arn:aws:lambda:us-east-1:{A}:function:f"
ROLE = f"arn:aws:iam::{A}:role/job"
INVOKE = Need(action="lambda:InvokeFunction", resource=FUNCTION, why="Prepare")
ANY_JOB = Need(
    action="sagemaker:CreateTrainingJob", resource=f"arn:aws:sagemaker:us-east-1:{A}:training-job/train-*"
)
PASS = Need(action="iam:PassRole", resource=ROLE, keys=(("iam:PassedToService", "sagemaker.amazonaws.com"),))
NEEDED = (INVOKE, ANY_JOB, PASS)


def granting(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


BOUND = {"Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}}


def short(found: Comparison) -> dict[str, Any]:
    return {
        "missing": [need.action for need in found.missing],
        "unused": [(each.action, each.resource) for each in found.unused],
        "too wide": [(each.action, each.resource, each.instead or each.condition) for each in found.too_wide],
    }


def test_what_was_derived_is_exact() -> None:
    assert compare([document(NEEDED)], NEEDED).exact
    assert not compare([], NEEDED).exact


CASES: list[tuple[str, list[dict[str, Any]], tuple[Need, ...], dict[str, Any]]] = [
    ("nothing granted", [], (INVOKE,), {"missing": ["lambda:InvokeFunction"]}),
    (
        "another function",
        [allow("lambda:InvokeFunction", FUNCTION + "x")],
        (INVOKE,),
        {"missing": ["lambda:InvokeFunction"], "unused": [("lambda:InvokeFunction", "")]},
    ),
    (
        "one job's name does not allow all that run time may bring",
        [allow("sagemaker:CreateTrainingJob", f"arn:aws:sagemaker:us-east-1:{A}:training-job/train-1")],
        (ANY_JOB,),
        {
            "missing": ["sagemaker:CreateTrainingJob"],
            "unused": [("sagemaker:CreateTrainingJob", "")],
        },
    ),
    (
        "all functions where one is called",
        [allow("lambda:InvokeFunction")],
        (INVOKE,),
        {"too wide": [("lambda:InvokeFunction", "*", (FUNCTION,))]},
    ),
    (
        "all actions where one is taken",
        [allow("lambda:*", FUNCTION)],
        (INVOKE,),
        {"too wide": [("lambda:*", "", ("lambda:InvokeFunction",))]},
    ),
    (
        "an action that nothing takes, beside one that is",
        [allow(["lambda:InvokeFunction", "lambda:GetFunction"], FUNCTION)],
        (INVOKE,),
        {"unused": [("lambda:GetFunction", "")]},
    ),
    (
        "a resource that nothing takes, beside one that is",
        [allow("lambda:InvokeFunction", [FUNCTION, FUNCTION + "2"])],
        (INVOKE,),
        {"unused": [("lambda:InvokeFunction", FUNCTION + "2")]},
    ),
    (
        "a role that any service may get",
        [allow("iam:PassRole", ROLE)],
        (PASS,),
        {"too wide": [("iam:PassRole", "", (("iam:PassedToService", "sagemaker.amazonaws.com"),))]},
    ),
    ("a role for its service", [allow("iam:PassRole", ROLE, **BOUND)], (PASS,), {}),
    (
        "a role for another service",
        [
            allow(
                "iam:PassRole", ROLE, Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
            )
        ],
        (PASS,),
        {"missing": ["iam:PassRole"]},
    ),
    (
        "a deny is no grant, and takes what is needed away",
        [allow("lambda:InvokeFunction", FUNCTION), {**allow("lambda:*"), "Effect": "Deny"}],
        (INVOKE,),
        {"missing": ["lambda:InvokeFunction"]},
    ),
    (
        "everything",
        [allow("*")],
        (INVOKE,),
        {
            "too wide": [("*", "", ("lambda:InvokeFunction",)), ("*", "*", (FUNCTION,))],
        },
    ),
    (
        "what is needed on everything may be granted on everything",
        [allow("cloudwatch:PutMetricData")],
        (Need(action="cloudwatch:PutMetricData", resource="*"),),
        {},
    ),
    (
        "everything but something",
        [{"Effect": "Allow", "NotAction": "iam:*", "Resource": FUNCTION}],
        (INVOKE,),
        {"too wide": [("*", "", ("lambda:InvokeFunction",))]},
    ),
]


@pytest.mark.parametrize(
    ("claim", "statements", "needed", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_comparison(
    claim: str, statements: list[dict[str, Any]], needed: tuple[Need, ...], expected: dict[str, Any]
) -> None:
    empty: dict[str, list[Any]] = {"missing": [], "unused": [], "too wide": []}
    granted = [granting(*statements)] if statements else []
    assert short(compare(granted, needed)) == {**empty, **expected}, claim


def test_an_excess_says_which_document_and_statement() -> None:
    found = compare([granting(allow("lambda:InvokeFunction", FUNCTION)), granting(allow("sqs:*"))], [INVOKE])
    assert [(each.policy, each.statement, each.action) for each in found.unused] == [(1, 0, "sqs:*")]
