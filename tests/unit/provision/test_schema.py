"""Checks of a resource's inputs, and its automatic name."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stepwell.provision import preparation, schema
from stepwell.provision.aws import TYPES
from stepwell.provision.values import UNKNOWN

FUNCTION = {"role": "r", "runtime": "python3.11", "handler": "h"}
VARIANTS = [{"modelName": "m", "initialInstanceCout": 1}]


@pytest.mark.parametrize(
    ("token", "inputs", "faults"),
    [
        ("aws:s3/bucket:Bucket", {"bucket": "b"}, []),
        ("aws:s3/bucket:Bucket", {"bucket": UNKNOWN, "tags": UNKNOWN}, []),
        ("aws:iam/role:Role", {}, ["property assumeRolePolicy is missing"]),
        ("aws:iam/role:Role", {"assumeRolePolicy": UNKNOWN}, []),
        (
            "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
            {"productionVariants": VARIANTS},
            [
                "unknown property productionVariants[0].initialInstanceCout"
                " (is productionVariants[0].initialInstanceCount meant?)"
            ],
        ),
        (
            "aws:s3/bucketNotification:BucketNotification",
            {"bucket": "b", "lambdaFunctions": [{"lambdaFunctionArn": UNKNOWN}]},
            ["property lambdaFunctions[0].events is missing"],
        ),
        (
            "aws:lambda/function:Function",
            {**FUNCTION, "code": UNKNOWN, "layers": ["l"]},
            ["property layers is not supported: put its packages into the code archive"],
        ),
        ("aws:lambda/function:Function", FUNCTION, ["property code is missing (or s3Bucket and s3Key)"]),
        (
            "aws:lambda/function:Function",
            {**FUNCTION, "code": "lambda.zip"},
            ["property code is not an archive: give a pulumi.FileArchive or AssetArchive"],
        ),
        (
            "aws:sfn/stateMachine:StateMachine",
            {"roleArn": "r", "definition": "{}", "type": "FAST"},
            ["property type is 'FAST'; it can be 'STANDARD', 'EXPRESS'"],
        ),
        (
            "aws:sagemaker/model:Model",
            {"executionRoleArn": "r"},
            ["exactly one of primaryContainer and containers has to be given"],
        ),
        (
            "aws:s3/bucketObjectv2:BucketObjectv2",
            {"bucket": "b", "content": "a", "contentBase64": "?"},
            [
                "properties content and contentBase64 exclude each other",
                "property contentBase64: Only base64 data is allowed",
            ],
        ),
        (
            "aws:cloudwatch/logGroup:LogGroup",
            {"region": "eu-west-1"},
            ["region is eu-west-1, the server's is us-east-1: one server serves one region"],
        ),
    ],
)
def test_faults_are_told_by_path(token: str, inputs: dict[str, Any], faults: list[str]) -> None:
    """All of them; what isn't known yet is passed over."""
    assert schema.check(TYPES[token], inputs, "us-east-1") == faults


@pytest.mark.parametrize(
    ("token", "name", "inputs", "expected"),
    [
        ("aws:s3/bucket:Bucket", "Data", {}, r"^data-[0-9a-f]{7}$"),
        ("aws:s3/bucket:Bucket", "x" * 80, {}, r"^x{56}[0-9a-f]{7}$"),
        ("aws:iam/role:Role", "Role", {"namePrefix": "team-"}, r"^team-[0-9a-f]{7}$"),
        ("aws:s3/bucketObjectv2:BucketObjectv2", "a.csv", {}, r"^a\.csv$"),
    ],
)
def test_names_are_given_as_the_type_needs_them(
    token: str, name: str, inputs: dict[str, Any], expected: str
) -> None:
    """Logical name and seven digits, within the type's length and case."""
    kind = TYPES[token]
    assert kind.naming is not None
    urn = f"urn:pulumi:dev::p::{token}::{name}"
    named = preparation.named(urn, kind, inputs, seed="s", generation=0)[kind.naming.property]
    assert re.match(expected, named)


def test_names_differ_by_stack_and_replacement_and_repeat_otherwise() -> None:
    """They are derived, never drawn: a plan and its apply agree."""
    kind = TYPES["aws:iam/role:Role"]

    def name(seed: str, generation: int) -> str:
        urn = "urn:pulumi:dev::p::aws:iam/role:Role::r"
        return str(preparation.named(urn, kind, {}, seed=seed, generation=generation)["name"])

    assert name("a", 0) == name("a", 0)
    assert len({name("a", 0), name("b", 0), name("a", 1)}) == 3
