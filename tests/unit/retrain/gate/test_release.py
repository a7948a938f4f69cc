"""A release: a person overrules the first part as far as a person can know better; the second decides."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell.retrain.gate.decision import NO_CHAMPION, OVERRULED, REASONS, Note, part
from stepwell.retrain.gate.evidence import Evidence
from stepwell.retrain.gate.faults import SettingsInvalid
from stepwell.retrain.gate.replaying import replay
from stepwell.retrain.gate.settings import Settings, Slice
from stepwell.retrain.gate.sources import Release, Sources
from stepwell.retrain.gate.trial import Model, Trial, judge

from .cases import SETTINGS, labels, rows, trial, wrong

NONE: tuple[int, ...] = ()
RELEASE = Release(
    "release", "arn:aws:iam::000000000000:user/ada", "2026-03-02T09:00:00Z", "coded so since May"
)
SEVENS = ["7" if at % 2 else "0" for at in range(200)]


def tried(**changes: Any) -> Trial:
    return trial(released=RELEASE, **changes)


def sevens() -> Trial:
    """A batch with a class that the champion never saw."""
    new = rows(SEVENS)
    answers = {"new": SEVENS, "trusted": labels(200)}
    champion = {"new": ["0"] * 200, "trusted": labels(200)}
    return Trial(
        new, rows(labels(200), seed="t"), Model(answers, ["0", "1", "7"]), Model(champion, ["0", "1"]),
        released=RELEASE,
    )  # fmt: skip


def zeros() -> Trial:
    """A batch of one class."""
    answers = Model({"new": ["0"] * 200, "trusted": labels(200)}, ["0", "1"])
    return Trial(rows(["0"] * 200), rows(labels(200), seed="t"), answers, answers, released=RELEASE)


def without(code: str, challenger: tuple[Any, Any] = (NONE, NONE)) -> Trial:
    """A champion that can't answer."""
    made = tried(challenger=challenger)
    return Trial(
        made.new, made.trusted, made.challenger, Model(problem=Note(code, "gone.")), released=RELEASE
    )


#: case → (trial, settings, outcome, reason, the remarks' codes)
CASES: dict[str, tuple[Trial, Settings, str, str, set[str]]] = {
    "labels that the champion does not recognise, and the challenger does": (
        tried(champion=(range(80), NONE)), SETTINGS, "DEPLOY", "NOT_WORSE", {"OVERRULED"},
    ),
    "labels that neither recognises": (
        tried(champion=(range(80), NONE), challenger=(range(120), NONE)), SETTINGS, "KEEP", "WORSE_ON_NEW",
        {"OVERRULED", "CHALLENGER_BELOW_FLOOR"},
    ),
    "labels that neither recognises, and the challenger no worse": (
        tried(champion=(range(120), NONE), challenger=(range(115), NONE)), SETTINGS, "KEEP",
        "RELEASED_BELOW_FLOOR", {"OVERRULED", "CHALLENGER_BELOW_FLOOR"},
    ),
    "harm on trusted rows": (
        tried(champion=(range(80), NONE), challenger=(NONE, range(10))), SETTINGS, "KEEP", "WORSE_ON_TRUSTED",
        {"OVERRULED"},
    ),
    "a class that is not recognised": (
        tried(champion=(range(0, 60, 2), NONE)), SETTINGS.changed(slices=(Slice("label", floor=0.8),)),
        "DEPLOY", "NOT_WORSE", {"OVERRULED"},
    ),
    "a new class": (sevens(), SETTINGS, "DEPLOY", "NOT_WORSE", {"OVERRULED"}),
    "one class": (zeros(), SETTINGS, "DEPLOY", "NOT_WORSE", {"OVERRULED"}),
    "a first model that misses the floor": (
        tried(champion=None, trusted=0, challenger=(range(100), NONE)), SETTINGS, "DEPLOY", "FIRST_RELEASED",
        {"OVERRULED", "CHALLENGER_BELOW_FLOOR"},
    ),
    "a first model that reaches it": (
        tried(champion=None, trusted=0), SETTINGS, "DEPLOY", "FIRST_CHAMPION", set(),
    ),
    "nothing to overrule": (tried(), SETTINGS, "DEPLOY", "NOT_WORSE", set()),
    "too few rows": (tried(new=20), SETTINGS, "KEEP", "TOO_FEW_ROWS", set()),
    "no rows": (tried(new=0), SETTINGS, "KEEP", "EMPTY_BATCH", set()),
    "other columns": (
        tried(new=0, problems=(Note("COLUMNS_DIFFER", "b.csv."),)), SETTINGS, "QUARANTINE", "COLUMNS_DIFFER",
        set(),
    ),
    "a label is missing, and the champion is gone": (
        Trial(
            rows(labels(200)), None, trial().challenger, Model(problem=Note("MISSING", "gone.")),
            problems=(Note("LABEL_INVALID", "b.csv."),), released=RELEASE,
        ),
        SETTINGS, "QUARANTINE", "LABEL_INVALID", {"WITHOUT_CHAMPION", "NO_TRUSTED_ROWS"},
    ),
    "a broken challenger": (
        Trial(
            rows(labels(200)), rows(labels(200), seed="t"), Model(problem=Note("NAN", "none.")),
            Model({"new": wrong(labels(200), range(80)), "trusted": labels(200)}, ["0", "1"]),
            released=RELEASE,
        ),
        SETTINGS, "KEEP", "CHALLENGER_NAN", {"OVERRULED"},
    ),
    **{
        f"{code}, a good challenger": (
            without(code.partition("_")[2]), SETTINGS, "DEPLOY", "FIRST_CHAMPION", {"WITHOUT_CHAMPION"},
        )
        for code in NO_CHAMPION
    },
    "the champion is gone, and the challenger misses the floor": (
        without("MISSING", (range(120), NONE)), SETTINGS, "DEPLOY", "FIRST_RELEASED",
        {"WITHOUT_CHAMPION", "CHALLENGER_BELOW_FLOOR"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_release_overrules_the_first_part_and_the_second_decides(case: str) -> None:
    given, asked, outcome, reason, notes = CASES[case]
    found = judge(given, asked)
    assert (found.decision.outcome, found.decision.reason) == (outcome, reason), found.decision.sentence
    assert {each.code for each in found.notes} - {"BELOW_BASELINE"} == notes
    assert found.released == RELEASE


@pytest.mark.parametrize("case", CASES)
def test_a_replay_honours_the_release(case: str) -> None:
    given, asked, *_ = CASES[case]
    found = judge(given, asked)
    read = Evidence.parse(json.dumps(found.to_json()))
    assert read == found
    assert replay(read) == found.decision


def test_a_rejection_that_evidence_tells_of_overrules_nothing() -> None:
    rejected = Release("reject", "arn", "2026-03-02T09:00:00Z", "mixed up")
    given = trial(champion=(range(80), NONE), released=rejected)
    assert judge(given, SETTINGS).decision.reason == "BELOW_FLOOR"


def test_what_quarantines_a_batch_is_overruled_but_for_rows_that_cannot_be_read() -> None:
    quarantining = {code for code, (outcome, *_) in REASONS.items() if outcome == "QUARANTINE"}
    assert quarantining - {*OVERRULED, *NO_CHAMPION} == {"COLUMNS_DIFFER", "LABEL_INVALID"}
    assert all(part(code) == 1 for code in NO_CHAMPION)


#: what the configuration says → what the message names
WRONG: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a rejection": (Release, {**RELEASE.__dict__, "action": "reject"}, "only a release"),
    "nobody": (Release, {"action": "release"}, "by, at, reason"),
    "a number": (Release, {**RELEASE.__dict__, "by": 7}, "texts"),
    "another source": (Sources, {"moon": 1}, "moon"),
    "a source of another kind": (Sources, {"trusted": ["a"]}, "trusted must be an object"),
    "what the job itself sees": (Sources, {"gate": "abc"}, "gate"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_configuration_that_cannot_be_is_named(case: str) -> None:
    kind, value, message = WRONG[case]
    with pytest.raises(SettingsInvalid, match=message):
        kind.told(value)
