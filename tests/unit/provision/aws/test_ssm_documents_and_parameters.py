"""Documents, associations and parameters: the calls of their lives."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud

HERE = "arn:aws:ssm:us-east-1:000000000000:"
DAY = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
OWN = "11111111-2222-3333-4444-555555555555"
TARGETS, API_TARGETS = (
    [{"key": "InstanceIds", "values": ["i-1"]}],
    [{"Key": "InstanceIds", "Values": ["i-1"]}],
)
DOCUMENT = {
    "Name": "doc",
    "Hash": "h",
    "HashType": "Sha256",
    "Owner": "000000000000",
    "CreatedDate": DAY,
    "Status": "Active",
    "DocumentVersion": "1",
    "Parameters": [{"Name": "p", "Type": "String", "DefaultValue": "d"}],
    "PlatformTypes": ["Linux"],
    "DocumentType": "Command",
    "SchemaVersion": "2.2",
    "LatestVersion": "1",
    "DefaultVersion": "1",
    "DocumentFormat": "JSON",
}
ASSOCIATION = {
    "Name": "doc",
    "AssociationName": "a",
    "ScheduleExpression": "rate(30 minutes)",
    "ApplyOnlyAtCronInterval": False,
    "Parameters": {"p": ["v"]},
    "Targets": API_TARGETS,
    "OutputLocation": {"S3Location": {"OutputS3BucketName": "bucket"}},
}
PARAMETER = {
    "Name": "/p",
    "Type": "SecureString",
    "Value": "not-a-secret",
    "Version": 1,
    "ARN": f"{HERE}parameter/p",
    "DataType": "text",
}


LIVES = [
    Life(
        token="aws:ssm/document:Document",
        inputs={"name": "doc", "content": "{}", "documentType": "Command"},
        id="doc",
        answers={
            "DescribeDocument": {"Document": DOCUMENT},
            "GetDocument": {"Content": "{}"},
            "UpdateDocument": {"DocumentDescription": {"DocumentVersion": "2"}},
        },
        creating=[
            (
                "CreateDocument",
                {"Name": "doc", "DocumentType": "Command", "DocumentFormat": "JSON", "Content": "{}"},
            )
        ],
        reads={
            "name": "doc",
            "arn": f"{HERE}document/doc",
            "content": "{}",
            "documentFormat": "JSON",
            "documentType": "Command",
            "createdDate": "2026-01-02T03:04:05Z",
            "defaultVersion": "1",
            "description": "",
            "documentVersion": "1",
            "hash": "h",
            "hashType": "Sha256",
            "latestVersion": "1",
            "owner": "000000000000",
            "parameters": [{"name": "p", "type": "String", "defaultValue": "d"}],
            "platformTypes": ["Linux"],
            "schemaVersion": "2.2",
            "status": "Active",
            "tagsAll": {},
        },
        changed={"content": '{"a": 1}', "permissions": {"type": "Share", "account_ids": "111122223333"}},
        updating=[
            (
                "UpdateDocument",
                {
                    "Name": "doc",
                    "DocumentVersion": "$LATEST",
                    "DocumentFormat": "JSON",
                    "Content": '{"a": 1}',
                },
            ),
            ("UpdateDocumentDefaultVersion", {"Name": "doc", "DocumentVersion": "2"}),
            (
                "ModifyDocumentPermission",
                {"Name": "doc", "PermissionType": "Share", "AccountIdsToAdd": ["111122223333"]},
            ),
        ],
        deleting=[("DeleteDocument", {"Name": "doc"})],
        gone={"DescribeDocument": "InvalidDocument", "DeleteDocument": "InvalidDocument"},
    ),
    Life(
        token="aws:ssm/association:Association",
        inputs={
            "name": "doc",
            "associationName": "a",
            "scheduleExpression": "rate(30 minutes)",
            "parameters": {"p": "v"},
            "targets": TARGETS,
            "outputLocation": {"s3BucketName": "bucket"},
            "waitForSuccessTimeoutSeconds": 5,
        },
        id=OWN,
        answers={
            "CreateAssociation": {"AssociationDescription": {"AssociationId": OWN}},
            "DescribeAssociation": {
                "AssociationDescription": {**ASSOCIATION, "Overview": {"Status": "Success"}}
            },
        },
        creating=[("CreateAssociation", ASSOCIATION)],
        reads={
            "name": "doc",
            "associationName": "a",
            "associationId": OWN,
            "arn": f"{HERE}association/{OWN}",
            "scheduleExpression": "rate(30 minutes)",
            "applyOnlyAtCronInterval": False,
            "parameters": {"p": "v"},
            "targets": TARGETS,
            "outputLocation": {"s3BucketName": "bucket"},
            "tagsAll": {},
        },
        changed={"parameters": None, "maxErrors": "0"},
        updating=[
            (
                "UpdateAssociation",
                {
                    **{k: v for k, v in ASSOCIATION.items() if k != "Parameters"},
                    "AssociationId": OWN,
                    "MaxErrors": "0",
                },
            )
        ],
        deleting=[("DeleteAssociation", {"AssociationId": OWN})],
        gone={
            "DescribeAssociation": "AssociationDoesNotExist",
            "DeleteAssociation": "AssociationDoesNotExist",
        },
    ),
    Life(
        token="aws:ssm/parameter:Parameter",
        inputs={
            "name": "/p",
            "type": "SecureString",
            "value": "not-a-secret",
            "keyId": "alias/aws/ssm",
            "tagsAll": {"a": "1"},
        },
        id="/p",
        answers={
            "GetParameter": {"Parameter": PARAMETER},
            "ListTagsForResource": {"TagList": [{"Key": "a", "Value": "1"}]},
            "DescribeParameters": {
                "Parameters": [{"Name": "/p", "KeyId": "alias/aws/ssm", "Tier": "Standard"}]
            },
        },
        creating=[
            (
                "PutParameter",
                {
                    "Name": "/p",
                    "Type": "SecureString",
                    "Value": "not-a-secret",
                    "KeyId": "alias/aws/ssm",
                    "Overwrite": False,
                    "Tags": [{"Key": "a", "Value": "1"}],
                },
            )
        ],
        reads={
            "name": "/p",
            "type": "SecureString",
            "value": "not-a-secret",
            "arn": f"{HERE}parameter/p",
            "version": 1,
            "dataType": "text",
            "keyId": "alias/aws/ssm",
            "tier": "Standard",
            "tagsAll": {"a": "1"},
        },
        changed={"value": "new", "tagsAll": {"a": "2"}},
        updating=[
            (
                "PutParameter",
                {
                    "Name": "/p",
                    "Type": "SecureString",
                    "Value": "new",
                    "KeyId": "alias/aws/ssm",
                    "Overwrite": True,
                },
            ),
            (
                "AddTagsToResource",
                {
                    "ResourceType": "Parameter",
                    "ResourceId": "/p",
                    "Tags": [{"Key": "a", "Value": "2"}],
                },
            ),
        ],
        deleting=[("DeleteParameter", {"Name": "/p"})],
        gone={"GetParameter": "ParameterNotFound", "DeleteParameter": "ParameterNotFound"},
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.token)
def test_a_life_takes_these_calls(life: Life, cloud: Cloud, script: Any) -> None:
    """Create, read, update and delete make the calls listed; what is gone is no error."""
    play(life, cloud, script)


@pytest.mark.parametrize(
    ("token", "inputs", "faults"),
    [
        (
            "document:Document",
            {"documentType": "Command", "content": "{}", "permissions": {"type": "Share"}},
            ["property permissions takes type, which is Share, and account_ids"],
        ),
        (
            "parameter:Parameter",
            {"type": "String", "value": "a", "insecureValue": "b"},
            ["exactly one of value, insecureValue, valueWo has to be given"],
        ),
        (
            "parameter:Parameter",
            {"type": "SecureString", "insecureValue": "b"},
            ["property insecureValue: a SecureString takes value"],
        ),
        (
            "parameter:Parameter",
            {"type": "String", "valueWo": "b"},
            ["properties valueWo and valueWoVersion go together"],
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    token: str, inputs: dict[str, Any], faults: list[str]
) -> None:
    """Each at its own place in the program's properties."""
    assert schema.check(TYPES[f"aws:ssm/{token}"], inputs, "us-east-1") == faults


def test_an_association_whose_create_was_not_answered_is_found(cloud: Cloud, script: Any) -> None:
    """By its document and all that it sets; what differs is not taken."""
    kind = TYPES["aws:ssm/association:Association"]
    assert kind.find is not None
    script.answers = {
        "ListAssociations": {"Associations": [{"AssociationId": OWN}]},
        "DescribeAssociation": {"AssociationDescription": {"Name": "doc", "Targets": API_TARGETS}},
    }
    inputs = {"name": "doc", "targets": TARGETS}
    assert kind.find(cloud, inputs) == OWN
    assert kind.find(cloud, {**inputs, "targets": []}) is None


def test_the_same_content_again_makes_its_version_the_default_one(cloud: Cloud, script: Any) -> None:
    """A run that was killed between the two calls has made the version already."""
    kind = TYPES["aws:ssm/document:Document"]
    assert kind.update is not None
    script.answers = {
        "UpdateDocument": "DuplicateDocumentContent",
        "DescribeDocument": {"Document": {**DOCUMENT, "LatestVersion": "7"}},
    }
    inputs = schema.with_defaults(kind, {"name": "doc", "content": "{}", "documentType": "Command"})
    kind.update(cloud, "doc", {}, inputs)
    assert script.writes()[-1] == (
        "UpdateDocumentDefaultVersion",
        {"Name": "doc", "DocumentVersion": "7"},
    )


def test_a_parameter_that_is_only_written_is_never_shown(cloud: Cloud, script: Any) -> None:
    """Its value is no output; a new version of it is put again."""
    kind = TYPES["aws:ssm/parameter:Parameter"]
    assert kind.update is not None
    inputs = {"name": "/p", "type": "SecureString", "valueWo": "not-a-secret", "valueWoVersion": 1}
    script.answers = {"GetParameter": {"Parameter": PARAMETER}, "DescribeParameters": {"Parameters": []}}
    found = kind.read(cloud, "/p", inputs)
    assert found is not None
    assert found["hasValueWo"] is True
    assert not {"value", "insecureValue"} & found.keys()
    kind.update(cloud, "/p", inputs, {**inputs, "valueWoVersion": 2})
    assert [name for name, _ in script.writes()] == ["PutParameter"]


def test_a_parameter_that_may_overwrite_is_tagged_apart(cloud: Cloud, script: Any) -> None:
    """AWS refuses tags and Overwrite in one call."""
    kind = TYPES["aws:ssm/parameter:Parameter"]
    assert kind.settle is not None
    inputs = {"name": "/p", "type": "String", "value": "v", "overwrite": True, "tagsAll": {"a": "1"}}
    kind.create(cloud, inputs)
    kind.settle(cloud, "/p", inputs)
    assert [(name, "Tags" in given) for name, given in script.writes()] == [
        ("PutParameter", False),
        ("AddTagsToResource", True),
    ]
