"""What is declared of a gate is checked once, and refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.retrain.gate.faults import SettingsInvalid
from stepwell.retrain.gate.settings import Baseline, Input, Settings, Slice

#: settings in JSON → what the refusal names
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "floor is missing"),
    ({"floor": "high"}, "floor must be a number"),
    ({"floor": float("nan")}, "floor must be a number"),
    ({"floor": True}, "floor must be a number"),
    ({"floor": 0.5, "flor": 1}, "'flor'"),
    ({"floor": 0.5, "rule": "best"}, "rule is one of not-worse, better"),
    ({"floor": 0.5, "metric": "acuracy"}, "acuracy"),
    ({"floor": 0.5, "metric": 7}, "there is no metric 7"),
    ({"floor": 0.5, "margin": -0.1}, "margin must be from 0"),
    ({"floor": 0.5, "alpha": 0}, "alpha must be from"),
    ({"floor": 0.5, "alpha": 0.7}, "alpha must be from"),
    ({"floor": 0.5, "resamples": 10}, "resamples must be a whole number from 100"),
    ({"floor": 0.5, "least_rows": 2.5}, "least_rows must be a whole number"),
    ({"floor": 0.5, "allow": ["everything"]}, "allow is one of"),
    ({"floor": 0.5, "allow": "new-class"}, "allow must be an array"),
    ({"floor": 0.5, "task": "words"}, "task is one of"),
    ({"floor": 0.5, "slices": ["hospital"]}, "a slice is an object"),
    ({"floor": 0.5, "slices": [{}]}, "a slice has a column"),
    ({"floor": 0.5, "slices": [{"column": "age", "bounds": [60, 18]}]}, "ascending"),
    ({"floor": 0.5, "slices": [{"column": "age", "bounds": ["old"]}]}, "a bound must be a number"),
    ({"floor": 0.5, "slices": [{"column": "age", "rule": "strict"}]}, "a slice's rule"),
    ({"floor": 0.5, "slices": [{"column": "age", "floor": "low"}]}, "a slice's floor"),
    ({"floor": 0.5, "slices": [{"name": "age"}]}, "'name'"),
    ({"floor": 0.5, "baselines": [24]}, "a baseline is an object"),
    ({"floor": 0.5, "baselines": [{"lag": 24, "column": "x"}]}, "either a lag"),
    ({"floor": 0.5, "baselines": [{"lag": -1}]}, "either a lag"),
    ({"floor": 0.5, "baselines": [{}]}, "either a lag"),
]


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=str)
def test_a_wrong_setting_is_refused_by_name(value: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsInvalid, match=message):
        Settings.from_json(value)


def test_settings_survive_json() -> None:
    made = Settings(
        floor=12.5,
        metric="mae",
        classes=("a", "b"),
        allow=("one-class",),
        slices=(Slice("age", bounds=(18.0, 60.0), rule="show", floor=20.0),),
        baselines=(Baseline("same hour last week", lag=168),),
    )
    assert Settings.from_json(made.to_json()) == made


def test_a_baseline_is_named_after_what_it_is() -> None:
    given = {"floor": 1, "baselines": [{"lag": 24}, {"column": "yesterday"}]}
    assert [each.name for each in Settings.from_json(given).baselines] == ["lag 24", "yesterday"]


def test_the_reading_of_rows_is_refused_by_name() -> None:
    assert Input.from_json({"label": 3}) == Input(label="3")
    for value, message in (
        ({"lable": "x"}, "'lable'"),
        ({"columns": "x,y"}, "columns must be an array"),
        ({"header": 1}, "header must be"),
    ):
        with pytest.raises(SettingsInvalid, match=message):
            Input.from_json(value)
