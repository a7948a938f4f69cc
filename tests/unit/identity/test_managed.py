"""AWS's managed policies are there under their real ARNs, each with where it comes from."""

import pytest

from stepwell.calls import Caller
from stepwell.identity import managed
from stepwell.identity.evaluate import Policies, Request, decide

A = "111122223333"
ANN = Caller(arn=f"arn:aws:iam::{A}:user/ann", account=A, kind="user")
AWS = "arn:aws:iam::aws:policy/"


@pytest.mark.parametrize("arn", managed.arns())
def test_each_is_complete_and_is_found_under_its_arn(arn: str) -> None:
    found = managed.find(arn)
    assert found is not None
    assert found.arn == f"arn:aws:iam::aws:policy{found.path}{found.name}"
    assert found.source.startswith("https://")
    assert found.create_date.endswith("Z")
    assert found.policy.allows


@pytest.mark.parametrize(
    "arn",
    [
        AWS + "NoSuchPolicy",
        AWS + "AWSLambdaBasicExecutionRole",
        f"arn:aws:iam::{A}:policy/AdministratorAccess",
    ],
)
def test_what_is_not_known_is_none(arn: str) -> None:
    assert managed.find(arn) is None


@pytest.mark.parametrize(
    ("name", "action", "resource", "context", "allowed"),
    [
        ("AdministratorAccess", "iam:DeleteRole", "*", {}, True),
        ("PowerUserAccess", "iam:DeleteRole", "*", {}, False),
        ("PowerUserAccess", "iam:ListRoles", "*", {}, True),
        ("service-role/AWSLambdaBasicExecutionRole", "logs:PutLogEvents", "*", {}, True),
        ("service-role/AWSLambdaBasicExecutionRole", "s3:GetObject", "*", {}, False),
        ("AmazonS3ReadOnlyAccess", "s3:PutObject", "arn:aws:s3:::b/k", {}, False),
        (
            "AmazonSageMakerFullAccess",
            "sagemaker:CreateTrainingJob",
            f"arn:aws:sagemaker:r:{A}:training-job/j",
            {},
            True,
        ),
        ("AmazonSageMakerFullAccess", "s3:GetObject", "arn:aws:s3:::my-sagemaker-data/k", {}, True),
        ("AmazonSageMakerFullAccess", "s3:GetObject", "arn:aws:s3:::my-data/k", {}, False),
        (
            "AmazonSageMakerFullAccess",
            "iam:PassRole",
            f"arn:aws:iam::{A}:role/train",
            {"iam:PassedToService": "sagemaker.amazonaws.com"},
            True,
        ),
        (
            "AmazonSageMakerFullAccess",
            "iam:PassRole",
            f"arn:aws:iam::{A}:role/train",
            {"iam:PassedToService": "lambda.amazonaws.com"},
            False,
        ),
    ],
)
def test_they_decide_as_they_read(
    name: str, action: str, resource: str, context: dict[str, str], allowed: bool
) -> None:
    found = managed.find(AWS + name)
    assert found is not None
    request = Request(action=action, resource=resource, principal=ANN, context=context)
    assert decide(request, Policies(identity=(found.policy,))).allowed is allowed
