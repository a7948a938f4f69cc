"""Which state an event belongs to, and what is said of it."""

from __future__ import annotations

import json

import pytest

from stepwell.cli.histories import States, cause_lines, in_short, remark, size, span


def entered(kind, name):
    return {"type": f"{kind}StateEntered", "stateEnteredEventDetails": {"name": name}}


def exited(kind, name):
    return {"type": f"{kind}StateExited", "stateExitedEventDetails": {"name": name}}


def iteration(what, number=0):
    return {
        "type": f"MapIteration{what}",
        f"mapIteration{what}EventDetails": {"name": "Each", "index": number},
    }


def happened(kind, **details):
    return {"type": kind, f"{kind[0].lower()}{kind[1:]}EventDetails": details}


#: id, previous id, event, the state it belongs to
NESTED = [
    (1, 0, {"type": "ExecutionStarted"}, ""),
    (2, 0, entered("Parallel", "Both"), "Both"),
    (3, 2, {"type": "ParallelStateStarted"}, "Both"),
    (4, 3, entered("Task", "Left"), "Left"),
    (5, 4, {"type": "TaskScheduled"}, "Left"),
    (6, 3, entered("Parallel", "Inner"), "Inner"),
    (7, 6, {"type": "ParallelStateStarted"}, "Inner"),
    (8, 7, entered("Pass", "Deep"), "Deep"),
    (9, 8, exited("Pass", "Deep"), "Deep"),
    (10, 9, {"type": "ParallelStateSucceeded"}, "Inner"),
    (11, 10, exited("Parallel", "Inner"), "Inner"),
    (12, 5, {"type": "TaskSucceeded"}, "Left"),
    (13, 12, exited("Task", "Left"), "Left"),
    (14, 11, {"type": "ParallelStateSucceeded"}, "Both"),
    (15, 14, exited("Parallel", "Both"), "Both"),
    (16, 15, entered("Map", "Each"), "Each"),
    (17, 16, {"type": "MapStateStarted", "mapStateStartedEventDetails": {"length": 1}}, "Each"),
    (18, 17, iteration("Started"), "Each"),
    (19, 18, entered("Wait", "Pause"), "Pause"),
    (20, 19, exited("Wait", "Pause"), "Pause"),
    (21, 20, iteration("Succeeded"), "Each"),
    (22, 21, {"type": "MapStateSucceeded"}, "Each"),
    (23, 22, exited("Map", "Each"), "Each"),
    (24, 23, {"type": "ExecutionSucceeded"}, ""),
]  # fmt: skip


def test_each_event_is_given_to_its_state_also_in_nested_branches():
    states = States()
    found = [
        states.name({"id": number, "previousEventId": before, **event}) for number, before, event, _ in NESTED
    ]
    assert found == [state for *_, state in NESTED]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "ParallelStateStarted"}, ""),
        (
            happened("TaskSucceeded", resourceType="sagemaker", resource="addTags", output="x" * 2048),
            "sagemaker:addTags  output 2.0 KiB",
        ),
        (happened("LambdaFunctionScheduled", resource="arn:x", input="é"), "arn:x  input 2 B"),
        (happened("MapStateStarted", length=3), "3 items"),
        (iteration("Failed", 2), "item 2"),
        (happened("ExecutionAborted"), ""),
        (happened("ExecutionFailed", error="E"), "E"),
        (happened("ExecutionFailed", cause="because\nof"), "because of"),
        (happened("ExecutionFailed", error="E", cause="because"), "E: because"),
    ],
)
def test_a_remark_says_what_was_called_what_failed_and_sizes(event, expected):
    assert remark(event) == expected


TRACE = [
    '  File "/usr/lib/python3.12/importlib/__init__.py", line 90, in import_module\n    return ...\n',
    '  File "<frozen importlib._bootstrap>", line 1, in _gcd_import\n',
    '  File "/var/task/index.py", line 1, in <module>\n    import nothing\n',
]


@pytest.mark.parametrize(
    ("cause", "lines", "first"),
    [
        ("", [], ""),
        ("plain\ntext", ["plain", "text"], "plain text"),
        ("17", ["17"], "17"),
        (
            json.dumps({"errorMessage": "a\nb", "errorType": "E", "stackTrace": TRACE}),
            [
                "Traceback (most recent call last):",
                '  File "/var/task/index.py", line 1, in <module>',
                "    import nothing",
                "E: a",
                "b",
            ],
            "E: a b",
        ),
        (json.dumps({"errorMessage": "timed out"}), ["timed out"], "timed out"),
        (json.dumps({"errorMessage": "", "errorType": "E", "stackTrace": []}), ["E: "], "E:"),
        (
            json.dumps({"TrainingJobName": "j", "FailureReason": "AlgorithmError: \nexit code 1"}),
            ["AlgorithmError: ", "exit code 1"],
            "AlgorithmError: exit code 1",
        ),
        (json.dumps({"a": [1]}), ["{", '  "a": [', "    1", "  ]", "}"], '{ "a": [ 1 ] }'),
        ("x" * 200, ["x" * 200], "x" * 117 + "..."),
    ],
)
def test_a_cause_is_shown_as_what_it_is(cause, lines, first):
    assert list(cause_lines(cause)) == lines
    assert in_short(cause) == first


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.000"),
        (-1, "0.000"),
        (59.9994, "59.999"),
        (59.9996, "1:00.000"),
        (62.345, "1:02.345"),
        (3600, "1:00:00.000"),
        (90061.5, "25:01:01.500"),
    ],
)
def test_spans_have_milliseconds_and_carry_over(seconds, expected):
    assert span(seconds) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("", "0 B"), ("é", "2 B"), ("x" * 1023, "1023 B"), ("x" * 1536, "1.5 KiB")]
)
def test_sizes_count_bytes(text, expected):
    assert size(text) == expected
