"""What a document may say, what is refused, and where values go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell.errors import AwsError
from stepwell.services.ssm.documents.content import LONGEST, read
from stepwell.services.ssm.documents.declarations import checked, declared
from stepwell.services.ssm.documents.substitution import scripts
from stepwell.services.ssm.errors import InvalidDocumentContent

STEP = {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": ["true"]}}


def document(*steps: Any, **more: Any) -> str:
    return json.dumps({"schemaVersion": "2.2", "mainSteps": list(steps or [STEP]), **more})


def step(**changes: Any) -> dict[str, Any]:
    return {**STEP, **changes}


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", "InvalidDocumentContent", "no JSON"),
        ("[]", "InvalidDocumentContent", "must be an object"),
        (document(schemaVersion="0.3"), "InvalidDocumentSchemaVersion", "Automation"),
        (document(schemaVersion="2.0"), "InvalidDocumentSchemaVersion", "2.0"),
        (document(mainSteps=[]), "InvalidDocumentContent", "mainSteps"),
        (document(colour="red"), "InvalidDocumentContent", "colour"),
        (
            document(step(action="aws:runPowerShellScript")),
            "InvalidDocumentContent",
            "aws:runPowerShellScript",
        ),
        (document(step(action="aws:downloadContent")), "InvalidDocumentContent", "aws:downloadContent"),
        (document(STEP, STEP), "InvalidDocumentContent", "Two steps are named 'one'"),
        (document(step(inputs={})), "InvalidDocumentContent", "runCommand"),
        (document(step(inputs={"runCommand": [1]})), "InvalidDocumentContent", "strings"),
        (document(step(inputs={"runCommand": ["a"], "shell": "b"})), "InvalidDocumentContent", "shell"),
        (
            document(step(inputs={"runCommand": ["a"], "onFailure": "retry"})),
            "InvalidDocumentContent",
            "onFailure",
        ),
        (
            document(step(inputs={"runCommand": ["a"], "finallyStep": True}), step(name="two")),
            "InvalidDocumentContent",
            "must be the last",
        ),
        (document(step(precondition={"StringLike": []})), "InvalidDocumentContent", "precondition"),
        (
            document(step(precondition={"StringEquals": ["a", "b"]})),
            "InvalidDocumentContent",
            "platformType or a parameter",
        ),
        (document(parameters={"p": {"type": "Text"}}), "InvalidDocumentContent", "must have a type"),
        (
            document(parameters={"p": {"type": "String", "allowedPattern": "("}}),
            "InvalidDocumentContent",
            "allowedPattern",
        ),
        (
            document(parameters={"p q": {"type": "String"}}),
            "InvalidDocumentContent",
            "no name of a parameter",
        ),
        (
            document(parameters={"p": {"type": "String", "allowedValues": "abc"}}),
            "InvalidDocumentContent",
            "must be a list",
        ),
        (
            document(parameters={"p": {"type": "StringList", "default": "a"}}),
            "InvalidDocumentContent",
            "default of p",
        ),
        (document(description="x" * LONGEST), "MaxDocumentSizeExceeded", "64 KB"),
    ],
)
def test_a_document_that_cannot_run_is_refused_with_its_reason(text: str, code: str, message: str) -> None:
    with pytest.raises(AwsError, match=message) as raised:
        read(text, "JSON")
    assert raised.value.error_code == code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schemaVersion: 0x" + "f" * 60_000, "no YAML"),
        ("schemaVersion: .nan", "no YAML"),
        ("schemaVersion: !!binary eA==", "no YAML"),
        ("[" * 20_000, "no YAML"),
        ("&a [*a]", "aliases"),
        ('description: "\\ud800"', "no YAML"),
        ("{schemaVersion: '1.2', runtimeConfig: {'aws:runShellScript': 1}}", "one list of properties"),
        ("{schemaVersion: '1.2', runtimeConfig: {'aws:runShellScript': {properties: [1]}}}", "one list"),
        ("{schemaVersion: '2.2', parameters: {p: {type: [String]}}}", "must have a type"),
        ("{schemaVersion: '2.2', parameters: {1: {type: Text}}}", "The parameter 1"),
        ("{schemaVersion: '2.2', parameters: {p: {type: String, minChars: .inf}}}", "no YAML"),
        (
            "{schemaVersion: '2.2', mainSteps: "
            "[{action: 'aws:runShellScript', name: a, inputs: {runCommand: [a], onFailure: [exit]}}]}",
            "onFailure",
        ),
    ],
)
def test_strange_yaml_is_refused_and_harms_nothing(text: str, message: str) -> None:
    with pytest.raises(InvalidDocumentContent, match=message):
        read(text, "YAML")


def test_a_value_nested_too_deeply_is_refused() -> None:
    with pytest.raises(AwsError, match="is no StringMap"):
        checked(declared({"p": {"type": "StringMap"}}), {"p": ["[" * 5000]}, {})


def test_yaml_says_the_same_as_json() -> None:
    text = """
schemaVersion: '2.2'
description: Retrain on 2026-11-20
parameters:
  when: {type: String, default: 2026-11-20}
mainSteps:
- action: aws:runShellScript
  name: one
  inputs:
    timeoutSeconds: 60
    runCommand:
    - echo {{ when }}
"""
    found = read(text, "YAML")
    assert found.steps[0].commands == ["echo {{ when }}"]
    assert found.parameters["when"].default == "2026-11-20"
    assert found.steps[0].timeout == "60"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "no YAML"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("!!python/object/apply:os.system [id]", "no YAML"),
    ],
)
def test_yaml_that_is_dangerous_or_broken_is_refused(text: str, message: str) -> None:
    with pytest.raises(AwsError, match=message):
        read(text, "YAML")


PARAMETERS = {
    "model": {"type": "String", "allowedValues": ["tree", "forest"], "default": "tree"},
    "name": {"type": "String", "allowedPattern": "^[a-z]+$", "minChars": 2, "maxChars": 4, "default": "abc"},
    "lines": {"type": "StringList", "minItems": 1, "maxItems": 2, "default": ["a"]},
    "count": {"type": "Integer", "default": 3},
    "fast": {"type": "Boolean", "default": True},
    "map": {"type": "StringMap", "default": {"a": "b"}},
    "maps": {"type": "MapList", "default": [{"a": "b"}]},
}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"model": ["forest"]}, "forest"),
        ({"name": ["xy"]}, "xy"),
        ({"lines": ["x", "y"]}, ["x", "y"]),
        ({"count": ["12"]}, 12),
        ({"fast": ["False"]}, False),
        ({"map": ['{"c": 1}']}, {"c": 1}),
        ({"maps": ['{"c": 1}', "{}"]}, [{"c": 1}, {}]),
    ],
)
def test_values_are_read_by_their_type(given: dict[str, list[str]], value: Any) -> None:
    [name] = given
    assert checked(declared(PARAMETERS), given, {})[name] == value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": ["shrub"]}, "one of"),
        ({"name": ["x"]}, "at least 2 characters"),
        ({"name": ["abcde"]}, "at most 4 characters"),
        ({"name": ["AB"]}, "must match"),
        ({"name": ["a", "b"]}, "one value"),
        ({"lines": []}, "at least 1 items"),
        ({"lines": ["a", "b", "c"]}, "at most 2 items"),
        ({"count": ["many"]}, "no Integer"),
        ({"fast": ["perhaps"]}, "no Boolean"),
        ({"map": ["[]"]}, "no StringMap"),
        ({"other": ["x"]}, "no parameter other"),
    ],
)
def test_values_that_do_not_fit_are_refused(given: dict[str, list[str]], message: str) -> None:
    with pytest.raises(AwsError, match=message) as raised:
        checked(declared(PARAMETERS), given, {})
    assert raised.value.error_code == "InvalidParameters"


def test_defaults_take_their_places_as_text() -> None:
    lines = ["{{ model }} {{name}}", "{{ lines }}", "n={{ count }} {{ fast }} {{ map }}", "{{ unknown }}"]
    content = read(document(step(inputs={"runCommand": lines}), parameters=PARAMETERS), "JSON")
    [script] = scripts(content, checked(content.parameters, {}, {}), {})
    assert script.text == 'tree abc\na\nn=3 true {"a": "b"}\n{{ unknown }}\n'


@pytest.mark.parametrize(
    ("pair", "runs"),
    [
        (["platformType", "Linux"], True),
        (["platformType", "Windows"], False),
        (["{{ model }}", "tree"], True),
        (["{{ model }}", "forest"], False),
    ],
)
def test_a_step_runs_where_its_precondition_holds(pair: list[str], runs: bool) -> None:
    content = read(document(step(precondition={"StringEquals": pair}), parameters=PARAMETERS), "JSON")
    assert scripts(content, checked(content.parameters, {}, {}), {})[0].runs is runs


@pytest.mark.parametrize(
    ("asked", "seconds"), [("60", 60), ("5", 5), ("4", 3600), ("172801", 3600), ("soon", 3600), (30, 30)]
)
def test_a_scripts_time_is_within_the_agents_limits(asked: Any, seconds: int) -> None:
    content = read(document(step(inputs={"runCommand": ["a"], "timeoutSeconds": asked})), "JSON")
    assert scripts(content, {}, {})[0].timeout == seconds


def test_a_short_document_that_names_a_long_value_often_is_refused() -> None:
    declaration = {"p": {"type": "String"}, "q": {"type": "StringList"}}
    for lines, values in (
        (["{{ p }}" * 1000], {"p": "x" * 10_000, "q": []}),
        (["{{ p }}"] * 1000, {"p": "x" * 10_000, "q": []}),
        (["{{ q }}"] * 1000, {"p": "", "q": ["x" * 1000] * 10}),
    ):
        content = read(document(step(inputs={"runCommand": lines}), parameters=declaration), "JSON")
        with pytest.raises(AwsError, match="longer than 256 KiB"):
            scripts(content, values, {})


def test_stored_parameters_take_their_places_and_must_exist() -> None:
    content = read(document(step(inputs={"runCommand": ["{{ ssm:/a/b:2 }} {{ssm:c}}"]})), "JSON")
    assert scripts(content, {}, {"/a/b:2": "x", "c": "y"})[0].text == "x y\n"
    with pytest.raises(AwsError, match="ssm:c does not exist"):
        scripts(content, {}, {"/a/b:2": "x"})
