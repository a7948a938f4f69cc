"""The gate's decisions: each case has a defined answer, and none is a traceback."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.retrain.gate.decision import NOTES, REASONS, Note
from stepwell.retrain.gate.evidence import Evidence
from stepwell.retrain.gate.rows import Rows
from stepwell.retrain.gate.settings import Baseline, Settings, Slice
from stepwell.retrain.gate.trial import Model, Trial, judge

from .cases import SETTINGS, labels, rows, trial, wrong

NONE: tuple[int, ...] = ()
NAN = float("nan")


def answering(value: Any) -> Model:
    """A model that answers every set the same."""
    return Model({"new": value, "trusted": value}, ["0", "1"])


def broken(code: str) -> Model:
    return Model(problem=Note(code, "of its own doing."))


SEVENS = ["7" if at % 2 else "0" for at in range(200)]
HALF = wrong(labels(200), range(0, 200, 2))
#: case → (trial, settings, outcome, reason)
CASES: dict[str, tuple[Trial, Settings, str, str]] = {
    "equal models": (trial(), SETTINGS, "DEPLOY", "NOT_WORSE"),
    "equal models, a gain is asked for": (trial(), SETTINGS.changed(rule="better"), "KEEP", "NOT_SHOWN"),
    "a gain, and one is asked for": (
        trial(champion=(range(20), NONE)), SETTINGS.changed(rule="better"), "DEPLOY", "BETTER",
    ),
    "labels that the champion does not recognise": (
        trial(champion=(range(80), NONE)), SETTINGS, "QUARANTINE", "BELOW_FLOOR",
    ),
    "labels just recognised": (trial(champion=(range(60), NONE)), SETTINGS, "DEPLOY", "NOT_WORSE"),
    "harm on trusted rows, a gain on new ones": (
        trial(challenger=(NONE, range(10)), champion=(range(20), NONE)), SETTINGS, "KEEP", "WORSE_ON_TRUSTED",
    ),
    "a little harm on trusted rows": (trial(challenger=(NONE, range(3))), SETTINGS, "DEPLOY", "NOT_WORSE"),
    "harm on trusted rows that is let pass": (
        trial(challenger=(NONE, range(10))), SETTINGS.changed(trusted_margin=0.1), "DEPLOY", "NOT_WORSE",
    ),
    "harm on new rows": (trial(challenger=(range(20), NONE)), SETTINGS, "KEEP", "WORSE_ON_NEW"),
    "some harm on new rows": (
        trial(challenger=(range(4), NONE)), SETTINGS.changed(margin=0.01), "KEEP", "NOT_SHOWN",
    ),
    "harm in one hospital": (
        trial(challenger=(NONE, range(0, 16, 2)), champion=(NONE, range(1, 16, 2))),
        SETTINGS.changed(slices=(Slice("hospital"),)), "KEEP", "WORSE_ON_SLICE",
    ),
    "harm in one hospital, only shown": (
        trial(challenger=(NONE, range(0, 16, 2)), champion=(NONE, range(1, 16, 2))),
        SETTINGS.changed(slices=(Slice("hospital", rule="show"),)), "DEPLOY", "NOT_WORSE",
    ),
    "one class is not recognised": (
        trial(champion=(range(0, 60, 2), NONE)),
        SETTINGS.changed(slices=(Slice("label", floor=0.8),)), "QUARANTINE", "BELOW_FLOOR",
    ),
    "the first champion": (trial(champion=None, trusted=0), SETTINGS, "DEPLOY", "FIRST_CHAMPION"),
    "a first model that learned nothing": (
        trial(champion=None, trusted=0, challenger=(range(100), NONE)),
        SETTINGS, "QUARANTINE", "FIRST_BELOW_FLOOR",
    ),
    "no trusted rows yet": (trial(trusted=0), SETTINGS, "DEPLOY", "NOT_WORSE"),
    "an empty batch": (trial(new=0), SETTINGS, "KEEP", "EMPTY_BATCH"),
    "no rows at all": (trial(new=0, trusted=0), SETTINGS, "KEEP", "EMPTY_BATCH"),
    "a first batch that is empty": (trial(new=0, trusted=0, champion=None), SETTINGS, "KEEP", "EMPTY_BATCH"),
    "few rows": (trial(new=29), SETTINGS, "KEEP", "TOO_FEW_ROWS"),
    "few rows, wrong labels": (trial(new=29, champion=(range(29), NONE)), SETTINGS, "KEEP", "TOO_FEW_ROWS"),
    "enough rows, wider than the margin": (trial(new=30), SETTINGS, "KEEP", "NOT_SHOWN"),
    "other columns": (
        trial(new=0, problems=(Note("COLUMNS_DIFFER", "b.csv, line 3 has 2 columns."),)),
        SETTINGS, "QUARANTINE", "COLUMNS_DIFFER",
    ),
    "a label is missing": (
        trial(problems=(Note("LABEL_INVALID", "b.csv, line 3 has no label."),)),
        SETTINGS, "QUARANTINE", "LABEL_INVALID",
    ),
    "one class only": (
        Trial(rows(["1"] * 200), rows(labels(200)), answering(["1"] * 200), answering(["1"] * 200)),
        SETTINGS, "QUARANTINE", "ONE_CLASS",
    ),
    "one class only, let pass": (
        Trial(rows(["1"] * 200), rows(labels(200)), answering(["1"] * 200), answering(["1"] * 200)),
        SETTINGS.changed(allow=("one-class",), floor=0.4), "DEPLOY", "NOT_WORSE",
    ),
    "one class only, and the score needs two": (
        Trial(rows(["1"] * 200), None, answering([0.9] * 200), answering([0.9] * 200)),
        SETTINGS.changed(allow=("one-class",), metric="auc"), "KEEP", "METRIC_UNDEFINED",
    ),
    "a class never seen": (
        Trial(rows([*labels(199), "7"]), rows(labels(200)), answering(labels(200)), answering(labels(200))),
        SETTINGS, "QUARANTINE", "NEW_CLASS",
    ),
    "a class never seen, let pass": (
        Trial(rows([*labels(199), "7"]), rows(labels(200)), answering(labels(200)), answering(labels(200))),
        SETTINGS.changed(allow=("new-class",)), "DEPLOY", "NOT_WORSE",
    ),
    "half the rows of a new class, let pass": (
        Trial(
            rows(SEVENS), rows(labels(200)),
            Model({"new": SEVENS, "trusted": labels(200)}, ["0", "1", "7"]),
            Model({"new": ["0"] * 200, "trusted": labels(200)}, ["0", "1"]),
        ),
        SETTINGS.changed(allow=("new-class",)), "DEPLOY", "NOT_WORSE",
    ),
    **{
        f"the champion is {code.lower()}": (
            Trial(rows(labels(200)), rows(labels(200)), answering(labels(200)), broken(code)),
            SETTINGS, "QUARANTINE", f"CHAMPION_{code}",
        )
        for code in ("MISSING", "UNLOADABLE", "RAISES")
    },
    **{
        f"the challenger is {code.lower()}": (
            Trial(rows(labels(200)), rows(labels(200)), broken(code), answering(labels(200))),
            SETTINGS, "KEEP", f"CHALLENGER_{code}",
        )
        for code in ("MISSING", "UNLOADABLE", "RAISES")
    },
    "a broken challenger of a bad batch": (
        Trial(rows(labels(200)), rows(labels(200)), broken("RAISES"), answering(HALF)),
        SETTINGS, "QUARANTINE", "BELOW_FLOOR",
    ),
    "both are broken": (
        Trial(rows(labels(200)), None, broken("RAISES"), broken("MISSING")),
        SETTINGS, "QUARANTINE", "CHAMPION_MISSING",
    ),
    "a first model that is broken": (
        Trial(rows(labels(200)), None, broken("RAISES"), None), SETTINGS, "KEEP", "CHALLENGER_RAISES",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_case_has_its_answer(case: str) -> None:
    tried, asked, outcome, reason = CASES[case]
    found = judge(tried, asked)
    assert (found.decision.outcome, found.decision.reason) == (outcome, reason), found.decision.sentence
    assert found.decision.sentence.endswith(".")


#: what a model may answer instead of one class a row → how the reason ends
ANSWERS: dict[str, tuple[Any, str]] = {
    "NaN among numbers": ([*[1.0] * 199, NAN], "NAN"),
    "infinity": ([*[1.0] * 199, math.inf], "NAN"),
    "None": ([None] * 200, "NAN"),
    "too few": (["1"] * 199, "SHAPE"),
    "too many": (["1"] * 201, "SHAPE"),
    "none": ([], "SHAPE"),
    "a number": (1.0, "SHAPE"),
    "a text": ("1" * 200, "SHAPE"),
    "a dictionary": (dict.fromkeys(range(200)), "SHAPE"),
    "three probabilities for two classes": ([[0.2, 0.3, 0.5]] * 200, "SHAPE"),
    "NaN probabilities": ([[NAN, NAN]] * 200, "NAN"),
    "numbers beyond probabilities": ([[3.0, -2.0]] * 200, "SHAPE"),
    "texts for probabilities": ([["much", "little"]] * 200, "SHAPE"),
}


@pytest.mark.parametrize("case", ANSWERS)
@pytest.mark.parametrize(("who", "outcome"), [("CHALLENGER", "KEEP"), ("CHAMPION", "QUARANTINE")])
def test_answers_that_say_nothing_are_named(case: str, who: str, outcome: str) -> None:
    given, ending = ANSWERS[case]
    models = {"CHALLENGER": answering(labels(200)), "CHAMPION": answering(labels(200)), who: answering(given)}
    found = judge(
        Trial(rows(labels(200)), rows(labels(200)), models["CHALLENGER"], models["CHAMPION"]), SETTINGS
    ).decision
    assert (found.outcome, found.reason) == (outcome, f"{who}_{ending}")


class Array:
    """What looks like numpy's."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def tolist(self) -> list[Any]:
        return self.values


@pytest.mark.parametrize(
    "given",
    [
        [float(label) for label in labels(200)],
        [int(label) for label in labels(200)],
        Array([int(label) for label in labels(200)]),
        [[label] for label in labels(200)],
        [Array([int(label)]) for label in labels(200)],
        [[0.9, 0.1] if label == "0" else [0.2, 0.8] for label in labels(200)],
        tuple(f"{label}.0" for label in labels(200)),
        (label.encode() for label in labels(100) * 2),
    ],
    ids=["floats", "integers", "array", "column", "rows", "probabilities", "texts", "bytes"],
)
def test_answers_of_any_type_are_the_same_classes(given: Any) -> None:
    tried = Trial(rows(labels(200)), None, Model({"new": given}, [0, 1]), answering(labels(200)))
    assert judge(tried, SETTINGS).decision.reason == "NOT_WORSE"


def test_columns_in_another_order_than_trusted_rows_quarantine() -> None:
    new = rows(labels(200))
    turned = Rows(new.columns[::-1], tuple(row[::-1] for row in new.cells), new.labels, new.digests)
    found = judge(Trial(turned, rows(labels(200)), answering(labels(200)), answering(labels(200))), SETTINGS)
    assert found.decision.reason == "COLUMNS_DIFFER"


def test_a_metric_that_raises_keeps_the_champion(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "moody.py").write_text("def score(labels, answers): raise RuntimeError('not today')\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = judge(trial(), SETTINGS.changed(metric="moody:score")).decision
    assert (found.outcome, found.reason) == ("KEEP", "METRIC_FAILED")
    assert "not today" in found.sentence


def test_a_users_metric_is_tested_by_the_bootstrap(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def score(labels, answers): return sum(a != b for a, b in zip(labels, answers)) / len(labels)\n"
    (tmp_path / "errors.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    asked = Settings(floor=0.3, metric="errors:score", higher_is_better=False, resamples=200, margin=0.1)
    better = judge(trial(champion=(range(30), NONE)), asked.changed(rule="better"))
    assert (better.decision.reason, better.whole("new").test) == ("BETTER", "bootstrap")  # type: ignore[union-attr]
    assert judge(trial(champion=(range(80), NONE)), asked).decision.reason == "BELOW_FLOOR"


HOURS = [50 + 10 * math.sin(at / 24 * 2 * math.pi) + at % 5 for at in range(240)]


def forecast(error: float, count: int = 240) -> list[float]:
    return [HOURS[at] + error * (-1) ** at for at in range(count)]


@pytest.mark.parametrize("metric", ["mae", "rmse", "mape"])
@pytest.mark.parametrize(
    ("challenger", "champion", "reason"),
    [
        (1.0, 2.0, "NOT_WORSE"),
        (2.0, 2.0, "NOT_WORSE"),
        (2.5, 2.0, "WORSE_ON_NEW"),
        (1.0, 40.0, "BELOW_FLOOR"),
    ],
)
def test_forecasts_are_judged_by_their_errors(
    metric: str, challenger: float, champion: float, reason: str
) -> None:
    floor = 0.3 if metric == "mape" else 8.0
    asked = Settings(floor=floor, metric=metric, resamples=200)
    models = [Model({"new": forecast(error)}) for error in (challenger, champion)]
    assert judge(Trial(rows(HOURS), None, *models), asked).decision.reason == reason


def test_naive_forecasts_are_shown_and_named_when_as_good() -> None:
    asked = Settings(
        floor=100, metric="mae", resamples=100,
        baselines=(Baseline("same hour yesterday", lag=24), Baseline("number", column="number"),
                   Baseline("missing", column="absent")),
    )  # fmt: skip
    earlier, later = rows(HOURS[:100]), rows(HOURS[100:])
    models = [Model({"new": [each + 9 for each in HOURS[100:]], "trusted": HOURS[:100]}) for _ in range(2)]
    found = judge(Trial(later, earlier, *models), asked)
    shown = {(each.name, each.rows_of): each for each in found.baselines}
    assert {name for name, _ in shown} == {"last value", "same hour yesterday", "number"}
    # the first trusted row has none before it; the batch's own go on where the trusted end
    assert shown["last value", "trusted"].rows == 99
    assert shown["last value", "new"].rows == 140
    assert shown["same hour yesterday", "trusted"].rows == 76
    expected = sum(abs(HOURS[at] - HOURS[at - 24]) for at in range(100, 240)) / 140
    assert shown["same hour yesterday", "new"].score == pytest.approx(expected)
    assert [note.code for note in found.notes].count("BELOW_BASELINE") == 2
    assert [note.code for note in found.notes].count("NO_COLUMN") == 2


@pytest.mark.parametrize("metric", ["accuracy", "balanced-accuracy", "f1-macro", "f1"])
def test_the_majority_class_is_always_shown(metric: str) -> None:
    skewed = ["1" if at % 5 == 0 else "0" for at in range(200)]
    found = judge(
        Trial(rows(skewed), rows(skewed), answering(skewed), answering(skewed)),
        SETTINGS.changed(metric=metric, resamples=100),
    )
    majority = {each.rows_of: each for each in found.baselines}
    expected = {"accuracy": 0.8, "balanced-accuracy": 0.5, "f1-macro": 0.8 * 200 / 360, "f1": 0.0}[metric]
    if metric == "f1":
        assert majority["new"].score == 0.0
    assert majority["new"].score == pytest.approx(expected, abs=1e-9)
    assert found.decision.reason == "NOT_WORSE"


@pytest.mark.parametrize("metric", ["auc", "log-loss"])
def test_probabilities_are_judged_in_each_models_own_order(metric: str) -> None:
    """One model has its classes in another order; both are equally good."""
    sure = [[0.9, 0.1] if label == "0" else [0.2, 0.8] for label in labels(200)]
    models = [
        Model({"new": sure}, ["0", "1"]),
        Model({"new": [row[::-1] for row in sure]}, ["1", "0"]),
    ]
    asked = Settings(floor=0.5, metric=metric, resamples=100)
    found = judge(Trial(rows(labels(200)), None, *models), asked)
    whole = found.whole("new")
    assert whole is not None
    assert whole.challenger == pytest.approx(whole.champion)
    assert found.decision.reason == "NOT_WORSE"


def test_slices_of_numbers_lie_between_bounds() -> None:
    asked = SETTINGS.changed(
        slices=(Slice("number", bounds=(50.0, 150.0)), Slice("absent")), least_slice_rows=51
    )
    found = judge(trial(), asked)
    parts = {each.part: each.rows for each in found.comparisons if each.rows_of == "new"}
    assert parts == {"": 200, "number=..50": 50, "number=50..150": 100, "number=150..": 50}
    codes = [note.code for note in found.notes]
    assert (codes.count("SMALL_SLICE"), codes.count("NO_COLUMN")) == (4, 2)


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3),
    st.lists(st.floats(), max_size=3),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    answers=st.lists(anything, max_size=40),
    metric=st.sampled_from(["accuracy", "f1", "auc", "log-loss", "mae"]),
    found_labels=st.lists(st.sampled_from(["0", "1", "x", ""]), max_size=40),
)
def test_whatever_models_answer_there_is_a_decision(
    answers: list[Any], metric: str, found_labels: list[Any]
) -> None:
    given_labels = [float(len(label)) for label in found_labels] if metric == "mae" else found_labels
    model = Model({"new": answers, "trusted": answers}, None)
    asked = Settings(floor=0.5, metric=metric, resamples=100, least_rows=5)
    found = judge(Trial(rows(given_labels), rows(given_labels), model, model), asked)
    assert found.decision.reason in REASONS
    assert {note.code for note in found.notes} <= set(NOTES)
    assert Evidence.parse(json.dumps(found.to_json(), allow_nan=False)).decision == found.decision
