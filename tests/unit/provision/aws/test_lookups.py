"""What a program may look up: answers with the names that the package's result types have."""

from __future__ import annotations

import datetime
import importlib
import inspect
import re
from typing import Any

import pytest
from pulumi import _types

from stepwell.provision.aws import INVOKES
from stepwell.provision.aws.lookups import LOOKUPS
from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import ResourceFailed, ResourceRefused

# The package warns of its own deprecated resources when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ACCOUNT = "arn:aws:iam::000000000000:"
ID = "A" * 20
DAY = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
ROLE = {"RoleName": "r", "RoleId": ID, "Path": "/", "Arn": f"{ACCOUNT}role/r", "CreateDate": DAY}
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:/g"
PARAMETER = {
    "Name": "/p",
    "Type": "String",
    "Value": "v",
    "Version": 2,
    "ARN": "arn:aws:ssm:us-east-1:000000000000:parameter/p",
}
POLICY = {
    "PolicyName": "p",
    "PolicyId": ID,
    "Arn": f"{ACCOUNT}policy/p",
    "Path": "/",
    "DefaultVersionId": "v1",
    "AttachmentCount": 1,
}
USER = {"UserName": "u", "UserId": ID, "Path": "/", "Arn": f"{ACCOUNT}user/u", "CreateDate": DAY}

#: function, arguments, answers by operation, what it says
CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "iam/getRole:getRole",
        {"name": "r"},
        {"GetRole": {"Role": {**ROLE, "AssumeRolePolicyDocument": "{}"}}},
        {"arn": f"{ACCOUNT}role/r", "id": "r", "uniqueId": ID, "assumeRolePolicy": "{}", "tags": {}},
    ),
    (
        "iam/getPolicy:getPolicy",
        {"name": "p"},
        {
            "ListPolicies": {"Policies": [POLICY]},
            "GetPolicy": {"Policy": POLICY},
            "GetPolicyVersion": {"PolicyVersion": {"Document": "{}"}},
        },
        {"arn": f"{ACCOUNT}policy/p", "policy": "{}", "attachmentCount": 1, "policyId": ID},
    ),
    (
        "iam/getUser:getUser",
        {"userName": "u"},
        {"GetUser": {"User": USER}},
        {"arn": f"{ACCOUNT}user/u", "id": ID, "userId": ID, "userName": "u", "permissionsBoundary": ""},
    ),
    (
        "s3/getBucket:getBucket",
        {"bucket": "b"},
        {},
        {"arn": "arn:aws:s3:::b", "bucketRegion": "us-east-1", "hostedZoneId": "Z3AQBSTGFJSTF"},
    ),
    (
        "ssm/getParameter:getParameter",
        {"name": "/p"},
        {"GetParameter": {"Parameter": PARAMETER}, "DescribeParameters": {"Parameters": []}},
        {"value": "v", "insecureValue": "v", "type": "String", "version": 2, "withDecryption": True},
    ),
    (
        "ssm/getParameter:getParameter",
        {"name": "/p"},
        {
            "GetParameter": {"Parameter": {**PARAMETER, "Type": "SecureString"}},
            "DescribeParameters": {"Parameters": []},
        },
        {"value": "v", "insecureValue": "", "type": "SecureString"},
    ),
    (
        "ssm/getDocument:getDocument",
        {"name": "AWS-RunShellScript"},
        {
            "DescribeDocument": {
                "Document": {
                    "Name": "AWS-RunShellScript",
                    "DocumentFormat": "JSON",
                    "DocumentType": "Command",
                }
            },
            "GetDocument": {"Content": "{}", "DocumentFormat": "JSON", "DocumentVersion": "1"},
        },
        {"arn": "AWS-RunShellScript", "content": "{}", "documentVersion": "1", "documentType": "Command"},
    ),
    (
        "lambda/getFunction:getFunction",
        {"functionName": "f"},
        {
            "GetFunction": {
                "Configuration": {
                    "FunctionName": "f",
                    "FunctionArn": FUNCTION,
                    "Runtime": "python3.12",
                    "EphemeralStorage": {"Size": 512},
                },
                "Tags": {"a": "1"},
            }
        },
        {
            "arn": FUNCTION,
            "functionName": "f",
            "runtime": "python3.12",
            "ephemeralStorages": [{"size": 512}],
            "tags": {"a": "1"},
        },
    ),
    (
        "sfn/getStateMachine:getStateMachine",
        {"name": "m"},
        {
            "DescribeStateMachine": {
                "stateMachineArn": MACHINE,
                "name": "m",
                "definition": "{}",
                "roleArn": f"{ACCOUNT}role/r",
                "type": "STANDARD",
                "creationDate": DAY,
            }
        },
        {"arn": MACHINE, "id": MACHINE, "definition": "{}", "status": "ACTIVE"},
    ),
    (
        "cloudwatch/getEventBus:getEventBus",
        {"name": "default"},
        {"DescribeEventBus": {"Name": "default", "Arn": "arn:x", "LogConfig": {"Level": "OFF"}}},
        {"arn": "arn:x", "logConfigs": [{"level": "OFF"}], "deadLetterConfigs": []},
    ),
    (
        "cloudwatch/getLogGroup:getLogGroup",
        {"name": "/g"},
        {
            "DescribeLogGroups": {"logGroups": [{"logGroupName": "/g", "retentionInDays": 7}]},
            "ListTagsForResource": {"tags": {"a": "1"}},
        },
        {"arn": GROUP, "retentionInDays": 7, "tags": {"a": "1"}},
    ),
    (
        "sagemaker/getPrebuiltEcrImage:getPrebuiltEcrImage",
        {"repositoryName": "sagemaker-scikit-learn", "imageTag": "1.2-1-cpu-py3"},
        {},
        {
            "registryId": "683313688378",
            "registryPath": "683313688378.dkr.ecr.us-east-1.amazonaws.com/"
            "sagemaker-scikit-learn:1.2-1-cpu-py3",
        },
    ),
]


def _fields(function: str) -> dict[str, type]:
    """What the package's result type declares, with the types that it insists on."""
    package, _, name = function.partition("/")
    name = name.rsplit(":", 1)[-1]
    root = importlib.import_module("pulumi_aws." + {"lambda": "lambda_"}.get(package, package))
    result = getattr(root, f"{name[0].upper()}{name[1:]}Result")
    insists = dict(
        re.findall(r"if (\w+) and not isinstance\(\w+, (\w+)\)", inspect.getsource(result.__init__))
    )
    kinds: dict[str, type] = {
        "str": str,
        "list": list,
        "dict": dict,
        "int": int,
        "bool": bool,
        "float": float,
    }
    return {pulumi: kinds[insists[python]] for python, pulumi, _ in _types._py_properties(result)}


def test_every_lookup_has_a_case() -> None:
    """So that none goes untested."""
    assert {f"aws:{case[0]}" for case in CASES} == set(LOOKUPS)
    assert set(LOOKUPS) <= set(INVOKES)


@pytest.mark.parametrize(("function", "arguments", "answers", "said"), CASES)
def test_a_lookup_says_what_there_is(
    function: str,
    arguments: dict[str, Any],
    answers: dict[str, Any],
    said: dict[str, Any],
    cloud: Cloud,
    script: Any,
) -> None:
    """In the package's own names and types, and without changing anything."""
    script.answers = answers
    found = LOOKUPS[f"aws:{function}"](cloud, arguments)
    assert {name: found[name] for name in said} == said
    fields = _fields(function)
    assert set(found) <= set(fields)
    assert all(isinstance(value, fields[name]) for name, value in found.items())
    assert script.writes() == []


@pytest.mark.parametrize(
    ("function", "arguments", "answers"),
    [
        ("iam/getRole:getRole", {"name": "x"}, {"GetRole": "NoSuchEntity"}),
        ("iam/getPolicy:getPolicy", {"name": "x"}, {"ListPolicies": {"Policies": []}}),
        ("s3/getBucket:getBucket", {"bucket": "x"}, {"HeadBucket": "404"}),
        ("ssm/getParameter:getParameter", {"name": "x"}, {"GetParameter": "ParameterNotFound"}),
        ("cloudwatch/getLogGroup:getLogGroup", {"name": "x"}, {"DescribeLogGroups": {"logGroups": []}}),
    ],
)
def test_what_is_not_there_is_an_error_that_names_it(
    function: str, arguments: dict[str, Any], answers: dict[str, Any], cloud: Cloud, script: Any
) -> None:
    """With what to do about it."""
    script.answers = answers
    with pytest.raises(ResourceFailed, match=r"there is no .* x.*Correct its name"):
        LOOKUPS[f"aws:{function}"](cloud, arguments)


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        ("sagemaker/getPrebuiltEcrImage:getPrebuiltEcrImage", {"repositoryName": "kmeans"}, "kmeans"),
        (
            "sagemaker/getPrebuiltEcrImage:getPrebuiltEcrImage",
            {"repositoryName": "sagemaker-scikit-learn", "region": "mars-1"},
            "mars-1",
        ),
        ("ssm/getParameter:getParameter", {"name": "x", "withDecryption": False}, "withDecryption"),
    ],
)
def test_what_the_server_cannot_answer_is_refused(
    function: str, arguments: dict[str, Any], named: str, cloud: Cloud
) -> None:
    """By its name."""
    with pytest.raises(ResourceRefused, match=named):
        LOOKUPS[f"aws:{function}"](cloud, arguments)
