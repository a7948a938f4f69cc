"""What is declared of drift and conditions: what is allowed, what the job is told, when a mistake is told."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.retrain.monitor.configuration import Configuration, Limits
from stepwell.retrain.parts import monitoring
from stepwell.retrain.parts.columns import Column
from stepwell.retrain.parts.conditions import When
from stepwell.retrain.parts.declaration import DeclarationError
from stepwell.retrain.parts.monitoring import Monitor
from stepwell.retrain.parts.steps import Gate, Prepare
from stepwell.retrain.parts.triggers import Upload

EVERY = [
    ("1 day", "rate(1 day)"),
    ("2 days", "rate(2 days)"),
    ("6 hours", "rate(6 hours)"),
    ("1 week", "rate(7 days)"),
    ("cron(0 4 ? * SUN *)", "cron(0 4 ? * SUN *)"),
    ("rate(5 minutes)", "rate(5 minutes)"),
]


@pytest.mark.parametrize(("every", "schedule"), EVERY)
def test_every_is_eventbridges_expression(every: str, schedule: str) -> None:
    assert Monitor(every=every).schedule == schedule


WRONG = [
    ({"every": "daily"}, "every is '1 day', '6 hours' or 'cron"),
    ({"every": "0 days"}, "at least a minute"),
    ({"every": "cron(0 4 * * *)"}, "six fields"),
    ({"every": 1}, "not 1"),
    ({"psi": -1}, "psi is a number from 0 to 100, not -1"),
    ({"psi": (0.1, 0.2)}, r"crosses above the first and is back at the second, not \(0.1, 0.2\)"),
    ({"psi": (0.1,)}, r"a number, or \(where it crosses, where it is back\), not \(0.1,\)"),
    ({"ks": 2}, "ks is a number from 0 to 1, not 2"),
    ({"unseen": "5%"}, "unseen is a number from 0 to 1, not '5%'"),
    ({"score": "good"}, "score is a number"),
    ({"least_rows": 0}, "least_rows is a whole number"),
    ({"least_labels": 1.5}, "least_labels is a whole number"),
    ({"patience": 0}, "patience is a whole number from 1 to 1,000"),
    ({"alpha": 0}, "alpha is a number"),
    ({"labels": "labels"}, "labels is a folder of the bucket that ends with '/'"),
    ({"instance": "m5.large"}, "instance is a SageMaker instance type"),
    ({"volume": 0}, "volume"),
    ({"time_limit": "soon"}, "time_limit"),
    ({"patients": 2}, "did you mean 'patience'"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_a_monitor_that_makes_no_sense_is_refused_where_it_is_written(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        Monitor(**settings)


CONDITIONS = [
    ({}, "When needs a condition: rows=1000, after='7 days' or score_below=0.9"),
    ({"rows": 0}, "rows is a whole number from 1"),
    ({"after": "a while"}, "after is a number and a unit"),
    ({"after": "1 second"}, "from 60"),
    ({"score_below": "0.9"}, "score_below is a number"),
]


@pytest.mark.parametrize(("settings", "message"), CONDITIONS)
def test_conditions_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        When(**settings)


def test_conditions_are_declared_together() -> None:
    when = When(rows=1000, after="7 days", score_below=0.9)
    assert (when.rows, when.seconds, when.score_below) == (1000, 7 * 86400, 0.9)
    assert When(rows=1).seconds is None


#: metric, Monitor's score, When's score_below, the job's limits
SCORES: list[tuple[str, Any, float | None, Limits | None]] = [
    ("accuracy", None, None, None),
    ("accuracy", (0.85, 0.9), None, Limits(0.85, 0.9, below=True)),
    ("accuracy", 0.85, None, Limits(0.85, 0.85, below=True)),
    ("accuracy", None, 0.9, Limits(0.9, 0.9, below=True)),
    ("mae", (3, 2), None, Limits(3, 2, below=False)),
    ("mae", None, 3, Limits(3, 3, below=False)),
]


@pytest.mark.parametrize(("metric", "score", "below", "limits"), SCORES)
def test_a_score_crosses_on_its_metrics_bad_side(
    metric: str, score: Any, below: float | None, limits: Limits | None
) -> None:
    when = None if below is None else When(score_below=below)
    told = monitoring.limits(Monitor(score=score), Gate(floor=0.5, metric=metric), when)
    assert (Limits(**told["score"]) if "score" in told else None) == limits


REFUSED = [
    ("accuracy", (0.9, 0.85), None, "of accuracy more is better"),
    ("mae", (2, 3), None, "of mae less is better"),
    ("accuracy", 0.9, 0.8, "the score has one threshold"),
]


@pytest.mark.parametrize(("metric", "score", "below", "message"), REFUSED)
def test_a_score_has_one_threshold_that_faces_the_right_way(
    metric: str, score: Any, below: float | None, message: str
) -> None:
    when = None if below is None else When(score_below=below)
    gate = Gate(floor=0.5, metric=metric)
    with pytest.raises(DeclarationError, match=message):
        monitoring.check(Monitor(score=score), gate=gate, when=when, triggers=[])


def test_labels_arrive_where_no_raw_data_does() -> None:
    upload = Upload(prefix="data/")
    monitoring.check(Monitor(), gate=Gate(floor=0.5), when=None, triggers=[upload])
    for labels in ("data/labels/", "data/"):
        with pytest.raises(DeclarationError, match=r"labels .* overlap the prefix 'data/' of Upload"):
            monitoring.check(Monitor(labels=labels), gate=Gate(floor=0.5), when=None, triggers=[upload])


def test_the_job_understands_what_it_is_told() -> None:
    prepare = Prepare(
        columns=[
            Column(name="outcome", type="category"),
            Column(name="age", type="number"),
            Column(name="sex", type="category"),
        ],
        label="outcome",
    )
    told = Configuration.from_json(
        monitoring.configuration(
            Monitor(psi=0.3, unseen=None, score=(0.8, 0.9)),
            endpoint="digits",
            prepare=prepare,
            gate=Gate(floor=0.5),
            when=None,
        )
    )
    assert (told.endpoint, told.columns, told.metric) == ("digits", ("age", "sex"), "accuracy")
    assert told.limits == {
        "psi": Limits(0.3, 0.15),
        "ks": Limits(0.25, 0.15),
        "missing": Limits(0.1, 0.05),
        "score": Limits(0.8, 0.9, below=True),
    }
