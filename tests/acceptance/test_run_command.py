"""Run Command over boto3 on a real server: scripts run, are limited, and are found again."""

from __future__ import annotations

import json
import os
import pwd
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running import Running, role, until

ALIAS = "i-1234567890abcdef0"
#: asks for the machine's credentials as SDKs do
LOOK = """
import os, urllib.request as web
token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
asked = web.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": token})
print(web.urlopen(asked).read().decode())
"""
OVER = ("Success", "Cancelled", "Failed", "TimedOut")


def machine(running: Running) -> str:
    """The id of the server's machine."""
    found = running.client("ssm").describe_instance_information(
        Filters=[{"Key": "ResourceType", "Values": ["ManagedInstance"]}]
    )
    id: str = found["InstanceInformationList"][0]["InstanceId"]
    return id


def send(running: Running, *lines: str, **wish: Any) -> str:
    """Send a shell script to the machine; gives the command's id."""
    wish = {"InstanceIds": [machine(running)], "DocumentName": "AWS-RunShellScript", **wish}
    if lines:
        wish["Parameters"] = {"commands": list(lines), **wish.get("Parameters", {})}
    id: str = running.client("ssm").send_command(**wish)["Command"]["CommandId"]
    return id


def ended(running: Running, id: str, instance: str | None = None) -> dict[str, Any]:
    """The command's invocation once it is over."""
    ssm = running.client("ssm")
    wanted = instance or machine(running)

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = ssm.get_command_invocation(CommandId=id, InstanceId=wanted)
        return found if found["Status"] in OVER else None

    found: dict[str, Any] = until(look)
    return found


def test_a_script_runs_and_its_output_is_read(server: Running) -> None:
    id = send(server, "echo hello from $(uname -s)", "echo careful >&2")
    server.client("ssm").get_waiter("command_executed").wait(
        CommandId=id, InstanceId=machine(server), WaiterConfig={"Delay": 1}
    )
    found = ended(server, id)
    assert found["StandardOutputContent"].startswith("hello from ")
    assert found["StandardErrorContent"] == "careful\n"
    assert (found["Status"], found["ResponseCode"]) == ("Success", 0)


def test_an_exit_code_fails_the_command(server: Running) -> None:
    found = ended(server, send(server, "exit 3"))
    assert (found["Status"], found["ResponseCode"]) == ("Failed", 3)


def test_a_script_that_hangs_is_timed_out(server: Running) -> None:
    found = ended(server, send(server, "sleep 600", Parameters={"executionTimeout": ["5"]}))
    assert (found["Status"], found["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    assert found["ResponseCode"] == 137


def test_a_command_is_cancelled(server: Running) -> None:
    ssm = server.client("ssm")
    id = send(server, "sleep 600")
    until(lambda: ssm.list_commands(CommandId=id)["Commands"][0]["Status"] == "InProgress")
    ssm.cancel_command(CommandId=id)
    assert ended(server, id)["Status"] == "Cancelled"
    assert until(lambda: ssm.list_commands(CommandId=id)["Commands"][0]["Status"] == "Cancelled")


def test_a_flood_is_cut_and_stored_whole_up_to_its_limit(server: Running) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="command-outputs")
    id = send(server, "yes | head -c 300000", OutputS3BucketName="command-outputs", OutputS3KeyPrefix="runs")
    found = ended(server, id)
    assert len(found["StandardOutputContent"]) == 24_000
    [stored] = s3.list_objects_v2(Bucket="command-outputs", Prefix=f"runs/{id}/")["Contents"]
    assert stored["Size"] == 300_000
    assert found["StandardOutputUrl"].endswith(stored["Key"])


def test_a_fork_bomb_ends_and_the_server_answers(server: Running) -> None:
    id = send(server, "while :; do sleep 600 & done")
    assert ended(server, id)["Status"] == "Failed"
    details = server.client("ssm").list_command_invocations(CommandId=id)["CommandInvocations"][0]
    assert "processes, allowed are" in details["TraceOutput"]
    assert ended(server, send(server, "echo fine"))["StandardOutputContent"] == "fine\n"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"InstanceIds": ["i-00000000000000bad"]}, "InvalidInstanceId"),
        ({"DocumentHash": "YourHashHere"}, "InvalidDocument"),
        ({"DocumentName": "Nobodys"}, "InvalidDocument"),
        ({"NotificationConfig": {"NotificationArn": "x"}}, "ValidationException"),
    ],
)
def test_a_command_that_cannot_run_is_refused(server: Running, wish: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as raised:
        send(server, "true", **wish)
    assert raised.value.response["Error"]["Code"] == code


def test_a_document_of_ones_own_runs_with_its_parameters(server: Running) -> None:
    ssm = server.client("ssm")
    text = """
schemaVersion: "2.2"
parameters:
  model: {type: String, allowedPattern: "^[a-z]+$"}
  depth: {type: Integer, default: 3}
mainSteps:
- {action: "aws:runShellScript", name: train, inputs: {runCommand: ["echo train {{ model }} {{ depth }}"]}}
- action: aws:runShellScript
  name: elsewhere
  precondition: {StringEquals: [platformType, Windows]}
  inputs: {runCommand: ["echo never"]}
- {action: "aws:runShellScript", name: report, inputs: {runCommand: ["echo {{ ssm:report-to }}"]}}
"""
    ssm.create_document(Name="Retrain", Content=text, DocumentFormat="YAML", DocumentType="Command")
    ssm.put_parameter(Name="report-to", Value="the team", Type="String")
    id = send(server, DocumentName="Retrain", Parameters={"model": ["forest"]})
    assert ended(server, id)["Status"] == "Success"
    rows = ssm.list_command_invocations(CommandId=id, Details=True)["CommandInvocations"][0]["CommandPlugins"]
    assert [row["Output"].strip() for row in rows][::2] == ["train forest 3", "the team"]
    assert "skipped" in rows[1]["Output"]
    with pytest.raises(ClientError, match="model must match"):
        send(server, DocumentName="Retrain", Parameters={"model": ["; id"]})
    ssm.delete_document(Name="Retrain")
    ssm.delete_parameter(Name="report-to")


def test_a_programs_instance_id_and_tags_mean_this_machine(own_server: Running) -> None:
    done = own_server.stepwell("instance", "--alias", ALIAS, "--tag", "team=models", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["aliases"], shown["tags"]) == ([ALIAS], {"team": "models"})
    id = send(own_server, "echo $AWS_SSM_INSTANCE_ID", InstanceIds=[ALIAS])
    assert ended(own_server, id, ALIAS)["StandardOutputContent"] == f"{ALIAS}\n"
    ssm = own_server.client("ssm")
    tagged = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        Targets=[{"Key": "tag:team", "Values": ["models"]}],
        Parameters={"commands": ["true"]},
    )["Command"]
    assert ended(own_server, tagged["CommandId"])["Status"] == "Success"
    own_server.stepwell("instance", "--remove-alias", ALIAS)
    with pytest.raises(ClientError, match=ALIAS):
        send(own_server, "true", InstanceIds=[ALIAS])


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--alias", "i-12"], 1, "'i-12' is no instance id"),
        (["--remove-alias", "i-00000000000000bad"], 1, "no alias of this machine"),
        (["--tag", "team"], 2, "KEY=VALUE"),
        (["--role", "ghost"], 1, "no role ghost"),
    ],
)
def test_what_the_machine_cannot_be_is_refused(
    server: Running, options: list[str], status: int, message: str
) -> None:
    done = server.stepwell("instance", *options)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--command-path", "/"], "would open the data folder"),
        (["--command-path", "/nowhere"], "is no folder"),
        (["--command-user", "nobody-of-that-name"], "no user"),
    ],
)
def test_a_server_does_not_start_with_what_commands_cannot_have(
    own_server: Running, options: list[str], message: str
) -> None:
    own_server.stop()
    done = own_server.stepwell("serve", "--listen", "127.0.0.1:0", *options)
    assert done.returncode == 2
    assert message in done.stderr


def test_commands_have_the_rights_of_the_machines_role_and_no_others(own_server: Running) -> None:
    own_server.client("s3").create_bucket(Bucket="mine")
    own_server.client("s3").create_bucket(Bucket="others")
    look = f"{sys.executable} -I -c '{LOOK}'"
    without = ended(own_server, send(own_server, "env | grep -c CREDENTIALS_FULL_URI"))
    assert without["StandardOutputContent"] == "0\n"
    arn = role(
        own_server,
        "machine",
        "ssm.amazonaws.com",
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::mine"},
    )
    done = own_server.stepwell("instance", "--role", "machine")
    assert done.returncode == 0, done.stderr
    given = ended(own_server, send(own_server, look))
    assert given["Status"] == "Success", given["StandardErrorContent"]
    session = json.loads(given["StandardOutputContent"])
    assert session["RoleArn"] == arn
    s3 = own_server.client(
        "s3",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["Token"],
    )
    s3.list_objects_v2(Bucket="mine")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket="others")


def test_scripts_change_the_folders_that_the_server_was_told(own_server: Running, tmp_path: Path) -> None:
    shared, outside = tmp_path / "shared", Path(__file__).with_name("written-by-a-command")
    shared.mkdir()
    own_server.stop()
    user = pwd.getpwuid(os.geteuid()).pw_name
    own_server.start("--command-path", str(shared), "--command-user", user)
    found = ended(own_server, send(own_server, f"echo x > {shared}/x; echo y > {outside}"))
    assert (shared / "x").read_text() == "x\n"
    assert not outside.exists()
    assert found["Status"] == "Failed"


@pytest.mark.faults
def test_a_command_goes_on_while_the_server_is_away(own_server: Running, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    own_server.stop()
    own_server.start("--command-path", str(shared))
    id = send(own_server, f"echo begun >> {shared}/runs; sleep 2; echo ended >> {shared}/runs")
    until(lambda: (shared / "runs").exists())
    own_server.kill()
    own_server.start("--command-path", str(shared))
    assert ended(own_server, id)["Status"] == "Success"
    assert (shared / "runs").read_text() == "begun\nended\n"


def test_a_server_that_stops_with_everything_ends_its_commands(own_server: Running, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    own_server.stop()
    own_server.start("--command-path", str(shared))
    id = send(own_server, f"sleep 600 & echo $! > {shared}/pid; wait")
    pid = until(lambda: (shared / "pid").exists() and (shared / "pid").read_text().strip())
    own_server.stop()
    assert not Path(f"/proc/{pid}").exists()
    own_server.start()
    assert ended(own_server, id)["Status"] == "Cancelled"


@pytest.mark.faults
def test_a_command_is_kept_when_the_server_dies_as_it_is_sent(own_server: Running) -> None:
    sent = [send(own_server, f"echo {number}") for number in range(5)]
    own_server.kill()
    own_server.start()
    outputs = [ended(own_server, id)["StandardOutputContent"].strip() for id in sent]
    assert outputs == [str(number) for number in range(5)]


def test_a_policy_names_the_documents_and_instances_that_its_holder_may_use(own_server: Running) -> None:
    own_server.stepwell("instance", "--alias", ALIAS)
    arns = "arn:aws:ssm:us-east-1"
    allowed = {
        "Effect": "Allow",
        "Action": "ssm:SendCommand",
        "Resource": [
            f"{arns}::document/AWS-RunShellScript",
            f"arn:aws:ec2:us-east-1:000000000000:instance/{ALIAS}",
        ],
    }
    iam = own_server.client("iam")
    iam.create_user(UserName="operator")
    iam.put_user_policy(
        UserName="operator",
        PolicyName="commands",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    ssm = own_server.client(
        "ssm",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    wish = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
    id = ssm.send_command(**wish, InstanceIds=[ALIAS])["Command"]["CommandId"]
    assert ended(own_server, id, ALIAS)["Status"] == "Success"
    here = machine(own_server)
    for denied in (
        {"InstanceIds": [here]},
        {"Targets": [{"Key": "InstanceIds", "Values": ["*"]}]},
        {"InstanceIds": [ALIAS], "DocumentName": "Retrain"},
    ):
        with pytest.raises(ClientError, match=r"not authorized to perform: ssm:SendCommand") as raised:
            ssm.send_command(**{**wish, **denied})
        assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
