"""Documents and their versions over the API."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import yaml
from services.ssm.machine import World

from stepwell.errors import AwsError
from stepwell.services.ssm.documents import writing


def text(line: str = "true") -> str:
    step = {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": [line]}}
    return json.dumps({"schemaVersion": "2.2", "description": "Says so.", "mainSteps": [step]})


def create(machine: World, name: str = "mine", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = machine.call("CreateDocument", **{"Name": name, "Content": text(), **more})
    return found["DocumentDescription"]  # type: ignore[no-any-return]


def test_a_document_is_described_with_its_hash(machine: World) -> None:
    made = create(machine, VersionName="first", Tags=[{"Key": "team", "Value": "models"}])
    assert made == machine.call("DescribeDocument", Name="mine")["Document"]
    assert made["Hash"] == hashlib.sha256(text().encode()).hexdigest()
    assert (made["Status"], made["SchemaVersion"], made["DocumentType"]) == ("Active", "2.2", "Command")
    assert (made["DocumentVersion"], made["DefaultVersion"], made["LatestVersion"]) == ("1", "1", "1")
    assert made["Description"] == "Says so."
    assert made["Tags"] == [{"Key": "team", "Value": "models"}]
    arn = "arn:aws:ssm:us-east-1:000000000000:document/mine"
    assert machine.call("GetDocument", Name=arn)["Content"] == text()


@pytest.mark.parametrize(
    ("wish", "code", "message"),
    [
        ({"Name": "mine"}, "DocumentAlreadyExists", "mine already exists"),
        ({"Name": "AWS-Mine"}, "ValidationException", "AWS-Mine"),
        ({"Name": "amazonMine"}, "ValidationException", "amazonMine"),
        ({"DocumentType": "Automation"}, "ValidationException", "Automation"),
        ({"DocumentFormat": "TEXT"}, "ValidationException", "TEXT"),
        ({"Attachments": [{"Key": "S3FileUrl", "Values": ["x"]}]}, "ValidationException", "Attachments"),
        ({"Requires": [{"Name": "other"}]}, "ValidationException", "Requires"),
        ({"Content": "{"}, "InvalidDocumentContent", "no JSON"),
    ],
)
def test_what_cannot_be_made_is_refused(
    machine: World, wish: dict[str, Any], code: str, message: str
) -> None:
    create(machine)
    with pytest.raises(AwsError, match=message) as raised:
        create(machine, **{"Name": "other", **wish})
    assert raised.value.error_code == code


def test_an_update_is_a_version_and_the_default_is_chosen(machine: World) -> None:
    create(machine)
    second = machine.call("UpdateDocument", Name="mine", Content=text("2"), VersionName="two")
    assert second["DocumentDescription"]["DocumentVersion"] == "2"
    assert second["DocumentDescription"]["DefaultVersion"] == "1"
    assert machine.call("GetDocument", Name="mine")["Content"] == text()
    assert machine.call("GetDocument", Name="mine", VersionName="two")["Content"] == text("2")
    chosen = machine.call("UpdateDocumentDefaultVersion", Name="mine", DocumentVersion="2")["Description"]
    assert chosen == {"Name": "mine", "DefaultVersion": "2", "DefaultVersionName": "two"}
    assert machine.call("GetDocument", Name="mine")["Content"] == text("2")
    rows = machine.call("ListDocumentVersions", Name="mine")["DocumentVersions"]
    assert [(row["DocumentVersion"], row["IsDefaultVersion"]) for row in rows] == [("2", True), ("1", False)]


def test_an_update_that_changes_nothing_or_clashes_is_refused(
    machine: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(machine, VersionName="one")
    for changes, code in (
        ({}, "DuplicateDocumentContent"),
        ({"Content": text("2"), "VersionName": "one"}, "DuplicateDocumentVersionName"),
        ({"Content": text("2"), "DocumentVersion": "7"}, "InvalidDocumentVersion"),
        ({"Content": text("2"), "Name": "none"}, "InvalidDocument"),
    ):
        with pytest.raises(AwsError) as raised:
            machine.call("UpdateDocument", **{"Name": "mine", "Content": text(), **changes})
        assert raised.value.error_code == code
    monkeypatch.setattr(writing, "VERSIONS", 1)
    with pytest.raises(AwsError, match="1 versions"):
        machine.call("UpdateDocument", Name="mine", Content=text("3"))


def test_a_version_number_is_never_given_twice(machine: World) -> None:
    create(machine)
    machine.call("UpdateDocument", Name="mine", Content=text("2"))
    machine.call("DeleteDocument", Name="mine", DocumentVersion="2")
    assert machine.call("DescribeDocument", Name="mine")["Document"]["LatestVersion"] == "1"
    third = machine.call("UpdateDocument", Name="mine", Content=text("3"))["DocumentDescription"]
    assert third["DocumentVersion"] == "3"
    with pytest.raises(AwsError, match="is the default"):
        machine.call("DeleteDocument", Name="mine", DocumentVersion="1")


def test_a_deleted_document_leaves_nothing(machine: World) -> None:
    create(machine, Tags=[{"Key": "a", "Value": "b"}])
    machine.call("UpdateDocument", Name="mine", Content=text("2"))
    machine.call("DeleteDocument", Name="mine")
    with pytest.raises(AwsError) as raised:
        machine.call("DescribeDocument", Name="mine")
    assert raised.value.error_code == "InvalidDocument"
    assert create(machine)["DocumentVersion"] == "1"
    assert machine.call("ListTagsForResource", ResourceType="Document", ResourceId="mine")["TagList"] == []


def test_a_document_is_given_in_either_format(machine: World) -> None:
    create(machine)
    shown = machine.call("GetDocument", Name="mine", DocumentFormat="YAML")
    assert shown["DocumentFormat"] == "YAML"
    assert yaml.safe_load(shown["Content"]) == json.loads(text())


def test_awss_document_is_there_and_cannot_be_changed(machine: World) -> None:
    shown = machine.call("DescribeDocument", Name="AWS-RunShellScript")["Document"]
    assert (shown["Owner"], shown["SchemaVersion"]) == ("Amazon", "1.2")
    assert {each["Name"]: each["Type"] for each in shown["Parameters"]} == {
        "commands": "StringList",
        "workingDirectory": "String",
        "executionTimeout": "String",
    }
    for operation, more in (
        ("DeleteDocument", {}),
        ("UpdateDocument", {"Content": text()}),
        ("UpdateDocumentDefaultVersion", {"DocumentVersion": "1"}),
    ):
        with pytest.raises(AwsError, match="AWS's own"):
            machine.call(operation, Name="AWS-RunShellScript", **more)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([], ["AWS-RunShellScript", "mine", "other"]),
        ([{"Key": "Owner", "Values": ["Self"]}], ["mine", "other"]),
        ([{"Key": "Owner", "Values": ["Amazon"]}], ["AWS-RunShellScript"]),
        ([{"Key": "Name", "Values": ["mi"]}], ["mine"]),
        ([{"Key": "tag:team", "Values": ["models"]}], ["other"]),
        ([{"Key": "DocumentType", "Values": ["Automation"]}], []),
        (
            [{"Key": "PlatformTypes", "Values": ["Linux"]}, {"Key": "Owner", "Values": ["Self"]}],
            ["mine", "other"],
        ),
    ],
)
def test_documents_are_listed_by_filters(
    machine: World, filters: list[dict[str, Any]], names: list[str]
) -> None:
    create(machine)
    create(machine, "other", Tags=[{"Key": "team", "Value": "models"}])
    found = machine.call("ListDocuments", Filters=filters)["DocumentIdentifiers"]
    assert [each["Name"] for each in found] == names


def test_documents_are_listed_in_pages(machine: World) -> None:
    create(machine)
    first = machine.call("ListDocuments", MaxResults=1)
    second = machine.call("ListDocuments", MaxResults=1, NextToken=first["NextToken"])
    assert second["DocumentIdentifiers"][0]["Name"] == "mine"
    assert "NextToken" not in second


def test_sharing_is_remembered(machine: World) -> None:
    create(machine)
    share = {"Name": "mine", "PermissionType": "Share"}
    machine.call("ModifyDocumentPermission", **share, AccountIdsToAdd=["111111111111", "222222222222"])
    machine.call("ModifyDocumentPermission", **share, AccountIdsToRemove=["111111111111"])
    shown = machine.call("DescribeDocumentPermission", **share)
    assert shown["AccountIds"] == ["222222222222"]
