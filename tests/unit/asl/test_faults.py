"""Who catches what, and when a retry comes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell import asl
from stepwell.asl.faults import catches
from stepwell.asl.limits import MAX_SECONDS
from stepwell.asl.program import HandlingState, Retrier


@pytest.mark.parametrize(
    ("error_equals", "error", "caught"),
    [
        (["A"], "A", True),
        (["A", "B"], "B", True),
        (["A"], "AB", False),
        (["States.ALL"], "A", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.DataLimitExceeded", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.Runtime"], "States.Runtime", False),
        (["States.TaskFailed"], "A", True),
        (["States.TaskFailed"], "States.TaskFailed", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.TaskFailed"], "States.HeartbeatTimeout", False),
        (["States.Timeout"], "States.HeartbeatTimeout", True),
        (["States.HeartbeatTimeout"], "States.Timeout", False),
        ([], "A", False),
    ],
)
def test_who_catches_what(error_equals: list[str], error: str, caught: bool) -> None:
    assert catches(error_equals, error) is caught


def test_delays_grow_up_to_the_limit() -> None:
    retrier = Retrier(error_equals=("A",), interval_seconds=2, backoff_rate=3.0, max_delay_seconds=20)
    assert [retrier.delay(attempt, 0.5) for attempt in (1, 2, 3, 4)] == [2, 6, 18, 20]


def test_full_jitter_draws_from_the_whole_interval() -> None:
    retrier = Retrier(error_equals=("A",), interval_seconds=8, jitter_strategy="FULL")
    assert [retrier.delay(2, random) for random in (0.0, 0.25)] == [0, 4]


def test_a_delay_never_overflows() -> None:
    assert Retrier(error_equals=("A",), backoff_rate=10.0).delay(5_000, 0) == MAX_SECONDS


def test_causes_name_the_state_unless_aws_does_not() -> None:
    named = asl.StateError("States.Runtime", "it broke")
    assert named.cause("Train", 7) == (
        "An error occurred while executing the state 'Train' (entered at the event id #7). it broke"
    )
    assert asl.StateError("States.Runtime", "it broke", wrapped=False).cause("Train", 7) == "it broke"


def _task(**fields: Any) -> HandlingState:
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True, **fields}
    definition = {"StartAt": "S", "States": {"S": state, "H": {"Type": "Pass", "End": True}}}
    if "Catch" not in fields:
        del definition["States"]["H"]
    found = asl.compile(json.dumps(definition)).states["S"]
    assert isinstance(found, HandlingState)
    return found


def test_the_first_matching_retrier_counts() -> None:
    state = _task(Retry=[{"ErrorEquals": ["A"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}])
    assert state.retrier("A") == 0
    assert state.retrier("B") == 1
    assert state.retrier("States.Runtime") is None
    assert state.retriers[0].max_attempts == 0


def test_retriers_have_the_languages_defaults() -> None:
    (retrier,) = _task(Retry=[{"ErrorEquals": ["A"]}]).retriers
    assert retrier == Retrier(
        error_equals=("A",),
        interval_seconds=1,
        max_attempts=3,
        backoff_rate=2.0,
        max_delay_seconds=None,
        jitter_strategy="NONE",
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, {"Error": "A", "Cause": "c"}),
        ({"ResultPath": "$.error"}, {"x": 1, "error": {"Error": "A", "Cause": "c"}}),
        ({"ResultPath": None}, {"x": 1}),
    ],
)
def test_a_catcher_places_the_error(written: dict[str, Any], expected: Any) -> None:
    state = _task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "H", **written}])
    index = state.catcher("A")
    assert index == 0
    catcher = state.catchers[index]
    assert catcher.next == "H"
    env = asl.Environment(context={})
    assert catcher.output({"x": 1}, {"Error": "A", "Cause": "c"}, env) == expected
