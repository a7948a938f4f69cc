"""`gate`: what was decided, from what, and what another rule would have decided."""

from __future__ import annotations

import json

import pytest

from stepwell.retrain.gate import Settings, Trial, judge
from stepwell.retrain.gate.rows import Rows
from stepwell.retrain.gate.settings import Baseline, Slice
from stepwell.retrain.gate.trial import Model

LABELS = tuple(str(at % 2) for at in range(200))
EXECUTION = "arn:aws:states:eu-west-3:000000000000:execution:digits:b-1"


def evidence(lost):
    """Of 200 rows, of which the challenger loses some and the champion none."""
    rows = Rows(
        ("ward",),
        tuple((str(at // 100),) for at in range(200)),
        LABELS,
        tuple(f"{at:016x}" for at in range(200)),
    )
    worse = [str(1 - int(label)) if at < lost else label for at, label in enumerate(LABELS)]
    asked = Settings(floor=0.7, slices=(Slice("ward"),), baselines=(Baseline("yesterday", column="ward"),))
    return judge(Trial(rows, None, Model({"new": worse}), Model({"new": LABELS})), asked)


@pytest.fixture
def file(tmp_path):
    def written(lost=2):
        path = tmp_path / "evidence.json"
        path.write_text(json.dumps(evidence(lost).to_json()))
        return str(path)

    return written


def test_evidence_is_shown_with_its_comparisons_forecasts_and_remarks(run, file):
    done = run("gate", "show", file())
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith(
        "DEPLOY NOT_WORSE: The challenger is shown to be no more than the margin worse"
    )
    assert "floor at least 0.7" in done.out
    assert [line.split()[:7] for line in lines if line.startswith("new ")] == [
        ["new", "all", "200", "0.99", "1", "0", "2"],
        ["new", "ward=0", "100", "0.98", "1", "0", "2"],
        ["new", "ward=1", "100", "1", "1", "0", "0"],
    ]
    assert "majority class" in done.out
    assert "yesterday" in done.out
    assert "remark  NO_TRUSTED_ROWS" in done.out


def test_evidence_is_printed_whole_for_programs(run, file):
    done = run("gate", "show", file(), "--json")
    assert json.loads(done.out) == json.loads(json.dumps(evidence(2).to_json()))


@pytest.mark.parametrize(
    ("options", "now", "judgement"),
    [
        ((), "DEPLOY NOT_WORSE", "the same decision"),
        (("--rule", "better"), "KEEP NOT_SHOWN", "another decision"),
        (("--margin", "0.001"), "KEEP NOT_SHOWN", "another decision"),
        (("--floor", "1.1"), "QUARANTINE BELOW_FLOOR", "another decision"),
        (("--least-rows", "500"), "KEEP TOO_FEW_ROWS", "another decision"),
    ],
)
def test_another_rule_is_replayed(run, file, options, now, judgement):
    done = run("gate", "replay", file(), *options)
    was, replayed = done.out.splitlines()[:2]
    assert was.startswith("it was   DEPLOY NOT_WORSE: ")
    assert replayed.startswith(f"now      {now}: ")
    assert (done.code, judgement in done.err) == (0, True)


def test_a_replay_is_printed_for_programs(run, file):
    found = json.loads(run("gate", "replay", file(), "--rule", "better", "--json").out)
    assert (found["was"]["outcome"], found["replayed"]["decision"]["outcome"]) == ("DEPLOY", "KEEP")
    assert found["replayed"]["settings"]["rule"] == "better"


def test_a_setting_that_cannot_be_is_wrong_usage(run, file):
    done = run("gate", "replay", file(), "--margin", "-1")
    assert (done.code, "margin must be from 0" in done.err) == (2, True)


def test_what_is_no_evidence_is_named(run, tmp_path):
    path = tmp_path / "evidence.json"
    for content in (b"{}", b"<html>", b"\xff\xfe"):
        path.write_bytes(content)
        done = run("gate", "show", str(path))
        assert (done.code, str(path) in done.err) == (1, True)


def test_evidence_that_was_changed_is_not_replayed(run, tmp_path):
    value = evidence(9).to_json()
    value["comparisons"][0]["lost"] = 0
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(value))
    done = run("gate", "replay", str(path))
    assert (done.code, "9" in done.err) == (1, True)


@pytest.mark.parametrize("output", [None, "{}", "[1]", '{"evidence": 7}', '{"evidence": "/tmp/x"}'])
def test_an_execution_without_evidence_says_so(run, server, output):
    ended = {"executionArn": EXECUTION, "name": "b-1", "status": "SUCCEEDED"}
    server.answers["DescribeExecution"] = lambda request: {**ended, **({"output": output} if output else {})}
    server.answers["GetExecutionHistory"] = lambda request: {"events": []}
    done = run("gate", "show", EXECUTION)
    assert (done.code, "execution b-1 is SUCCEEDED; neither its output" in done.err) == (1, True)


def test_a_release_the_batch_and_the_champion_are_shown(run, tmp_path):
    value = evidence(2).to_json()
    value["released"] = {"action": "release", "by": "arn:ada", "at": "2026-03-02", "reason": "coded so"}
    value["sources"] |= {
        "batch": "march-0a1b",
        "trusted": {"may-77": "ab"},
        "champion": {"endpoint": "digits", "package": None, "config": "digits-2"},
        "packages": {"numpy": "2.0.1"},
        "python": "3.11.2",
        "execution": EXECUTION,
    }
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(value))
    done = run("gate", "show", str(path))
    assert done.out.splitlines()[1:4] == [
        "released by arn:ada at 2026-03-02: coded so",
        "batch    march-0a1b, trusted rows of may-77",
        "champion endpoint digits, config digits-2",
    ]
    assert "image  Python 3.11.2, 1 packages (see --json)" in done.err
    assert f"execution  {EXECUTION}" in done.err
