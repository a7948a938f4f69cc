"""Which tasks of a history wait for an answer, whom they ask, and where their tokens are."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from stepwell.cli.waiting import state_of, waits

BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def event(number, kind, before, **details):
    named = {f"{kind[0].lower()}{kind[1:]}EventDetails": details} if details else {}
    if kind.endswith("StateEntered"):
        named = {"stateEnteredEventDetails": details}
    return {
        "id": number,
        "type": kind,
        "previousEventId": before,
        "timestamp": BEGAN + timedelta(seconds=number),
        **named,
    }


def task(first, state, *, resource="invoke.waitForTaskToken", ends=None, **parameters):
    """The events of one task, from `first` on."""
    given = {"resource": resource, "parameters": json.dumps(parameters), "timeoutInSeconds": 60}
    events = [
        event(first, "TaskStateEntered", 0, name=state),
        event(first + 1, "TaskScheduled", first, **given),
        event(first + 2, "TaskStarted", first + 1, resource=resource),
        event(first + 3, "TaskSubmitted", first + 2, resource=resource),
    ]
    return events + ([event(first + 4, ends, first + 3, resource=resource)] if ends else [])


ASKED = {"Payload": {"token": "T1", "package": "arn:p/1", "asks": "release"}}


def test_a_task_waits_until_an_event_ends_it():
    (open_,) = waits(task(1, "Ask", **ASKED))
    assert (open_.state, open_.since, open_.patience, open_.ended) == (
        "Ask",
        BEGAN + timedelta(seconds=2),
        60,
        None,
    )
    (over,) = waits(task(1, "Ask", ends="TaskTimedOut", **ASKED))
    assert over.ended == ("TaskTimedOut", BEGAN + timedelta(seconds=5))


def test_tasks_that_wait_for_no_token_are_none():
    assert waits(task(1, "Train", resource="createTrainingJob.sync")) == []
    assert waits(task(1, "Call", resource="invoke")) == []


def test_a_task_that_failed_and_is_tried_again_waits_anew():
    again = [
        event(6, "TaskScheduled", 5, resource="invoke.waitForTaskToken", parameters="{}"),
        event(7, "TaskStarted", 6, resource="invoke.waitForTaskToken"),
    ]
    first, second = waits([*task(1, "Ask", ends="TaskFailed"), *again])
    assert (first.event, second.event) == (2, 6)
    assert first.ended is not None and second.ended is None
    assert second.state == "Ask"


def test_branches_wait_side_by_side():
    found = waits([*task(1, "Left"), *task(11, "Right", ends="TaskSucceeded")])
    assert [(each.state, each.ended is None) for each in found] == [("Left", True), ("Right", False)]


def test_the_newest_part_of_a_history_tells_of_the_waits_that_began_in_it():
    (found,) = waits(task(1, "Ask", **ASKED)[1:])
    assert (found.event, found.asks) == (2, "release")


@pytest.mark.parametrize(
    ("parameters", "asks", "package"),
    [
        (ASKED, "release", "arn:p/1"),
        ({"Payload": {"package": "arn:p/1", "asks": "something"}}, None, None),
        ({"Payload": {"asks": "approve"}}, None, None),
        ({"Payload": "text"}, None, None),
        ({}, None, None),
    ],
)
def test_only_a_task_with_a_package_and_a_question_asks_for_a_decision_on_it(parameters, asks, package):
    (found,) = waits(task(1, "Ask", **parameters))
    assert (found.asks, found.package) == (asks, package)


@pytest.mark.parametrize(
    ("template", "parameters"),
    [
        ({"Parameters": {"Payload": {"token.$": "$$.Task.Token"}}}, {"Payload": {"token": "T"}}),
        (
            {"Parameters": {"MessageBody": {"deep": {"t.$": "$$.Task.Token"}}}},
            {"MessageBody": {"deep": {"t": "T"}}},
        ),
        ({"Arguments": {"t": "{% $states.context.Task.Token %}"}}, {"t": "T"}),
        ({"Arguments": {"list": ["x", "{%$states.context.Task.Token%}"]}}, {"list": ["x", "T"]}),
    ],
)
def test_a_token_is_found_where_the_definition_puts_it(template, parameters):
    (found,) = waits(task(1, "Ask", **parameters))
    assert found.token({"States": {"Ask": template}}) == "T"


@pytest.mark.parametrize(
    "template",
    [
        {"Parameters": {"t.$": "States.Format('{}!', $$.Task.Token)"}},
        {"Parameters": {"t.$": "$.token"}},
        {},
    ],
)
def test_a_token_in_another_form_is_not_guessed(template):
    (found,) = waits(task(1, "Ask", t="T"))
    assert found.token({"States": {"Ask": template}}) is None


def test_states_are_found_in_branches_and_maps():
    inner = {"States": {"Deep": {"Type": "Task"}}}
    definition = {
        "States": {
            "P": {"Type": "Parallel", "Branches": [{"States": {}}, inner]},
            "M": {"Type": "Map", "ItemProcessor": {"States": {"In": {"Type": "Wait"}}}},
        }
    }
    assert state_of(definition, "Deep") == {"Type": "Task"}
    assert state_of(definition, "In") == {"Type": "Wait"}
    assert state_of(definition, "Nowhere") == {}
