"""The rows: every one names rights that exist and fields that its operation has."""

from __future__ import annotations

import pytest
from botocore.model import Shape, StructureShape

from stepwell.api.authorise import rights
from stepwell.api.models import operation_model
from stepwell.api.operations import Operation, Site
from stepwell.services.lambda_ import functions, options, permissions, publishing
from stepwell.services.lambda_.invoking import Invoker

SITE = Site(account="000000000000", region="us-east-1")
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
ROWS = {
    row.name: row
    for row in (
        *functions.operations(None),
        *publishing.OPERATIONS,
        *permissions.OPERATIONS,
        *options.OPERATIONS,
        *Invoker(None).operations(),
    )
}


def member(shape: Shape, name: str) -> Shape:
    assert isinstance(shape, StructureShape) and name in shape.members, name
    return shape.members[name]


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_a_row_needs_rights_and_classifies_fields_of_the_model(row: Operation) -> None:
    top = operation_model("lambda", row.name).input_shape
    assert row.rights and set(row.honoured).isdisjoint(row.recorded)
    for path in row.honoured + row.recorded:
        shape = top
        for name in path.split("."):
            shape = member(shape, name)
    assert set(top.required_members) <= {path.partition(".")[0] for path in row.honoured}


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("Invoke", {"FunctionName": "f"}, {("lambda:InvokeFunction", f"{ARN}f")}),
        ("Invoke", {"FunctionName": "f:2"}, {("lambda:InvokeFunction", f"{ARN}f:2")}),
        ("Invoke", {"FunctionName": f"{ARN}f", "Qualifier": "2"}, {("lambda:InvokeFunction", f"{ARN}f:2")}),
        ("ListFunctions", {}, {("lambda:ListFunctions", "*")}),
        ("TagResource", {"Resource": f"{ARN}f"}, {("lambda:TagResource", f"{ARN}f")}),
        (
            "CreateFunction",
            {"FunctionName": "f", "Role": "arn:aws:iam::0:role/r", "Tags": {"a": "b"}},
            {
                ("lambda:CreateFunction", f"{ARN}f"),
                ("lambda:TagResource", f"{ARN}f"),
                ("iam:PassRole", "arn:aws:iam::0:role/r"),
            },
        ),
        (
            "UpdateFunctionConfiguration",
            {"FunctionName": "f"},
            {("lambda:UpdateFunctionConfiguration", f"{ARN}f")},
        ),
    ],
)
def test_a_call_needs_awss_rights_on_awss_arns(operation: str, params: dict, expected: set) -> None:
    found = {(right.action, resource) for right, resource in rights(ROWS[operation].rights, params, SITE)}
    assert found == expected
