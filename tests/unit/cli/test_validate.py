"""`validate`: all faults at once, each where it is."""

from __future__ import annotations

import io
import sys

import pytest

VALID = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
FAULTY = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Next": "Nowhere"},
    "B": {"Type": "Wobble"}
  }
}"""


@pytest.fixture
def definition(tmp_path):
    path = tmp_path / "machine.asl.json"

    def written(text):
        path.write_text(text)
        return str(path)

    return written


def test_a_valid_definition_is_said_to_be_on_standard_error_only(run, definition):
    path = definition(VALID)
    ended = run("validate", path)
    assert (ended.code, ended.out, ended.err) == (0, "", f"{path}: valid\n")


def test_all_faults_are_shown_each_with_a_caret_below_its_place(run, definition):
    path = definition(FAULTY)
    ended = run("validate", path)
    assert ended.code == 1
    lines = ended.out.splitlines()
    places = [line.removeprefix(path).split(":")[1:3] for line in lines if line.startswith(path)]
    assert ["4", "27"] in places
    assert ["5", "11"] in places
    source = FAULTY.splitlines()
    for head, shown, caret in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        line, column = (int(part) for part in head.removeprefix(path).split(":")[1:3])
        margin = f"{line} | "
        assert shown == margin + source[line - 1]
        assert caret == " " * (len(margin) + column - 1) + "^"


def test_json_has_the_same_faults_as_validate_state_machine_definition_answers(run, definition):
    ended = run("validate", definition(FAULTY), "--json")
    assert ended.code == 1
    found = ended.value
    assert found["result"] == "FAIL"
    assert {each["location"] for each in found["diagnostics"]} >= {"/States/A/Next", "/States/B/Type"}
    assert {each["severity"] for each in found["diagnostics"]} == {"ERROR"}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{} {}", "é"])
def test_what_is_no_definition_is_a_fault_and_no_traceback(run, definition, text):
    ended = run("validate", definition(text))
    assert ended.code == 1
    assert ": error: " in ended.out


def test_a_dash_reads_standard_input(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(VALID))
    ended = run("validate", "-", "--json")
    assert (ended.code, ended.value) == (0, {"result": "OK", "diagnostics": []})
