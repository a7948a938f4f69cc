"""What SendCommand takes, what it refuses, and what the scripts get."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from services.ssm.machine import ALIASES, World

from stepwell.errors import AwsError

A, B, *_ = ALIASES


def document(*lines: str, **parameters: Any) -> str:
    step = {"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": list(lines)}}
    return json.dumps({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": [step]})


def test_the_script_is_the_commands_line_by_line(machine: World) -> None:
    id = machine.send(
        A,
        commands=["cd data", "ls"],
        Parameters={"workingDirectory": ["/srv"], "executionTimeout": ["60"]},
    )
    spec = machine.commands.started[f"command-{id}-{A}"]
    [script] = spec.scripts
    assert (script.text, script.directory, script.timeout) == ("cd data\nls\n", "/srv", 60)
    assert spec.variables["SSM_COMMAND_ID"] == id
    assert spec.variables["AWS_SSM_INSTANCE_ID"] == A
    assert spec.credentials is None


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"DocumentName": "nope"}, "InvalidDocument", "nope does not exist"),
        ({"DocumentVersion": "7"}, "InvalidDocumentVersion", "no version 7"),
        ({"DocumentHash": "YourHashHere"}, "InvalidDocument", "YourHashHere"),
        ({"InstanceIds": ["i-1234567890abcdef0"]}, "InvalidInstanceId", "i-1234567890abcdef0"),
        ({"InstanceIds": [A, A]}, "DuplicateInstanceId", "more than one"),
        ({"InstanceIds": []}, "ValidationException", "InstanceIds or Targets"),
        ({"Parameters": {}}, "InvalidParameters", "commands is required"),
        ({"Parameters": {"commands": ["a"], "shell": ["b"]}}, "InvalidParameters", "no parameter shell"),
        (
            {"Parameters": {"commands": ["a"], "executionTimeout": ["soon"]}},
            "InvalidParameters",
            "executionTimeout must match",
        ),
        ({"Parameters": {"commands": ["{{ ssm:none }}"]}}, "InvalidParameters", "ssm:none"),
        ({"OutputS3BucketName": "nowhere"}, "InvalidOutputFolder", "nowhere"),
        (
            {"Targets": [{"Key": "resource-groups:Name", "Values": ["g"]}], "InstanceIds": []},
            "ValidationException",
            "resource-groups:Name",
        ),
        ({"NotificationConfig": {"NotificationArn": "x"}}, "ValidationException", "NotificationConfig"),
        ({"AlarmConfiguration": {"Alarms": [{"Name": "x"}]}}, "ValidationException", "AlarmConfiguration"),
    ],
)
def test_what_cannot_run_is_refused_when_it_is_sent(
    machine: World, changes: dict[str, Any], code: str, message: str
) -> None:
    wish = {
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": [A],
        "Parameters": {"commands": ["true"]},
        **changes,
    }
    with pytest.raises(AwsError, match=message) as raised:
        machine.call("SendCommand", **wish)
    assert raised.value.error_code == code
    assert machine.call("ListCommands")["Commands"] == []


def test_the_right_hash_runs(machine: World) -> None:
    text = document("true")
    machine.call("CreateDocument", Name="mine", Content=text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert machine.send(A, DocumentName="mine", DocumentHash=digest, DocumentHashType="Sha256")
    sha1 = hashlib.sha1(text.encode()).hexdigest()
    assert machine.send(A, DocumentName="mine", DocumentHash=sha1, DocumentHashType="Sha1")


def test_parameters_take_their_places(machine: World) -> None:
    text = document(
        "train {{ model }} --depth {{depth}} {{ fast }}",
        "{{ extra }}",
        model={"type": "String", "allowedValues": ["tree", "forest"]},
        depth={"type": "Integer", "default": 3},
        fast={"type": "Boolean", "default": False},
        extra={"type": "StringList", "default": ["echo a", "echo b"]},
    )
    machine.call("CreateDocument", Name="train", Content=text)
    machine.call("PutParameter", Name="depth", Value="7", Type="String")
    id = machine.send(A, DocumentName="train", Parameters={"model": ["forest"], "depth": ["{{ ssm:depth }}"]})
    script = machine.commands.started[f"command-{id}-{A}"].scripts[0]
    assert script.text == "train forest --depth 7 false\necho a\necho b\n"
    with pytest.raises(AwsError, match="model must be one of"):
        machine.send(A, DocumentName="train", Parameters={"model": ["; rm -rf /"]})


def test_a_parameter_may_come_as_a_variable_and_not_as_text(machine: World) -> None:
    text = document("echo $SSM_who {{ who }}", who={"type": "String", "interpolationType": "ENV_VAR"})
    machine.call("CreateDocument", Name="greet", Content=text)
    id = machine.send(A, DocumentName="greet", Parameters={"who": ["$(id)"]})
    spec = machine.commands.started[f"command-{id}-{A}"]
    assert spec.variables["SSM_who"] == "$(id)"
    assert "$(id)" not in spec.scripts[0].text


def test_a_version_is_the_default_the_latest_or_a_number(machine: World) -> None:
    machine.call("CreateDocument", Name="mine", Content=document("echo 1"))
    machine.call("UpdateDocument", Name="mine", Content=document("echo 2"), DocumentVersion="$LATEST")
    texts = {}
    for version in ("$DEFAULT", "$LATEST", "1", "2"):
        id = machine.send(A, DocumentName="mine", DocumentVersion=version)
        texts[version] = machine.commands.started[f"command-{id}-{A}"].scripts[0].text.strip()
    assert texts == {"$DEFAULT": "echo 1", "$LATEST": "echo 2", "1": "echo 1", "2": "echo 2"}


def test_targets_are_found_by_ids_and_tags(machine: World) -> None:
    machine.call(
        "AddTagsToResource",
        ResourceType="ManagedInstance",
        ResourceId=machine.id,
        Tags=[{"Key": "team", "Value": "models"}],
    )
    for targets, found in (
        ([{"Key": "tag:team", "Values": ["models", "data"]}], [machine.id]),
        ([{"Key": "tag-key", "Values": ["team"]}], [machine.id]),
        ([{"Key": "tag:team", "Values": ["data"]}], []),
        ([{"Key": "InstanceIds", "Values": [A, B]}], [A, B]),
        ([{"Key": "InstanceIds", "Values": ["*"]}], [machine.id]),
        ([{"Key": "InstanceIds", "Values": [A]}, {"Key": "tag:team", "Values": ["data"]}], []),
    ):
        id = machine.send(Targets=targets)
        assert list(machine.statuses(id)) == found


def test_commands_get_the_role_of_the_machine_and_no_other(machine: World) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    arn = machine.server.call(
        "iam",
        "CreateRole",
        RoleName="machine",
        Path="/fleet/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    machine.call("UpdateManagedInstanceRole", InstanceId=machine.id, IamRole="fleet/machine")
    [shown] = [
        each
        for each in machine.call("DescribeInstanceInformation")["InstanceInformationList"]
        if each["InstanceId"] == machine.id
    ]
    assert shown["IamRole"] == "machine"
    id = machine.send(A, ServiceRoleArn=arn)
    given = machine.commands.started[f"command-{id}-{A}"].credentials
    assert given is not None
    assert given.variables()["AWS_CONTAINER_CREDENTIALS_FULL_URI"].endswith(f"command-{id}-{A}")
