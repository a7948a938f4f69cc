"""Mistakes in a declaration are told where they are made: what is wrong, what is allowed, what is near."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from retrain.recording import IMAGE, SCRIPTS

from stepwell.retrain import (
    Approval,
    Column,
    Columns,
    DeclarationError,
    Deploy,
    Gate,
    Prepare,
    Schedule,
    Slice,
    Train,
    Upload,
    Window,
)
from stepwell.retrain.gate import Settings


@pytest.fixture(autouse=True)
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {**SCRIPTS, "jobs/broken.py": "def train(:\n", "jobs/notes.txt": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)


def test_what_a_gate_is_not_told_is_as_the_gate_s_own_settings_have_it() -> None:
    assert Gate(floor=0.5).settings() == Settings(floor=0.5).to_json()


def train(**settings: Any) -> Train:
    return Train(**{"image": IMAGE, "code": "jobs", **settings})


def prepare(**settings: Any) -> Prepare:
    columns = [Column(name="y", type="number"), Column(name="x", type="number")]
    return Prepare(**{"columns": columns, "label": "y", **settings})


MISTAKES: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    # settings
    (train, {"entrypoint": "train.py"}, "there is no 'entrypoint', but image, code, entry_point"),
    (train, {"entrypoint": "train.py"}, "did you mean 'entry_point'?"),
    (Gate, {"flor": 0.5}, "did you mean 'floor'?"),
    (Gate, {}, "Gate needs floor; it takes floor, metric,"),
    (Train, {"code": "jobs"}, "Train needs image"),
    # triggers
    (Upload, {"prefix": "data"}, "Upload's prefix is a folder of the bucket that ends with '/'"),
    (Upload, {"prefix": "/data/"}, "ends with '/'"),
    (Upload, {"prefix": "models/new/"}, "overlaps 'models/', where the workflow keeps its own objects"),
    (Upload, {"suffix": "*.csv"}, "Upload's suffix is the end of a name"),
    (Schedule, {"expression": "daily"}, "is 'rate(7 days)' or 'cron(0 4 ? * SUN *)', for two, not 'daily'"),
    (Schedule, {"expression": "rate(1 days)"}, "AWS wants rate(1 day) and rate(2 days)"),
    (Schedule, {"expression": "cron(0 4 * * *)"}, "cron has six fields"),
    (Schedule, {"expression": "cron(0 4 * * SUN *)"}, "one of day of month and day of week is '?'"),
    (Schedule, {"expression": "cron(61 4 ? * SUN *)"}, "minutes is 0 to 59, not '61'"),
    (Schedule, {"expression": "cron(0 4 ? * SON *)"}, "day of week is 1 to 7 or SUN to SAT, not 'SON'"),
    (Window, {"schedule": "cron(0 4 ? * SUN *)", "timezone": "Berlin"}, "but Europe/Berlin"),
    (Window, {"schedule": "rate(7 days)", "cutoff": 3}, "cutoff is less than its duration of 3 h, not 3"),
    # prepare
    (Column, {"name": "x", "type": "float"}, "one of number, integer, category, text, time, boolean"),
    (Column, {"name": "x", "type": "number", "low": 2, "high": 1}, "low is above high"),
    (Column, {"name": "x", "type": "text", "pattern": "("}, "pattern is no regular expression"),
    (Columns, {"names": "xyz", "type": "number"}, "names are a list of names, not 'xyz'"),
    (prepare, {"label": "z"}, "Prepare: label is the name of a column (y, x), not 'z'"),
    (prepare, {"columns": ["x"]}, "columns are Column and Columns, not 'x'"),
    (prepare, {"held_out": 1}, "share is a number between 0 and 1, not 1"),
    (prepare, {"held_out_by": "columns"}, "by is one of rows, last, column, not 'columns'"),
    (prepare, {"format": "parquet"}, "format is one of csv, jsonl, not 'parquet'"),
    (prepare, {"function": "rules"}, "Prepare: function is written \"module:name\", not 'rules'"),
    (prepare, {"function": "rules:clear", "code": "jobs"}, "has no function 'clear'; it has clean, cost"),
    (prepare, {"function": "rule:clean", "code": "jobs"}, "which has broken.py, inference.py, predict.py"),
    # train
    (train, {"image": "scikit-learn"}, "Train's image is an image's URI"),
    (train, {"image": None}, "Train's image is the URI of a container image, not None"),
    (train, {"code": "job"}, "Train's code: there is no folder 'job' in "),
    (train, {"entry_point": "fit.py"}, "entry_point is a script in jobs, which has broken.py, inference.py"),
    (train, {"entry_point": "broken.py"}, "jobs/broken.py, line 1 is no Python"),
    (train, {"entry_point": "notes.txt"}, "not 'notes.txt'"),
    (train, {"hyperparameters": {"sagemaker_program": "x"}}, "doesn't begin with sagemaker_"),
    (train, {"channels": {"train": "s3://a-bucket/x"}}, "'train' has the batches' rows"),
    (train, {"channels": {"more": "/data"}}, "channel more is an S3 URI, not '/data'"),
    (train, {"metrics": {"a": "("}}, "metric a has no regular expression"),
    (train, {"instance": "m5.large"}, "Train's instance is a SageMaker instance type"),
    (train, {"batches": 0}, "Train's batches is a whole number from 1 to 10,000, not 0"),
    (train, {"time_limit": "5 min"}, "such as '7 days', not '5 min'"),
    (train, {"time_limit": "30 seconds"}, "Train's time_limit, in seconds, is a whole number from 60"),
    # gate
    (Gate, {"floor": 0.5, "metric": "acuracy"}, "Gate: there is no metric 'acuracy'; there are accuracy"),
    (Gate, {"floor": "half"}, "Gate: floor must be a number, not 'half'"),
    (Gate, {"floor": 50}, "floor is the least that is enough of accuracy, from 0 to 1, not 50"),
    (Gate, {"floor": -3, "metric": "mae"}, "floor is the greatest error that is borne of mae, 0 or more"),
    (
        Gate,
        {"floor": 0.5, "slices": [Slice(column="x", floor=90)]},
        "slice x's floor is the least that is enough of accuracy, from 0 to 1, not 90",
    ),
    (Gate, {"floor": 0.5, "rule": "best"}, "rule is one of not-worse, better, not 'best'"),
    (Gate, {"floor": 1, "metric": "rules:price", "code": "jobs"}, "no function 'price'; it has clean, cost"),
    (Gate, {"floor": 1, "patience": "1 month"}, "Gate's patience is a number and a unit"),
    # deploy, approval
    (Deploy, {"endpoint": "my_endpoint"}, "at most 63 letters and digits, with '-' between them"),
    (Deploy, {"capture": 20}, "Deploy's capture, a share, is a number from 0.01 to 1, not 20"),
    (Deploy, {"count": True}, "Deploy's count is a whole number"),
    (Approval, {"within": "2"}, "Approval's within is a number and a unit"),
]


@pytest.mark.parametrize(("part", "settings", "told"), MISTAKES)
def test_a_mistake_is_told(part: Callable[..., Any], settings: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        part(**settings)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 day)",
        "rate(15 minutes)",
        "cron(0 4 ? * SUN *)",
        "cron(0/15 8-18 ? * MON-FRI *)",
        "cron(0 0 L * ? *)",
        "cron(0 9 ? * 2#1 *)",
        "cron(0 0 3W 1,7 ? 2026-2030)",
        "cron(0 0 ? JAN-MAR FRI,SAT *)",
    ],
)
def test_schedules_that_aws_takes_are_taken(expression: str) -> None:
    assert Schedule(expression=expression).expression == expression


def test_settings_are_given_by_name() -> None:
    with pytest.raises(DeclarationError, match="Upload takes its settings by name: prefix, suffix"):
        Upload("data/")  # type: ignore[misc]


def test_hyperparameters_are_texts() -> None:
    found = train(hyperparameters={"depth": 3, "rate": 0.1, "kind": "tree", "wide": True, "names": ["a"]})
    assert found.arguments == {
        "depth": "3",
        "rate": "0.1",
        "kind": "tree",
        "wide": "true",
        "names": '["a"]',
    }
