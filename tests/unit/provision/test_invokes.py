"""What a program may ask without making anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell.provision.aws import INVOKES
from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import ResourceRefused


@pytest.fixture
def cloud(aws: Any) -> Cloud:
    return Cloud(endpoint="http://127.0.0.1:9", account="0" * 12, region="us-east-1", clients=aws.client)


def _document(cloud: Cloud, **arguments: Any) -> Any:
    return json.loads(INVOKES["aws:iam/getPolicyDocument:getPolicyDocument"](cloud, arguments)["json"])


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            {"actions": ["s3:GetObject"], "resources": ["*"]},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
        ),
        (
            {"sid": "A", "effect": "Deny", "notActions": ["b", "a", "a"], "notResources": ["r"]},
            {"Sid": "A", "Effect": "Deny", "NotAction": ["a", "b"], "NotResource": "r"},
        ),
        (
            {
                "actions": ["sts:AssumeRole"],
                "principals": [
                    {"type": "Service", "identifiers": ["lambda.amazonaws.com"]},
                    {"type": "AWS", "identifiers": ["1", "2"]},
                ],
            },
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com", "AWS": ["1", "2"]},
            },
        ),
        (
            {"actions": ["a"], "principals": [{"type": "*", "identifiers": ["*"]}]},
            {"Effect": "Allow", "Action": "a", "Principal": "*"},
        ),
        (
            {
                "actions": ["a"],
                "resources": ["arn:aws:s3:::b/&{aws:username}"],
                "conditions": [
                    {"test": "StringLike", "variable": "s3:prefix", "values": ["home/&{aws:username}"]}
                ],
            },
            {
                "Effect": "Allow",
                "Action": "a",
                "Resource": "arn:aws:s3:::b/${aws:username}",
                "Condition": {"StringLike": {"s3:prefix": "home/${aws:username}"}},
            },
        ),
    ],
)
def test_a_policy_document_is_put_together(
    cloud: Cloud, statement: dict[str, Any], expected: dict[str, Any]
) -> None:
    """One value stands alone, several are a sorted list; `&{` writes a policy variable."""
    assert _document(cloud, statements=[statement]) == {"Version": "2012-10-17", "Statement": [expected]}


def test_documents_are_merged_by_statement_id(cloud: Cloud) -> None:
    """Sources come first, overrides win."""
    source = json.dumps({"Statement": [{"Sid": "A", "Effect": "Allow"}, {"Sid": "B", "Effect": "Allow"}]})
    override = json.dumps({"Statement": {"Sid": "A", "Effect": "Deny"}})
    merged = _document(
        cloud,
        sourcePolicyDocuments=[source],
        statements=[{"actions": ["x"]}],
        overridePolicyDocuments=[override],
    )
    effects = [(s.get("Sid"), s["Effect"]) for s in merged["Statement"]]
    assert effects == [("A", "Deny"), ("B", "Allow"), (None, "Allow")]


def test_the_caller_the_region_and_the_partition_are_the_servers(cloud: Cloud) -> None:
    """As the SDK's result types name them; another region is refused."""
    caller = INVOKES["aws:index/getCallerIdentity:getCallerIdentity"](cloud, {})
    assert caller["accountId"] == "0" * 12
    region = INVOKES["aws:index/getRegion:getRegion"]
    assert region(cloud, {})["region"] == "us-east-1"
    with pytest.raises(ResourceRefused, match="eu-west-1"):
        region(cloud, {"region": "eu-west-1"})
    assert INVOKES["aws:index/getPartition:getPartition"](cloud, {})["partition"] == "aws"
