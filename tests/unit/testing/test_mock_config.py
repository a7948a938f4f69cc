"""Mock configuration files of Step Functions Local are read as AWS describes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stepwell.testing import MockConfigInvalid
from stepwell.testing.mock_config import read

CONFIG: dict[str, Any] = {
    "StateMachines": {
        "Orders": {"TestCases": {"Retried": {"Check": "Slow", "Ship": "Shipped"}, "Real": {}}},
    },
    "MockedResponses": {
        "Slow": {
            "0": {"Throw": {"Error": "Lambda.Unknown", "Cause": "cold"}},
            "1-2": {"Throw": {"Error": "States.Timeout"}},
            "3": {"Return": {"Payload": {"ok": True}}},
        },
        "Shipped": {"0": {"Return": [1, 2]}},
    },
}


def written(folder: Path, content: Any) -> Path:
    path = folder / "MockConfigFile.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_test_case_gives_answers_by_state_and_attempt(tmp_path: Path) -> None:
    found = read(written(tmp_path, CONFIG), "Orders", "Retried")
    assert found.keys() == {"Check", "Ship"}
    slow = [found["Check"].of(number) for number in range(5)]
    assert [(each.error, each.cause) for each in slow[:3]] == [
        ("Lambda.Unknown", "cold"),
        ("States.Timeout", ""),
        ("States.Timeout", ""),
    ]
    assert [each.result for each in slow[3:]] == [{"Payload": {"ok": True}}] * 2
    assert found["Ship"].of(0).result == [1, 2]


def test_a_test_case_without_states_mocks_nothing(tmp_path: Path) -> None:
    assert read(written(tmp_path, CONFIG), "Orders", "Real") == {}


def responding(attempts: Any) -> dict[str, Any]:
    return {**CONFIG, "MockedResponses": {**CONFIG["MockedResponses"], "Slow": attempts}}


@pytest.mark.parametrize(
    ("content", "machine", "case", "told"),
    [
        ("{", "Orders", "Retried", "is not JSON"),
        ([], "Orders", "Retried", "has no object StateMachines"),
        ({"StateMachines": {}}, "Orders", "Retried", "has no state machine 'Orders'"),
        (CONFIG, "Other", "Retried", "It has: Orders"),
        (CONFIG, "Orders", "Happy", "no test case 'Happy'. It has: Real, Retried"),
        ({**CONFIG, "MockedResponses": {}}, "Orders", "Retried", "no mocked response 'Slow'"),
        (responding({"1": {"Return": 1}}), "Orders", "Retried", "Slow: attempts are numbered from 0"),
        (responding({"0": {"Give": 1}}), "Orders", "Retried", 'Slow: an attempt has "Return"'),
        (responding({"0": {"Throw": {"Cause": "x"}}}), "Orders", "Retried", '"Throw" with "Error"'),
        (responding({"0": {"Return": 1, "Wait": 2}}), "Orders", "Retried", "an attempt has"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, content: Any, machine: str, case: str, told: str
) -> None:
    with pytest.raises(MockConfigInvalid, match=told):
        read(written(tmp_path, content), machine, case)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MockConfigInvalid, match="No such file"):
        read(tmp_path / "absent.json", "Orders", "Retried")
