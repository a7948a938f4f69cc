"""A definition with several faults: every way to submit it tells all of them, each with its place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running import Running, role

FAULTY = """\
{
  "StartAt": "Prepar",
  "States": {
    "Prepare": {
      "Type": "Task",
      "Next": "Train"
    },
    "Train": {
      "Type": "Task",
      "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
      "TimeoutSeconds": -1,
      "Retry": [{"ErrorEquals": []}],
      "Next": "Gate"
    },
    "Gate": {
      "Type": "Choice",
      "Choices": [{"Variable": "score", "NumericGreaterThan": 0.9, "Next": "Done"}]
    },
    "Done": {"Type": "Succed"}
  }
}
"""
#: line and column, what is said there, and where that is for the API
FAULTS = [
    (4, 5, "These fields are required: [Resource]", "/States/Prepare"),
    (11, 7, "Value must be between 1 and 99999999", "/States/Train/TimeoutSeconds"),
    (12, 18, "Value cannot be empty", "/States/Train/Retry[0]/ErrorEquals"),
    (17, 20, "Value is not a Reference Path", "/States/Gate/Choices[0]/Variable"),
    (19, 14, "Value must be one of", "/States/Done/Type"),
    (2, 3, "Missing 'Next' target: Prepar", "/StartAt"),
]
BROKEN = '{\n  "StartAt": "A",\n  "States": {"A": {"Type": "Pass" "End": true}}\n}\n'


def validate(path: Path, *options: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stepwell", "validate", str(path), *options],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_validate_prints_every_fault_with_line_column_and_caret(tmp_path: Path) -> None:
    file = tmp_path / "machine.json"
    file.write_text(FAULTY)
    done = validate(file)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    source = FAULTY.splitlines()
    for line, column, says, _ in FAULTS:
        found = [
            number for number, text in enumerate(lines) if text.startswith(f"{file}:{line}:{column}: error: ")
        ]
        assert found, (line, column, done.stdout)
        shown, caret = lines[found[0] + 1 : found[0] + 3]
        assert shown == f"{line} | {source[line - 1]}"
        assert caret == " " * (len(f"{line} | ") + column - 1) + "^"
        assert says in "\n".join(lines[number] for number in found)


def test_validate_says_the_same_as_json_and_from_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "machine.json"
    file.write_text(FAULTY)
    done = validate(file, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["result"]) == (1, "FAIL")
    places = {(each["line"], each["column"]) for each in document["diagnostics"]}
    assert {(line, column) for line, column, _, _ in FAULTS} <= places
    piped = validate(Path("-"), "--json", text=FAULTY)
    assert (piped.returncode, json.loads(piped.stdout)) == (1, document)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [(BROKEN, 3, 35), ("", 1, 1), ("[]", 1, 1), ('{"StartAt": "A", "States": ', 1, 28)],
    ids=["no-comma", "empty", "list", "torn"],
)
def test_validate_points_to_where_json_breaks(tmp_path: Path, text: str, line: int, column: int) -> None:
    file = tmp_path / "machine.json"
    file.write_text(text)
    done = validate(file)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{file}:{line}:{column}: error: ")
    assert "Traceback" not in done.stderr


def test_validate_takes_a_good_definition_and_refuses_an_absent_file(tmp_path: Path) -> None:
    file = tmp_path / "machine.json"
    file.write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}')
    assert validate(file).returncode == 0
    absent = validate(tmp_path / "absent.json")
    assert (absent.returncode, "absent.json" in absent.stderr) == (2, True)
    file.write_bytes(b"\xff\xfe{")
    undecodable = validate(file)
    assert undecodable.returncode == 1
    assert "Traceback" not in undecodable.stderr


def test_validate_state_machine_definition_answers_every_fault(server: Running) -> None:
    found = server.client("stepfunctions").validate_state_machine_definition(definition=FAULTY)
    assert found["result"] == "FAIL"
    said = {(each["location"], each["message"]) for each in found["diagnostics"]}
    for _, _, says, place in FAULTS:
        assert any(place == where and what.startswith(says) for where, what in said), (says, said)


def test_create_and_update_refuse_with_every_fault_and_change_nothing(server: Running) -> None:
    states = server.client("stepfunctions")
    arn = role(server, "definitions", "states.amazonaws.com")

    def refused(operation: str, **params: Any) -> str:
        with pytest.raises(ClientError) as error:
            getattr(states, operation)(definition=FAULTY, **params)
        assert error.value.response["Error"]["Code"] == "InvalidDefinition"
        message: str = error.value.response["Error"]["Message"]
        for _, _, says, place in FAULTS:
            assert says in message
            assert f"at {place}" in message
        return message

    first = refused("create_state_machine", name="faulty", roleArn=arn)
    assert all(each["name"] != "faulty" for each in states.list_state_machines()["stateMachines"])
    good = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
    machine = states.create_state_machine(name="sound", roleArn=arn, definition=good)["stateMachineArn"]
    assert refused("update_state_machine", stateMachineArn=machine) == first
    assert states.describe_state_machine(stateMachineArn=machine)["definition"] == good
