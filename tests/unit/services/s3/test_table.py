"""The rows: every one names rights that exist and fields that its operation has."""

from __future__ import annotations

import pytest
from botocore.model import ListShape, StructureShape

from stepwell.api.authorise import condition_keys, rights
from stepwell.api.models import operation_model
from stepwell.api.operations import Site
from stepwell.calls import Call
from stepwell.services.s3.table import OPERATIONS

SITE = Site(account="000000000000", region="us-east-1")


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_a_row_needs_rights_and_classifies_fields_of_the_model(row):
    assert row.rights
    assert set(row.honoured).isdisjoint(row.recorded)
    for path in row.honoured + row.recorded:
        shape = operation_model("s3", row.name).input_shape
        for name in path.split("."):
            if isinstance(shape, ListShape):
                shape = shape.member
            assert isinstance(shape, StructureShape)
            assert name in shape.members, path
            shape = shape.members[name]


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_every_required_field_is_taken(row):
    """Honoured, or recorded where the whole operation has no effect here."""
    tops = {path.partition(".")[0] for path in (*row.honoured, *row.recorded)}
    assert set(operation_model("s3", row.name).input_shape.required_members) <= tops


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("PutObject", {}, {("s3:PutObject", "data/k")}),
        ("PutObject", {"Tagging": "a=1"}, {("s3:PutObject", "data/k"), ("s3:PutObjectTagging", "data/k")}),
        ("GetObject", {}, {("s3:GetObject", "data/k")}),
        ("HeadObject", {"VersionId": "v"}, {("s3:GetObjectVersion", "data/k")}),
        (
            "CopyObject",
            {"CopySource": "other/a%20b"},
            {("s3:GetObject", "other/a b"), ("s3:PutObject", "data/k")},
        ),
        (
            "CopyObject",
            {"CopySource": "other/a?versionId=v"},
            {("s3:GetObjectVersion", "other/a"), ("s3:PutObject", "data/k")},
        ),
        ("DeleteObjects", {"Delete": {"Objects": [{"Key": "a"}]}}, {("s3:DeleteObject", "data/a")}),
        (
            "DeleteObjects",
            {"Delete": {"Objects": [{"Key": "in/a"}, {"Key": "in/b", "VersionId": "v"}]}},
            {("s3:DeleteObject", "data/in/a"), ("s3:DeleteObjectVersion", "data/in/b")},
        ),
        ("ListObjectsV2", {}, {("s3:ListBucket", "data")}),
        ("PutBucketEncryption", {}, {("s3:PutEncryptionConfiguration", "data")}),
        ("DeletePublicAccessBlock", {}, {("s3:PutBucketPublicAccessBlock", "data")}),
        ("GetBucketCors", {}, {("s3:GetBucketCORS", "data")}),
    ],
)
def test_rights_are_those_of_the_service_authorization_reference(operation, params, expected):
    row = next(each for each in OPERATIONS if each.name == operation)
    found = rights(row.rights, {"Bucket": "data", "Key": "k", **params}, SITE)
    assert {(right.action, arn.removeprefix("arn:aws:s3:::")) for right, arn in found} == expected


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_condition_keys_name_parameters_of_the_operation(row):
    members = operation_model("s3", row.name).input_shape.members
    for right in row.rights:
        for key, parameter in right.keys.items():
            assert key.startswith("s3:")
            assert callable(parameter) or parameter in members


def test_condition_keys_are_text_whatever_the_parameter_is(s3):
    row = next(each for each in OPERATIONS if each.name == "ListObjectsV2")
    call = Call(
        service="s3",
        operation=row.name,
        params={"Bucket": "data", "Prefix": "in/", "MaxKeys": 5},
        caller=s3.server.caller,
    )
    keys = s3.server.read(lambda view: condition_keys(call, row.rights[0], view, 0.0))
    assert (keys["s3:prefix"], keys["s3:max-keys"]) == ("in/", "5")
