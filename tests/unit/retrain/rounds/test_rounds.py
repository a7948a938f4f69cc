"""Rounds of the monitor: what they read, and that a crossing starts the workflow once whatever is killed."""

from __future__ import annotations

from typing import Any

import pytest
from retrain.rounds.watching import CROSSING, Watching

from stepwell.retrain.rounds import handler, standing
from stepwell.testing import Stepwell, raises

KILLED = raises("Killed", "stopped by hand")


def test_a_crossing_starts_the_workflow_with_what_crossed(watching: Watching) -> None:
    found = watching.day(CROSSING)
    assert found.output["outcome"] == "CROSSED"
    assert found.states == [
        *("Begin", "Next", "Measure", "ReadSummary", "TakeSummary", "Commit", "Next"),
        *("Announce", "Start", "Told", "Next", "Done"),
    ]
    (run,) = watching.started
    assert run.input == {"trigger": "drift", "crossings": [CROSSING]}
    assert watching.stands.untold is None


def test_without_a_crossing_nothing_is_started(watching: Watching) -> None:
    assert watching.day().output == {
        "outcome": "MEASURED",
        "sentence": "So it is.",
        "rows": 300,
        "report": f"{watching.stands.folder}/report.json",
    }
    assert watching.started == []


@pytest.mark.parametrize("state", ["Measure", "Commit", "Announce", "Start", "Told"])
def test_a_monitor_killed_before_any_state_starts_the_workflow_once(watching: Watching, state: str) -> None:
    """What was committed is told by the next round; what wasn't is measured again."""
    watching.stepwell.mock(watching.machine, state, KILLED)
    assert watching.day(CROSSING).error == "Killed"
    assert len(watching.started) == (state == "Told")
    watching.heal()
    is_committed = state in ("Announce", "Start", "Told")
    watching.day(*([] if is_committed else [CROSSING]))
    assert [run.input["crossings"] for run in watching.started] == [[CROSSING]]
    watching.day()
    assert len(watching.started) == 1
    assert (watching.stands.untold, watching.stands.number) == (None, 3 if is_committed else 2)


@pytest.mark.parametrize("state", ["Commit", "Start", "Told"])
def test_a_monitor_killed_after_a_states_work_starts_the_workflow_once(
    watching: Watching, state: str
) -> None:
    def work_and_die(event: dict[str, Any]) -> Any:
        if state == "Start":
            watching.stepwell.start(watching.retraining, event["Input"], name=event["Name"])
        else:
            handler.ACTIONS[event["do"]](watching.monitor, event)
        return KILLED

    watching.stepwell.mock(watching.machine, state, returns=work_and_die)
    assert watching.day(CROSSING).error == "Killed"
    watching.heal()
    watching.day()
    assert len(watching.started) == 1
    assert watching.stands.untold is None


def test_a_function_that_is_asked_again_answers_the_same(watching: Watching) -> None:
    """Lambda's answer may be lost: its work is done then, and the question comes again."""
    watching.capture()
    watching.crossings = [CROSSING]
    begun = {"execution": "a:b:again", "at": "2026-01-02T00:00:00Z"}
    round_ = handler.begin(watching.monitor, begun)
    assert handler.begin(watching.monitor, begun) == round_
    found = {"crossings": [CROSSING], "more": 0, "until": 0.0, "drifted": ["psi"], "rows": 300}
    summary = {"outcome": "CROSSED", "sentence": "So it is.", **found}
    committed = [
        handler.commit(watching.monitor, {"round": {**round_, "summary": summary}}) for _ in range(2)
    ]
    assert committed[0] == committed[1]
    assert committed[0]["next"] == "tell"
    told = [handler.told(watching.monitor, {"round": committed[0]}) for _ in range(2)]
    assert [each["next"] for each in told] == ["end", "end"]
    assert (watching.stands.untold, watching.stands.number) == (None, 1)


def test_a_crossing_that_is_left_over_is_told_before_anything_is_measured(watching: Watching) -> None:
    watching.stepwell.mock(watching.machine, "Start", KILLED)
    watching.day(CROSSING)
    watching.heal()
    found = watching.day({**CROSSING, "column": "height"})
    assert found.states[:6] == ["Begin", "Next", "Announce", "Start", "Told", "Next"]
    assert {run.input["crossings"][0]["column"] for run in watching.started} == {"age", "height"}
    assert len(watching.started) == 2


def test_of_two_measures_at_once_one_counts(watching: Watching) -> None:
    """Both began from the same state: the slower one's crossing is the other's, or the next measure's."""
    watching.stepwell.advance("1 day")
    watching.capture()
    watching.crossings = [CROSSING]

    def overtaken(asked: dict[str, Any]) -> Any:
        watching.stepwell.mock(watching.machine, "Measure", returns=watching.measure)
        round_ = handler.begin(watching.monitor, {"execution": "a:b:faster", "at": "2026-01-02T00:00:00Z"})
        summary = {"outcome": "MEASURED", "sentence": "", "rows": 1, "until": 0.0, "crossings": [], "more": 0}
        summary["drifted"] = []
        handler.commit(watching.monitor, {"round": {**round_, "summary": summary}})
        return watching.measure(asked)

    watching.stepwell.mock(watching.machine, "Measure", returns=overtaken)
    found = watching.stepwell.start(watching.machine).wait()
    assert found.output["outcome"] == "SUPERSEDED"
    assert watching.stands.folder.endswith("monitor/runs/faster")
    assert (watching.started, watching.stands.untold) == ([], None)


def test_an_event_tells_of_a_crossing(watching: Watching, server: Stepwell) -> None:
    listened = server.machine(
        f"{watching.bucket}-listens", {"StartAt": "Heard", "States": {"Heard": {"Type": "Succeed"}}}
    )
    events = server.client("events")
    events.put_rule(
        Name=watching.bucket,
        EventPattern='{"source": ["stepwell.retrain"], "detail-type": ["Drift Detected"]}',
    )
    role = server.role(f"{watching.bucket}-events", "events.amazonaws.com")
    events.put_targets(Rule=watching.bucket, Targets=[{"Id": "heard", "Arn": listened, "RoleArn": role}])
    watching.day(CROSSING)
    server.settle()
    (heard,) = server.executions(listened)
    detail = heard.input["detail"]
    assert detail == {
        "workflow": "digits",
        "endpoint": "digits",
        "id": watching.started[0].arn.rpartition(":")[2],
        "sentence": "So it is.",
        "crossings": [CROSSING],
        "more": 0,
        "report": f"{watching.stands.folder}/report.json",
    }


def given(watching: Watching) -> dict[str, str]:
    """What the last job was given: URIs by input."""
    return {each["InputName"]: each["S3Input"]["S3Uri"] for each in watching.measures[-1]["ProcessingInputs"]}


def listed(watching: Watching, name: str) -> list[str]:
    """The keys of a manifest."""
    key = given(watching)[name].removeprefix(watching.uri(""))
    (first, *rest) = watching.document(key)
    return [first["prefix"].removeprefix(watching.uri("")) + each for each in rest]


def test_a_job_reads_profiles_captures_and_the_state_before(watching: Watching) -> None:
    watching.day()
    assert set(given(watching)) == {"config", "code", "profile", "capture"}
    assert listed(watching, "profile") == ["batches/a/profile.json", "batches/b/profile.json"]
    before = watching.stands.folder
    watching.put("labels/monday.csv", "1,1\n")
    watching.put("labels/notes.txt")
    watching.day()
    assert given(watching)["state"] == f"{before}/state.json"
    assert listed(watching, "labels") == ["labels/monday.csv"]


def test_captures_are_listed_from_some_hours_before_the_newest_that_counted(watching: Watching) -> None:
    """All variants, in the order of time; what is long over isn't read again."""
    old = watching.capture()
    watching.day()
    assert old in listed(watching, "capture")
    watching.stepwell.advance("20 hours")
    late, other = watching.capture(), watching.capture("shadow")
    watching.put(f"{late}.part")
    watching.day()
    assert old not in listed(watching, "capture")
    assert {late, other} < set(listed(watching, "capture"))
    assert not any(key.endswith(".part") for key in listed(watching, "capture"))


def test_labels_are_read_for_thirty_days(watching: Watching) -> None:
    watching.put("labels/old.csv")
    watching.stepwell.advance("31 days")
    watching.put("labels/new.csv")
    watching.day()
    assert listed(watching, "labels") == ["labels/new.csv"]


def test_nothing_new_needs_no_job(watching: Watching) -> None:
    watching.capture()
    outcomes = []
    for _ in range(3):
        watching.stepwell.advance("1 hour")
        outcomes.append(watching.stepwell.start(watching.machine).wait().output["outcome"])
    assert outcomes == ["MEASURED", "NOTHING_NEW", "NOTHING_NEW"]
    assert len(watching.measures) == 1


NOTHING = [
    ({"endpoint": None}, "NO_ENDPOINT", "There is no endpoint digits yet."),
    (
        {"endpoint": {"EndpointStatus": "Creating", "EndpointConfigName": "digits-1"}},
        "NO_ENDPOINT",
        "The endpoint digits is Creating.",
    ),
    (
        {"model": {"ModelName": "by-hand", "PrimaryContainer": {"Image": "image"}}},
        "NO_PROFILE",
        "The model by-hand in service comes from no model package.",
    ),
    (
        {"package": {}},
        "NO_PROFILE",
        "The model package digits/1 in service names no plan of this workflow.",
    ),
]


@pytest.mark.parametrize(("answers", "outcome", "sentence"), NOTHING)
def test_where_there_is_nothing_to_measure_the_monitor_says_so_and_ends_well(
    watching: Watching, answers: dict[str, Any], outcome: str, sentence: str
) -> None:
    watching.champion.answers.update(answers)
    assert watching.day().output == {"outcome": outcome, "sentence": sentence}
    assert watching.measures == []
    assert watching.stands == standing.Standing()


def test_before_anything_was_captured_there_is_nothing_new(watching: Watching) -> None:
    assert watching.stepwell.start(watching.machine).wait().output["outcome"] == "NOTHING_NEW"


def test_jobs_names_fit_sagemakers_limits_and_differ(watching: Watching) -> None:
    for _ in range(2):
        watching.day()
    names = [asked["ProcessingJobName"] for asked in watching.measures]
    assert len(set(names)) == 2
    assert all(len(name.replace("digits", "d" * 32)) <= 63 for name in names)
