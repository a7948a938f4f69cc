"""Measures that follow each other: every request counts once, and a crossing is told once."""

from __future__ import annotations

import ast
import base64
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stepwell.retrain import archives, monitor
from stepwell.retrain.monitor.faults import MonitorFault

from .measuring import NOON, Watch, categories, line, numbers, profile

HOUR = 3600
DAY = 24 * HOUR
PSI = {"psi": {"cross": 0.2, "rearm": 0.1}}
CHANCE = random.Random(1000)
TRAINED = [CHANCE.gauss(0, 1) for _ in range(2000)]
BATCH = profile(2000, x=numbers(TRAINED))


def asked(day: int, center: float = 0.0, rows: int = 300, **more: Any) -> list[str]:
    """A day's requests, one row each."""
    chance = random.Random(day)
    return [
        line(f"{day}-{number}", f"{chance.gauss(center, 1)}\n", time=NOON + day * DAY, **more)
        for number in range(rows)
    ]


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path, ["x"], BATCH, limits=PSI, least_rows=200, patience=1)


def test_a_crossing_is_told_once_and_again_only_after_it_was_back(watch: Watch) -> None:
    centers = [0, 2, 2, 0.45, 2, 0, 0, 2, 2]
    told = [bool(watch.measure(asked(day, center)).crossings) for day, center in enumerate(centers)]
    #                  crosses  stands  between  stands   back          crosses again
    assert told == [False, True, False, False, False, False, False, True, False]


def test_between_the_two_limits_nothing_is_told_and_nothing_re_arms(watch: Watch) -> None:
    found = watch.measure(asked(0, 0.4))
    assert 0.1 < found.columns["x"]["psi"]["value"] < 0.2
    assert (found.outcome, found.standing) == ("MEASURED", [])
    watch.measure(asked(1, 2))
    found = watch.measure(asked(2, 0.4))
    assert [each["measure"] for each in found.standing] == ["psi"]
    assert "1 that crossed before aren't back" in found.sentence


#: what a caller may send to an endpoint: encoding, body
HOSTILE = {
    "nested without end": ("JSON", "[" * 100_000),
    "nested in lines": ("JSON", "{}\n" + "[" * 100_000),
    "no UTF-8, a megabyte of it": ("BASE64", base64.b64encode(b"\xff" * (1 << 20)).decode()),
    "half a character": ("JSON", '[1, "\\ud800"]'),
    "no number of JSON's": ("JSON", '[NaN, "a"]'),
    "a number beyond all": ("JSON", '[1e999, "a"]'),
    "digits without end": ("JSON", f'[{"9" * 10_000}, "a"]'),
    "a category of a megabyte": ("JSON", json.dumps([1, "k" * (1 << 20)])),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_callers_send_neither_ends_a_measure_nor_swells_it(tmp_path: Path, case: str) -> None:
    """Requests are written by whoever may ask the endpoint: a body is counted, or remarked on, briefly."""
    encoding, body = HOSTILE[case]
    watch = Watch(
        tmp_path,
        ["x", "y"],
        profile(2000, x=numbers(TRAINED), y=categories({"a": 2000})),
        limits=PSI,
        least_rows=5,
    )
    asked = [line(str(n), body, encoding=encoding, answer="nan\n", inference=str(n)) for n in range(20)]
    report = watch.measure(asked)
    assert report.requests + report.unreadable == 20
    assert len(json.dumps(report.to_json())) < 20_000
    assert sum(path.stat().st_size for path in tmp_path.rglob("state.json")) < 20_000
    again = watch.measure(line(f"more-{n}", '[0, "a"]', encoding="JSON") for n in range(20))
    assert again.requests == 20


def test_patience_is_measures_in_a_row(watch: Watch) -> None:
    watch.told["patience"] = 3
    centers = [2, 2, 0, 2, 2, 2, 2]
    told = [bool(watch.measure(asked(day, center)).crossings) for day, center in enumerate(centers)]
    assert told == [False] * 5 + [True, False]


def test_the_report_says_what_crossed(watch: Watch) -> None:
    found = watch.measure(asked(0, 3))
    assert found.outcome == "CROSSED"
    assert found.sentence.startswith("The distribution of x has moved (PSI ")
    assert watch.summary() == {
        "outcome": "CROSSED",
        "sentence": found.sentence,
        "rows": 300,
        "until": NOON,
        "crossings": found.crossings,
        "more": 0,
        "drifted": ["psi"],
    }
    assert found.crossings[0].keys() == {"measure", "column", "value", "cross", "rearm"}


def test_few_rows_say_nothing_and_join_the_next_ones(watch: Watch) -> None:
    first = watch.measure(asked(0, 2, rows=150))
    assert (first.outcome, first.columns) == ("TOO_FEW_ROWS", {})
    assert first.sentence == "150 rows are too few to say anything: they wait until there are 200."
    second = watch.measure(asked(1, 2, rows=60))
    assert (second.outcome, second.rows) == ("CROSSED", 210)
    assert watch.measure(asked(2, 2, rows=60)).rows == 60


def test_rows_that_wait_are_left_out_when_the_champion_changes(watch: Watch) -> None:
    watch.measure(asked(0, rows=150))
    watch.profiles(BATCH, profile(2000, x=numbers(TRAINED)))
    found = watch.measure(asked(1, rows=60))
    assert (found.rows, found.outcome) == (60, "TOO_FEW_ROWS")
    assert found.remarks == ["The champion has changed: 150 rows that waited are left out."]


def test_a_request_counts_once_however_often_its_line_comes(watch: Watch) -> None:
    lines = asked(0)
    first = watch.measure([*lines, *lines[:50]])
    assert (first.requests, first.repeated) == (300, 50)
    again = watch.measure([*lines, *asked(0, rows=320)[300:]])
    assert (again.requests, again.repeated, again.rows) == (20, 300, 20)


def test_a_line_that_comes_later_than_others_counts_up_to_six_hours(watch: Watch) -> None:
    watch.measure(asked(0))
    late = [line("late", "1\n", time=NOON - 5 * HOUR), line("too-late", "1\n", time=NOON - 7 * HOUR)]
    found = watch.measure(late)
    assert (found.requests, found.late) == (1, 1)
    again = watch.measure(late)
    assert (again.requests, again.repeated, again.late) == (0, 1, 1)


def test_a_request_from_the_future_makes_no_other_late(watch: Watch) -> None:
    watch.measure([line("odd", "1\n", time=NOON + 400 * DAY)], at="2026-01-05T12:00:00.000Z")
    assert watch.measure(asked(0)).requests == 300


def test_what_cannot_be_read_is_counted_and_said(watch: Watch) -> None:
    found = watch.measure(["{", *asked(0), line("1", "1,2\n")])
    assert (found.requests, found.unreadable) == (300, 2)
    assert found.remarks[1] == "a row has other cells than the 1 columns"


def test_a_small_sample_that_looks_odd_by_chance_does_not_cross(watch: Watch) -> None:
    """Twelve rows over ten bins have a great index whatever they are: its chance says so."""
    watch.told["least_rows"] = 12
    found = watch.measure(asked(1, rows=12))
    assert found.columns["x"]["psi"]["value"] > 0.2
    assert found.columns["x"]["psi"]["chance"] > 0.01
    assert not found.crossings


def test_categories_that_training_never_saw_are_named(tmp_path: Path) -> None:
    batch = profile(1000, x=categories({"red": 600, "blue": 399, "1": 1}))
    limits = {"unseen": {"cross": 0.05, "rearm": 0.01}}
    watch = Watch(tmp_path, ["x"], batch, limits=limits, least_rows=100, patience=1)
    seen = [line(str(each), "red\n1.0\n" if each % 9 else "grey\n") for each in range(100)]
    found = watch.measure(seen)
    rows = 88 * 2 + 12
    assert found.columns["x"]["unseen"] == {"value": 12 / rows, "chance": None, "values": {"grey": 12}}
    assert found.sentence == "6.4% of x are categories that training never saw (limit 5.0%)."
    assert found.columns["x"]["psi"]["value"] > 1


def test_of_more_categories_than_a_profile_keeps_none_is_called_unseen(tmp_path: Path) -> None:
    watch = Watch(tmp_path, ["x"], profile(1000, x=categories({"red": 600}, others=400)), least_rows=1)
    found = watch.measure([line("1", "grey\n")])
    assert set(found.columns["x"]) == {"missing", "psi"}


def test_missing_is_what_has_risen_since_training(tmp_path: Path) -> None:
    batch = profile(1000, x=numbers(range(900), missing=100), y={"type": "text", "missing": 0})
    limits = {"missing": {"cross": 0.1, "rearm": 0.05}}
    watch = Watch(tmp_path, ["x", "y"], batch, limits=limits, least_rows=10, patience=1)
    found = watch.measure([line("1", ",a\nnan,b\nword,c\n" + "1,d\n" * 7)])
    assert found.columns["x"]["missing"]["value"] == pytest.approx(0.2)
    assert found.columns["y"] == {"missing": {"value": 0.0, "chance": None}}
    assert [(each["measure"], each["column"]) for each in found.crossings] == [("missing", "x")]


def labelled(day: int, right: int, rows: int = 100) -> list[str]:
    """Requests that were answered 1, of which the first `right` get the label 1."""
    return [
        line(f"{day}-{number}", "0\n", time=NOON + day * DAY, answer="1\n", inference=f"{day}-{number}")
        for number in range(rows)
    ]


def labels(day: int, right: int, rows: int = 100) -> str:
    return "inference-id,label\n" + "".join(
        f"{day}-{number},{int(number < right)}\n" for number in range(rows)
    )


@pytest.fixture
def scored(tmp_path: Path) -> Watch:
    limits = {"score": {"cross": 0.8, "rearm": 0.9, "below": True}}
    return Watch(tmp_path, ["x"], BATCH, limits=limits, least_labels=100, patience=1)


def test_labels_that_arrive_later_are_scored_once(scored: Watch) -> None:
    first = scored.measure(labelled(0, 100))
    assert (first.score, first.awaiting) == (None, 100)
    second = scored.measure(labels=labels(0, 95))
    assert second.awaiting == 0
    assert second.score["value"] == 0.95
    assert second.score["rows"] == 100
    assert second.score["interval"][0] < 0.95 < second.score["interval"][1]
    third = scored.measure(labelled(0, 100), labels=labels(0, 95))
    assert third.score is None


def test_a_score_that_falls_is_told_once_until_it_was_back(scored: Watch) -> None:
    told = []
    for day, right in enumerate([95, 70, 70, 85, 95, 79]):
        told.append(bool(scored.measure(labelled(day, right), labels=labels(day, right)).crossings))
    assert told == [False, True, False, False, False, True]


def test_few_labels_wait_for_more(scored: Watch) -> None:
    assert scored.measure(labelled(0, 60, rows=60), labels=labels(0, 60, rows=60)).score is None
    assert scored.measure(labelled(1, 40, rows=40), labels=labels(1, 40, rows=40)).score["rows"] == 100


def test_a_request_of_several_rows_has_a_label_for_each_and_the_last_lines_count(scored: Watch) -> None:
    scored.told["least_labels"] = 2
    several = line("1", "0\n0\n", answer="1\n2\n", inference="mine")
    assert scored.measure([several], labels="mine,1\n").score is None
    assert scored.measure(labels="mine,7\nmine,1\nmine,2\n").score["value"] == 1.0


def test_an_answer_waits_thirty_days_for_its_label(scored: Watch) -> None:
    scored.measure(labelled(0, 1, rows=1))
    found = scored.measure(asked(31, rows=1))
    assert (found.awaiting, found.remarks) == (0, ["1 answers waited in vain for a label."])


def test_labels_without_a_score_are_remarked_on(scored: Watch) -> None:
    scored.told.update(least_labels=1, metric="auc", limits={})
    found = scored.measure([line("1", "0\n", answer="x\n", inference="mine")], labels="mine,1\n")
    assert found.score is None
    assert found.remarks[0].startswith("1 labelled answers have no score: ")


FAULTS = [
    ({"colums": ["x"]}, "the configuration has no colums"),
    ({"limits": {"psy": {"cross": 1, "rearm": 1}}}, "there is no measure psy; there are psi, ks"),
    ({"limits": {"psi": {"cross": 1}}}, "rearm"),
    ({"limits": {"score": {"cross": 1, "rearm": 2}}}, "of accuracy higher is better"),
    ({"metric": "nowhere:f"}, "metric nowhere:f cannot be loaded"),
]


@pytest.mark.parametrize(("told", "message"), FAULTS)
def test_a_wrong_configuration_is_a_fault(tmp_path: Path, told: dict[str, Any], message: str) -> None:
    watch = Watch(tmp_path, ["x"], BATCH)
    watch.told.update(told)
    with pytest.raises(MonitorFault, match=message):
        watch.measure()


def test_without_a_profile_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(MonitorFault, match="there is no profile to compare with"):
        Watch(tmp_path, ["x"]).measure()


@pytest.mark.parametrize("text", ["{", "{}", '{"schema": "stepwell.monitor-state/1", "seen": "?"}'])
def test_a_damaged_state_is_a_fault_and_never_a_new_beginning(watch: Watch, text: str) -> None:
    watch.measure(asked(0))
    (watch.base / "0/processing/report/state.json").write_text(text)
    with pytest.raises(MonitorFault, match=r"state\.json is"):
        watch.measure(asked(1))


def test_the_job_runs_alone_from_its_archive(watch: Watch) -> None:
    """With the standard library only, as a processing job runs it; a fault is its message."""
    watch.measure(asked(0))
    packed = watch.base / "monitor.zip"
    packed.write_bytes(archives.packed(archives.together("gate", "prepare", "monitor")))
    root = watch.base / "0"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(packed), "SAGEMAKER_BASE_DIR": str(root)}
    command = [sys.executable, "-S", "-m", "retrain.monitor"]

    def started() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=watch.base
        )

    done = started()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("monitor: MEASURED: No threshold was crossed in 300 rows")
    report = json.loads((root / "processing/report/report.json").read_text())
    assert (report["schema"], report["outcome"]) == ("stepwell.drift/1", "MEASURED")
    (root / "processing/config/monitor.json").unlink()
    failed = started()
    assert failed.returncode == 1
    assert failed.stderr == "monitor: config has 0 JSON files; one is needed\n"
    assert (root / "output/message").read_text() == "config has 0 JSON files; one is needed"


def test_the_packages_are_python_3_8_and_stand_alone() -> None:
    """Images have old Pythons, and none has Stepwell: only the three packages know one another."""
    allowed = set(sys.stdlib_module_names)
    for path in Path(monitor.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 8))):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed, path.name
            elif isinstance(node, ast.ImportFrom) and node.level != 1:
                package = (node.module or "").split(".")[0]
                assert package in (allowed if node.level == 0 else ("gate", "prepare")), path.name
