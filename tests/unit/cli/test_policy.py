"""`stepwell policy derive` prints what a definition's role takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stepwell.cli import commands

DEFINITION = {
    "StartAt": "Prepare",
    "States": {
        "Prepare": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f"},
            "Next": "Elsewhere",
        },
        "Elsewhere": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:getItem",
            "Parameters": {"TableName": "t"},
            "Credentials": {"RoleArn": "arn:aws:iam::111122223333:role/other"},
            "Next": "Strange",
        },
        "Strange": {"Type": "Task", "Resource": "arn:aws:states:::mediaconvert:createJob", "End": True},
    },
}
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:f"
PLACE = ["--account", "111122223333", "--region", "eu-west-1"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "machine.asl.json"
    path.write_text(json.dumps(DEFINITION))
    return path


def test_a_policy_document_is_printed(file: Path) -> None:
    definition = {**DEFINITION, "States": {"Prepare": {**DEFINITION["States"]["Prepare"], "End": True}}}  # type: ignore[index]
    del definition["States"]["Prepare"]["Next"]  # type: ignore[index]
    file.write_text(json.dumps(definition))
    done = CliRunner().invoke(commands, ["policy", "derive", str(file), *PLACE])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": FUNCTION}],
    }


def test_json_tells_which_state_takes_what_and_who_is_taken_on(file: Path) -> None:
    done = CliRunner().invoke(commands, ["policy", "derive", str(file), "--json", *PLACE])
    told = json.loads(done.stdout)
    assert told["needs"][0] == {"action": "lambda:InvokeFunction", "resource": FUNCTION, "state": "Prepare"}
    assert list(told["assumed"]) == ["arn:aws:iam::111122223333:role/other"]
    assert told["unknown"] == ["Strange"]


def test_an_unknown_integration_is_named_to_people(file: Path) -> None:
    done = CliRunner().invoke(commands, ["policy", "derive", str(file)])
    assert done.exit_code == 0 and "Strange: its integration is not known" in done.stderr


def test_a_faulty_definition_is_shown_with_its_place(file: Path) -> None:
    file.write_text('{"StartAt": "A",\n "States": {}}')
    done = CliRunner().invoke(commands, ["policy", "derive", str(file)])
    assert done.exit_code == 1 and f"{file}:" in done.stderr and not done.stdout


def test_the_definition_may_come_from_standard_input() -> None:
    text = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    done = CliRunner().invoke(commands, ["policy", "derive", "-"], input=text)
    assert json.loads(done.stdout)["Statement"] == [] and "needs no policy" in done.stderr


PROGRAM = """
import json
import pulumi_aws as aws
role = aws.iam.Role("machine", assume_role_policy="{}")
aws.sfn.StateMachine("m", role_arn=role.arn, definition=json.dumps({
    "StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f"}, "End": True}}}))
"""


def test_a_folder_is_a_program_whose_roles_get_their_least_policies(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(PROGRAM)
    ended = CliRunner().invoke(commands, ["policy", "derive", str(tmp_path), "--json", *PLACE])
    assert ended.exit_code == 0, ended.output
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": FUNCTION}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    assert json.loads(ended.stdout) == [{"role": "machine", "users": ["m"], "policy": policy}]
    shown = CliRunner().invoke(commands, ["policy", "derive", str(tmp_path), *PLACE])
    assert json.loads(shown.stdout) == policy
    assert "the policy of machine, for m:" in shown.stderr
