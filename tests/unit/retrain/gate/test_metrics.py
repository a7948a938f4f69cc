"""Scores by name, against scikit-learn 1.4.2's of the same rows."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.retrain.gate.faults import MetricUndefined, SettingsInvalid
from stepwell.retrain.gate.metrics import METRICS, Scale, metric

LETTERS = list("aabcbcca"), list("abbcacba")
HEAVY = [1, 2, 0, 3, 1, 1, 2, 1]
TWO = list("nnyyynyn"), [(1 - p, p) for p in (0.1, 0.4, 0.35, 0.8, 0.4, 0.4, 0.9, 0.2)]
THREE = list("abccba"), [(0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.2, 0.2, 0.6), (0.3, 0.4, 0.3), (0.3, 0.4, 0.3),
                         (0.5, 0.25, 0.25)]  # fmt: skip
NUMBERS = [1.0, 2.0, 3.5, -4.0, 5.0], [1.5, 2.0, 3.0, -5.0, 7.0]
UNEVEN = [2, 0, 1, 3, 1]
#: (name, labels and answers, weights, scale, what sklearn.metrics gives)
SCORES = [
    ("accuracy", LETTERS, None, Scale(), 0.625),
    ("accuracy", LETTERS, HEAVY, Scale(), 0.5454545454545454),
    ("balanced-accuracy", LETTERS, None, Scale(), 0.611111111111111),
    ("balanced-accuracy", LETTERS, HEAVY, Scale(), 0.38888888888888884),
    ("f1-macro", LETTERS, None, Scale(), 0.6222222222222222),
    ("f1-macro", LETTERS, HEAVY, Scale(), 0.45714285714285713),
    ("f1", LETTERS, None, Scale(positive="a"), 0.6666666666666666),
    ("auc", TWO, None, Scale(("n", "y")), 0.8125),
    ("auc", TWO, HEAVY, Scale(("n", "y")), 0.9500000000000001),
    ("auc", THREE, None, Scale(("a", "b", "c")), 0.9583333333333334),
    ("log-loss", TWO, None, Scale(("n", "y")), 0.45559652973111076),
    ("log-loss", THREE, None, Scale(("a", "b", "c")), 0.6506758059631615),
    ("mae", NUMBERS, None, Scale(), 0.8),
    ("mae", NUMBERS, UNEVEN, Scale(), 0.9285714285714286),
    ("rmse", NUMBERS, None, Scale(), 1.0488088481701516),
    ("rmse", NUMBERS, UNEVEN, Scale(), 1.0522085616183026),
    ("mape", NUMBERS, None, Scale(), 0.25857142857142856),
    ("mape", NUMBERS, UNEVEN, Scale(), 0.32755102040816325),
]


def score(name: str, rows: Any, weights: Any = None, scale: Scale | None = None) -> float:
    return METRICS[name].score(*rows, weights or [1] * len(rows[0]), scale or Scale())


@pytest.mark.parametrize(("name", "rows", "weights", "scale", "expected"), SCORES)
def test_a_score_is_scikit_learns(name: str, rows: Any, weights: Any, scale: Scale, expected: float) -> None:
    assert score(name, rows, weights, scale) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_a_weight_is_a_row_that_often(name: str) -> None:
    rows = {"classes": LETTERS, "probabilities": THREE, "numbers": NUMBERS}[METRICS[name].task]
    weights = [3, 1, 2, 1, 2, 1, 1, 2][: len(rows[0])]
    whole = tuple([each for each, w in zip(part, weights, strict=True) for _ in range(w)] for part in rows)
    scale = Scale(("a", "b", "c"), "a")
    assert score(name, rows, weights, scale) == pytest.approx(score(name, whole, None, scale))


UNDEFINED = {
    "auc": (["y", "y"], [(0.1, 0.9), (0.2, 0.8)]),
    "mape": ([0.0, 1.0], [1.0, 1.0]),
    "f1": (["a", "b"], ["a", "b"]),
    **{name: ([], []) for name in ("accuracy", "balanced-accuracy", "f1-macro", "log-loss", "mae", "rmse")},
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_a_score_that_does_not_exist_is_no_number(name: str) -> None:
    with pytest.raises(MetricUndefined):
        score(name, UNDEFINED[name], None, Scale(("n", "y")))


@pytest.mark.parametrize("name", ["mae", "rmse", "mape"])
def test_an_error_beyond_all_numbers_is_no_score(name: str) -> None:
    with pytest.raises(MetricUndefined) as caught:
        score(name, ([1e308, 1e-300], [-1e308, 1e308]))
    assert caught.value.code == "METRIC_NAN"


def test_a_class_without_a_probability_costs_much_and_not_infinitely() -> None:
    assert 30 < score("log-loss", (["z"], [(0.5, 0.5)]), None, Scale(("n", "y"))) < 40


def test_a_users_function_is_a_metric(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
        def share(labels, answers): return sum(a == b for a, b in zip(labels, answers)) / len(labels)
        def broken(labels, answers): raise KeyError("lost")
        def nan(labels, answers): return float("nan")
        def text(labels, answers): return "much"
    """
    (tmp_path / "their_metrics.py").write_text("\n".join(line.strip() for line in source.splitlines()))
    monkeypatch.syspath_prepend(tmp_path)
    ours = metric("their_metrics:share", task="classes", higher_is_better=True)
    assert ours.score(["a", "b"], ["a", "a"], [3, 1], Scale()) == 0.75
    for name, code in {"broken": "METRIC_FAILED", "nan": "METRIC_NAN", "text": "METRIC_FAILED"}.items():
        with pytest.raises(MetricUndefined) as caught:
            metric(f"their_metrics:{name}", task="classes", higher_is_better=True).score(
                ["a"], ["a"], [1], Scale()
            )
        assert caught.value.code == code
    for name in ("absent_module:f", "their_metrics:absent"):
        with pytest.raises(SettingsInvalid, match=name):
            metric(name, task="classes", higher_is_better=True)
