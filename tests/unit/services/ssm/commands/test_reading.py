"""Lists of commands, their filters and pages, and what scripts printed."""

from __future__ import annotations

import json

import pytest
from services.ssm.machine import ALIASES, World

from stepwell.clock import iso
from stepwell.errors import AwsError
from stepwell.services.ssm.commands import outputs

A, B, C, _ = ALIASES


def test_output_is_shown_to_its_limits_and_stored_whole(machine: World) -> None:
    machine.server.call("s3", "CreateBucket", Bucket="outs")
    id = machine.send(
        A,
        OutputS3BucketName="outs",
        OutputS3KeyPrefix="runs/",
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True},
    )
    machine.end(id, A, stdout0="x" * 30_000 + "\nlast", stderr0="e" * 9_000)
    shown = machine.invocation(id, A)
    assert len(shown["StandardOutputContent"]) == 24_000
    assert shown["StandardOutputContent"].endswith("x\n---Output truncated---")
    assert len(shown["StandardErrorContent"]) == 8_000
    assert shown["StandardErrorContent"].endswith("e\n---Error truncated----")
    keys = [each["Key"] for each in machine.server.call("s3", "ListObjectsV2", Bucket="outs")["Contents"]]
    folder = f"runs/{id}/{A}/awsrunShellScript/0.awsrunShellScript"
    assert keys == [f"{folder}/stderr", f"{folder}/stdout"]
    assert shown["StandardOutputUrl"].endswith(f"/outs/{folder}/stdout")
    assert machine.log.lines["/aws/ssm/AWS-RunShellScript", f"{id}/{A}/aws-runShellScript/stdout"] == [
        "x" * 30_000,
        "last",
    ]


def test_a_bucket_that_went_away_is_told_and_fails_nothing(machine: World) -> None:
    machine.server.call("s3", "CreateBucket", Bucket="outs")
    id = machine.send(A, OutputS3BucketName="outs")
    machine.server.call("s3", "DeleteBucket", Bucket="outs")
    machine.end(id, A, stdout0="hello")
    row = machine.call("ListCommandInvocations", CommandId=id)["CommandInvocations"][0]
    assert row["Status"] == "Success"
    assert "Could not store the output as s3://outs/" in row["TraceOutput"]


def test_a_log_group_that_may_not_be_written_is_told_and_fails_nothing(machine: World) -> None:
    machine.log.open = False
    group = {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "mine"}
    id = machine.send(A, CloudWatchOutputConfig=group)
    machine.end(id, A, stdout0="hello")
    row = machine.call("ListCommandInvocations", CommandId=id)["CommandInvocations"][0]
    assert row["Status"] == "Success"
    assert "Could not write to the log group mine" in row["TraceOutput"]
    assert machine.log.lines == {}


@pytest.mark.parametrize(
    ("stdout", "stderr", "shown"),
    [
        ("out", "", "out"),
        ("out", "err", "out\n----------ERROR-------\nerr"),
        ("o" * 60, "", "o" * 17 + "\n---Output truncated---"),
    ],
)
def test_a_plugins_output_mixes_both_streams(stdout: str, stderr: str, shown: str) -> None:
    assert outputs.combined(stdout, stderr, 40) == shown


def test_a_plugins_output_is_never_longer_than_its_limit() -> None:
    for out, err in ((0, 5000), (5000, 0), (5000, 10), (10, 5000), (5000, 5000), (1200, 1200)):
        shown = outputs.combined("o" * out, "e" * err)
        assert len(shown) <= outputs.PLUGIN
        assert ("truncated" in shown) == (out + err > outputs.PLUGIN)


STEPS = json.dumps(
    {
        "schemaVersion": "2.2",
        "mainSteps": [
            {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": [f"echo {name}"]}}
            for name in ("build", "check")
        ],
    }
)


def test_each_step_of_a_document_is_told_apart(machine: World) -> None:
    machine.call("CreateDocument", Name="two", Content=STEPS)
    id = machine.send(A, DocumentName="two")
    machine.end(id, A, ("Success", 0), ("Failed", 2), stdout0="built", stderr1="broken")
    assert machine.invocation(id, A)["Status"] == "Failed"
    assert machine.invocation(id, A)["StandardOutputContent"] == ""
    assert machine.invocation(id, A, PluginName="build")["StandardOutputContent"] == "built"
    check = machine.invocation(id, A, PluginName="check")
    assert (check["Status"], check["ResponseCode"], check["StandardErrorContent"]) == ("Failed", 2, "broken")
    with pytest.raises(AwsError, match="no step deploy"):
        machine.invocation(id, A, PluginName="deploy")
    row = machine.call("ListCommandInvocations", CommandId=id, Details=True)["CommandInvocations"][0]
    assert [plugin["Name"] for plugin in row["CommandPlugins"]] == ["build", "check"]
    assert [plugin["Output"] for plugin in row["CommandPlugins"]] == [
        "built",
        "\n----------ERROR-------\nbroken",
    ]


def test_an_invocation_that_is_not_there_says_so(machine: World) -> None:
    id = machine.send(A)
    for command, instance in ((id, B), ("0" * 36, A)):
        with pytest.raises(AwsError) as raised:
            machine.invocation(command, instance)
        assert raised.value.error_code == "InvocationDoesNotExist"


def test_lists_begin_with_the_newest_and_come_in_pages(machine: World) -> None:
    sent = []
    for _ in range(5):
        sent.append(machine.send(A, B))
        machine.later(60)
    found: list[str] = []
    token: dict[str, str] = {}
    while len(found) < 20:
        page = machine.call("ListCommands", MaxResults=2, **token)
        found += [each["CommandId"] for each in page["Commands"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == sent[::-1]
    rows: list[tuple[str, str]] = []
    token = {}
    while len(rows) < 20:
        page = machine.call("ListCommandInvocations", MaxResults=3, **token)
        rows += [(each["CommandId"], each["InstanceId"]) for each in page["CommandInvocations"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert rows == [(id, instance) for id in sent[::-1] for instance in (A, B)]
    with pytest.raises(AwsError) as raised:
        machine.call("ListCommands", NextToken="nonsense!")
    assert raised.value.error_code == "InvalidNextToken"


def test_lists_are_filtered(machine: World) -> None:
    first = machine.send(A)
    machine.end(first, A)
    machine.later(3600)
    second = machine.send(B)

    def found(**params: object) -> list[str]:
        return [each["CommandId"] for each in machine.call("ListCommands", **params)["Commands"]]

    def by(key: str, value: str) -> list[str]:
        return found(Filters=[{"key": key, "value": value}])

    assert found(InstanceId=A) == [first]
    assert by("Status", "Success") == [first]
    assert by("ExecutionStage", "Executing") == [second]
    assert by("DocumentName", "AWS-RunShellScript") == [second, first]
    moment = machine.command(first)["RequestedDateTime"] + 60
    assert by("InvokedAfter", iso(moment)) == [second]
    assert by("InvokedBefore", iso(moment)) == [first]
    with pytest.raises(AwsError, match="is no time"):
        by("InvokedAfter", "yesterday")
