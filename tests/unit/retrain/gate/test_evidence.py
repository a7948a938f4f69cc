"""Evidence: it survives JSON, says what was measured, and decides again without models or rows."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.retrain.gate.evidence import SCHEMA, Evidence, Outcomes, Release
from stepwell.retrain.gate.faults import EvidenceInvalid, SettingsInvalid
from stepwell.retrain.gate.replaying import replay, replayed
from stepwell.retrain.gate.settings import Slice
from stepwell.retrain.gate.trial import judge

from .cases import SETTINGS, trial
from .test_trial import CASES

NONE: tuple[int, ...] = ()


def document(found: Evidence) -> dict[str, Any]:
    """As it lies in the bucket."""
    value: dict[str, Any] = json.loads(json.dumps(found.to_json(), allow_nan=False))
    return value


@pytest.mark.parametrize("case", CASES)
def test_evidence_survives_json_and_decides_the_same_again(case: str) -> None:
    tried, asked, *_ = CASES[case]
    found = judge(tried, asked)
    read = Evidence.from_json(document(found))
    assert read == found
    assert replay(read) == found.decision


def test_the_document_names_rows_by_digests_and_copies_none() -> None:
    found = judge(trial(champion=(range(3), NONE)), SETTINGS)
    value = document(found)
    assert value["schema"] == SCHEMA
    assert "north" not in json.dumps(value)
    outcomes = Evidence.from_json(value).outcomes["new"]
    tried = trial(champion=(range(3), NONE)).new
    assert tried is not None
    assert outcomes.digests == tried.digests
    assert outcomes.champion == (0.0, 0.0, 0.0, *[1.0] * 197)
    assert outcomes.challenger == (1.0,) * 200


def test_documents_of_before_say_less_of_their_sources_and_are_still_read() -> None:
    value = document(judge(trial(), SETTINGS))
    value["sources"] = {name: value["sources"][name] for name in ("models", "versions", "job", "gate")}
    found = Evidence.from_json(value)
    assert (found.sources.batch, found.sources.packages) == ("", {})


def test_the_summary_has_no_rows_and_no_draws() -> None:
    asked = SETTINGS.changed(metric="balanced-accuracy", resamples=500)
    found = judge(trial(new=1000), asked)
    assert "outcomes" not in found.summary()
    assert all("draws" not in each for each in found.summary()["comparisons"])
    assert len(json.dumps(found.summary())) < 5000


#: what is replayed → the reason that it leads to, of a challenger that loses 4 and wins 14 of 200 rows
REPLAYED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing else": ({}, "NOT_WORSE"),
    "a gain is asked for": ({"rule": "better"}, "BETTER"),
    "with certainty": ({"rule": "better", "alpha": 0.001}, "NOT_SHOWN"),
    "a higher floor": ({"floor": 0.95}, "BELOW_FLOOR"),
    "more rows": ({"least_rows": 201}, "TOO_FEW_ROWS"),
    "no margin": ({"margin": 0.0}, "NOT_WORSE"),
    "left as it was": ({"rule": None, "margin": None}, "NOT_WORSE"),
}


@pytest.mark.parametrize("case", REPLAYED)
def test_another_rule_is_replayed_from_the_document(case: str) -> None:
    changes, reason = REPLAYED[case]
    tried = trial(challenger=(range(4), NONE), champion=(range(4, 18), NONE))
    read = Evidence.from_json(document(judge(tried, SETTINGS)))
    found = replayed(read, **changes)
    assert found.decision.reason == reason
    # the same as if it had been declared so
    declared = SETTINGS.changed(**{name: each for name, each in changes.items() if each is not None})
    measured = judge(tried, declared)
    assert (found.decision, found.comparisons) == (measured.decision, measured.comparisons)


def test_a_quarantined_batch_is_replayed_with_a_lower_floor() -> None:
    read = Evidence.from_json(document(judge(trial(champion=(range(100), NONE)), SETTINGS)))
    assert read.decision.reason == "BELOW_FLOOR"
    assert replay(read, floor=0.4).reason == "NOT_WORSE"


@pytest.mark.parametrize("metric", ["balanced-accuracy", "f1", "f1-macro"])
def test_draws_are_replayed_without_rows(metric: str) -> None:
    asked = SETTINGS.changed(metric=metric, resamples=300, slices=(Slice("hospital"),))
    tried = trial(challenger=(range(3), NONE))
    read = Evidence.from_json(document(judge(tried, asked)))
    for changes in ({"margin": 0.001}, {"rule": "better"}, {"trusted_margin": 0.2}, {"alpha": 0.2}):
        assert replayed(read, **changes) == judge(tried, asked.changed(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["metric", "seed", "resamples", "slices"])
def test_what_takes_the_models_is_not_replayed(name: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        replay(judge(trial(), SETTINGS), **{name: 1})


def test_evidence_whose_counts_are_not_its_rows_is_refused() -> None:
    """Wins that were written in later don't stand against the rows' outcomes."""
    value = document(judge(trial(challenger=(range(9), NONE)), SETTINGS))
    whole = next(each for each in value["comparisons"] if each["rows_of"] == "new")
    assert whole["lost"] == 9
    whole["lost"] = 0
    with pytest.raises(EvidenceInvalid, match="9"):
        replay(Evidence.from_json(value))


def test_who_released_is_kept() -> None:
    release = Release(
        action="release", by="arn:aws:iam::0:user/ada", at="2026-11-21T04:00:00Z", reason="a fair"
    )
    found = dataclasses.replace(judge(trial(), SETTINGS), released=release)
    assert Evidence.from_json(document(found)).released == release


def with_outcomes(value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**value, "outcomes": {"new": {**value["outcomes"]["new"], **changes}}}


DAMAGES: dict[str, Any] = {
    "no object": lambda value: [],
    "another form": lambda value: {**value, "schema": "stepwell.gate/99"},
    "no form": lambda value: {},
    "a field is missing": lambda value: {name: each for name, each in value.items() if name != "settings"},
    "a field too many": lambda value: {**value, "more": 1},
    "a decision without a reason": lambda value: {**value, "decision": {"outcome": "DEPLOY"}},
    "a reason that there is not": lambda value: {
        **value, "decision": {"outcome": "DEPLOY", "reason": "BRIBED", "sentence": "."},
    },
    "wrong settings": lambda value: {**value, "settings": {**value["settings"], "rule": "worst"}},
    "damaged outcomes": lambda value: with_outcomes(value, digests="A"),
    "outcomes of other rows": lambda value: with_outcomes(value, rows=7),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_document_is_refused(case: str) -> None:
    value = document(judge(trial(), SETTINGS))
    with pytest.raises((EvidenceInvalid, SettingsInvalid)):
        Evidence.from_json(DAMAGES[case](value))


def test_a_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(EvidenceInvalid, match="no JSON"):
        Evidence.parse("<html>")


@given(st.integers(0, 40), st.data())
def test_outcomes_survive_packing(rows: int, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["right", "error", "chance"]))
    value = st.sampled_from([0.0, 1.0]) if kind == "right" else st.floats(0, 100, width=32)
    models = [tuple(data.draw(st.lists(value, min_size=rows, max_size=rows))) for _ in range(2)]
    found = Outcomes(tuple(f"{at:016x}" for at in range(rows)), kind, *models)
    assert Outcomes.from_json(rows, json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_a_text_that_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(EvidenceInvalid, match="nested"):
        Evidence.parse(text)
