"""Comparing with a recording: what varies from run to run is no difference, and everything else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from masks import Masks
from scope import needs

CASE = {
    "wild_sub": ["some_arn"],
    "wild_whole": ["RequestId"],
    "source": {"recorded": "01-02-2024, 10:00:00"},
}

SAME = [
    ("timestamp", 1.5),
    ("RequestId", "6f2"),
    ("The function some_arn is gone", "The function arn:aws:lambda:x is gone"),
    ("arn:<partition>:states:<region>:111111111111:x", "arn:aws:states:eu-west-1:000000000000:x"),
    ({"a": [1, 2.0]}, {"a": [1.0, 2]}),
    ({"a": {"b": None}}, {"a": '{"b": null}'}),
    ('{"a": 1, "b": 2}', '{"b":2,"a":1}'),
    ({"a": 1, "SdkHttpMetadata": {}}, {"a": 1}),
]
DIFFERENT = [
    ("timestamps", "timestamp"),
    ("a.c", "abc"),
    ("arn:<partition>:states:<region>:111111111111:x", "arn:aws:states:eu-west-1:00:x"),
    (1, True),
    ("1", 1),
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"a": 1, "b": 2}, {"a": 1}),
    ([1, 2], [2, 1]),
    ({"a": 1}, "not JSON"),
    ({"a": {"b": "{}"}}, '{"a": {"b": {}, "c": 1}}'),
]


@pytest.mark.parametrize(("recorded", "answered"), SAME)
def test_what_varies_is_the_same(recorded: Any, answered: Any) -> None:
    """Masked parts, spaces, the order of members, and members that tell of the connection."""
    masks = Masks.of(CASE)
    assert masks.same(recorded, answered)
    assert not list(masks.differences(recorded, answered))


@pytest.mark.parametrize(("recorded", "answered"), DIFFERENT)
def test_what_differs_is_told(recorded: Any, answered: Any) -> None:
    """Any other difference is one, and its place is told."""
    masks = Masks.of(CASE)
    assert not masks.same(recorded, answered)
    assert list(masks.differences(recorded, answered))


def test_members_that_are_newer_than_the_recording_are_no_difference() -> None:
    """An execution's redrives are told since November 2023."""
    older = {**CASE, "source": {"recorded": "01-02-2023, 10:00:00"}}
    assert Masks.of(older).same({}, {"RedriveCount": 0})
    assert not Masks.of(CASE).same({}, {"RedriveCount": 0})
    assert Masks.of(CASE, newer=True).same({}, {"anything": 0})


@pytest.mark.parametrize(
    ("state", "lacking"),
    [
        ({"Type": "Pass", "Result": "JSONata"}, []),
        ({"Type": "Pass", "QueryLanguage": "JSONata"}, []),
        ({"Type": "Pass", "Parameters": {"a.$": "$.a"}, "OutputPath": "$$.Execution"}, []),
        ({"Type": "Pass", "Parameters": {"a.$": "$a.b"}}, []),
        ({"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}}}, ["distributed Map"]),
    ],
)
def test_a_case_needs_what_its_definition_uses(state: dict[str, Any], lacking: list[str]) -> None:
    """Features are read from the definition, at any depth."""
    definition = json.dumps({"StartAt": "A", "States": {"A": state}})
    case = {"kind": "execution", "resources": [], "tags": [], "definition": definition}
    assert needs(case) == lacking


def test_a_case_needs_what_it_calls() -> None:
    """Operations and services that the server lacks are told, each once."""
    calls = [
        {"op": "create_activity", "args": {}},
        {"op": "list_activities", "args": {}, "who": "secondary"},
    ]
    case = {"kind": "trace", "resources": ["lambda", "dynamodb"], "tags": [], "calls": calls}
    assert needs(case) == ["a second account", "the service dynamodb"]
