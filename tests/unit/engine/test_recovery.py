"""What memory forgets, the journal gives back: at every commit, in every kind of wait."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine.machines import Definition, TrainingJobs, branch, fail, fails, single, task, training
from engine.world import World

from stepwell.durable import WriteSet
from stepwell.engine import Execution
from stepwell.engine.frames import Frame, fold

INVOKE = "arn:aws:states:::lambda:invoke"


def everything(world: World) -> Definition:
    """A machine with every type of state, and every kind of wait."""
    flaky = world.function("flaky", fails("A", "A", result={"ok": True}))
    world.function("asked", lambda event: None)
    token = task(
        INVOKE + ".waitForTaskToken",
        Parameters={"FunctionName": "asked", "Payload": {"token.$": "$$.Task.Token"}},
        TimeoutSeconds=30,
        Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Late"}],
    )
    asking = {"StartAt": "Ask", "States": {"Ask": token, "Late": {"Type": "Pass", "End": True}}}
    mapped = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrency": 2,
        "ItemSelector": {"n.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"},
        "ItemProcessor": {
            "StartAt": "Pause",
            "States": {
                "Pause": {"Type": "Wait", "SecondsPath": "$.n", "Next": "Odd"},
                "Odd": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.n", "NumericEquals": 3, "Next": "Three"}],
                    "Default": "Other",
                },
                "Three": {"Type": "Pass", "Result": "three", "End": True},
                "Other": {"Type": "Succeed", "OutputPath": "$.n"},
            },
        },
        "ResultPath": "$.mapped",
        "End": True,
    }
    return {
        "StartAt": "Flaky",
        "States": {
            "Flaky": {
                "Type": "Task",
                "Resource": flaky,
                "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2}],
                "ResultPath": "$.flaky",
                "Next": "Both",
            },
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    branch("Train", **training()),
                    {"StartAt": "Mapped", "States": {"Mapped": mapped}},
                    asking,
                ],
                "ResultSelector": {"mapped.$": "$[1].mapped", "late.$": "$[2].Error"},
                "Next": "Last",
            },
            "Last": {"Type": "Pass", "Parameters": {"all.$": "$"}, "End": True},
        },
    }


INPUT = {"job": "j", "items": [5, 1, 3, 2]}


def play(world: World, between: Callable[[World], None]) -> tuple[str, list[Any]]:
    """Run the machine of everything to its end, with something between any two steps."""
    jobs = TrainingJobs(world)
    execution = world.start(world.create(everything(world)), INPUT)
    begun = world.clock.now()
    while world.describe(execution)["status"] == "RUNNING":
        between(world)
        if world.tick():
            continue
        if world.pending:
            # what an effect brought is decided before the crash: else it would be done again for ever
            world.perform()
            world.tick()
            continue
        if "j" in jobs.jobs and "ended" not in jobs.jobs["j"] and world.clock.now() - begun >= 12:
            jobs.jobs["j"]["ended"] = True
            jobs.end("j")
            continue
        due = world.loop.next_due()
        assert due is not None
        world.clock.advance(min(due - world.clock.now(), max(0.0, begun + 12 - world.clock.now()) or 60))
    return execution, [
        (event["id"], event["previousEventId"], event["type"], event["timestamp"])
        for event in world.history(execution)
    ]


def test_nothing_depends_on_memory(tmp_path: Path) -> None:
    """Forgotten frames, and a crash, before every single step lead to the very same history."""
    histories = []
    for name, between in (
        ("kept", lambda world: None),
        ("forgotten", lambda world: world.engine.discard()),
        ("crashed", lambda world: world.crash()),
    ):
        world = World(tmp_path / f"{name}.db")
        execution, history = play(world, between)
        output = json.loads(world.describe(execution)["output"])
        assert output == {"all": {"mapped": [5, 1, "three", 2], "late": "States.Timeout"}}
        histories.append(history)
        world.close()
    assert histories[0] == histories[1] == histories[2]
    assert len(histories[0]) > 50


def test_what_is_in_memory_is_what_the_journal_says(world: World, monkeypatch: Any) -> None:
    """After every commit the frames in memory equal those folded from the journal."""
    monkeypatch.setattr(world.engine, "_keep", lambda turn: None)
    compared = 0

    def compare(world: World) -> None:
        nonlocal compared
        for run_id, run in world.engine._runs.items():
            folded = fold(world.store.writer().journal(f"execution/{run_id}"))
            assert _shape(folded.root) == _shape(run.root)
            assert (folded.next_id, folded.ended, folded.input) == (run.next_id, run.ended, run.input)
            compared += 1

    play(world, compare)
    assert compared >= 20


def _shape(frame: Frame) -> tuple[Any, ...]:
    """All of a frame but what is worked out again when needed."""
    own = [getattr(frame, name) for name in Frame.__slots__ if name not in _SKIPPED]
    return (*own, {index: _shape(child) for index, child in frame.children.items()})


_SKIPPED = {"parent", "children", "items", "concurrency"}


def test_a_commit_that_fails_leaves_nothing_in_memory(world: World, monkeypatch: Any) -> None:
    """Nobody is acknowledged, and the same step is decided again from what is on disk."""
    arn = world.function("f", lambda event: event)
    execution = world.start(world.create(single(**task(arn))), 5)
    world.run(effects=False)
    real = world.store.commit

    def broken(writes: WriteSet) -> None:
        monkeypatch.setattr(world.store, "commit", real)
        raise OSError("disk full")

    effect = world.pending[0]
    world.perform()
    monkeypatch.setattr(world.store, "commit", broken)
    world.tick()
    assert world.types(execution)[-1] == "LambdaFunctionStarted"
    world._pending[effect.token] = effect
    world.run()
    assert world.output(execution) == 5


def test_a_decision_that_raises_fails_its_execution_and_no_other(world: World, monkeypatch: Any) -> None:
    """The execution ends with States.Runtime; another one in the same batch succeeds."""
    machine = world.create(single(Type="Wait", Seconds=5))
    bad, good = world.start(machine, name="bad"), world.start(machine, name="good")
    from stepwell.engine import states

    real = states._pass

    def odd(turn: Any, frame: Frame) -> None:
        if turn.execution.name == "bad":
            turn.draft.effect("task", {"never": "kept"})
            raise ZeroDivisionError("a fault of ours")
        real(turn, frame)

    monkeypatch.setattr(states, "_pass", odd)
    world.advance(5)
    found = world.describe(bad)
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "ZeroDivisionError: a fault of ours" in found["cause"]
    assert world.describe(good)["status"] == "SUCCEEDED"
    assert list(world.store.effects()) == []


def test_a_definition_that_a_later_release_refuses_ends_its_execution(world: World, monkeypatch: Any) -> None:
    """It fails with the reason, at its next step; no timer rings for ever."""
    execution = world.execute({**single(Type="Wait", Seconds=5), "TimeoutSeconds": 50})
    world.crash()

    def refuse(definition: str, digest: str | None = None) -> Any:
        raise ValueError("no longer understood")

    monkeypatch.setattr(world.engine.programs, "machine", refuse)
    world.advance(5)
    found = world.describe(execution)
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "ValueError: no longer understood" in found["cause"]
    assert world.types(execution)[-2:] == ["WaitStateEntered", "ExecutionFailed"]
    world.advance(50)
    assert world.loop.next_due() is None


def endless() -> Definition:
    """A machine that goes round until its input says otherwise."""
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.end", "IsPresent": True, "Next": "End"}],
        "Default": "A",
    }
    return {
        "StartAt": "A",
        "States": {"A": {"Type": "Pass", "Next": "B"}, "B": choice, "End": {"Type": "Succeed"}},
    }


def test_an_endless_loop_lets_others_in(world: World) -> None:
    """After a thousand steps a decision queues itself again; a stop comes through."""
    execution = world.start(world.create(endless()))
    assert world.describe(execution)["status"] == "RUNNING"
    first = len(world.history(execution))
    world.tick()
    world.call("StopExecution", executionArn=execution)
    assert world.describe(execution)["status"] == "ABORTED"
    # entering and working are a step each
    assert first == 1000


def test_a_loop_ends_at_the_historys_limit(world: World) -> None:
    """The 25,000th event is ExecutionFailed."""
    execution = world.execute(endless())
    assert world.describe(execution)["error"] == "States.Runtime"
    last = world.call("GetExecutionHistory", executionArn=execution, reverseOrder=True, maxResults=1)
    assert (last["events"][0]["id"], last["events"][0]["type"]) == (25_000, "ExecutionFailed")


def test_a_machines_timeout_ends_the_execution(world: World) -> None:
    """TIMED_OUT; no catcher sees it, and what was waited for is given up."""
    definition = {**single(Type="Wait", Seconds=100), "TimeoutSeconds": 10}
    execution = world.execute(definition)
    world.advance(9.9)
    assert world.describe(execution)["status"] == "RUNNING"
    world.advance(0.1)
    assert world.describe(execution)["status"] == "TIMED_OUT"
    assert world.types(execution)[-1] == "ExecutionTimedOut"
    assert world.loop.next_due() is None


def test_an_execution_that_ends_in_time_leaves_no_timer(world: World) -> None:
    """Its machine's timeout is cancelled."""
    world.execute({**single(Type="Pass"), "TimeoutSeconds": 10})
    assert world.loop.next_due() is None


def test_an_execution_that_waits_leaves_memory(world: World) -> None:
    """Frames are kept while a task is under way, and dropped while a timer or a job is waited for."""
    TrainingJobs(world)
    world.execute(single(**training()), {"job": "j"})
    world.start(world.create(single(Type="Wait", Seconds=99), "waits"))
    world.run()
    assert len(world.engine._runs) == 0


def test_a_fan_out_stays_in_memory_while_its_parts_come_and_go(world: World, monkeypatch: Any) -> None:
    """A journal is not read again for each of a thousand waits; with the last one it leaves."""
    folds = []
    real = world.store.writer().journal
    monkeypatch.setattr(world.store.writer(), "journal", lambda name: folds.append(name) or real(name))
    definition = single(Type="Map", ItemsPath="$", ItemProcessor=branch("W", Type="Wait", SecondsPath="$"))
    world.execute(definition, list(range(1, 31)))
    world.advance(27)
    assert (len(folds), len(world.engine._runs)) == (0, 1)
    world.engine.discard()
    world.advance(1)
    assert (len(folds), len(world.engine._runs)) == (1, 1)
    world.advance(1)
    assert len(world.engine._runs) == 0


@pytest.mark.parametrize("size", [10, 5000])
def test_large_payloads_are_kept_once_and_shown_everywhere(world: World, size: int) -> None:
    """A text of more than 4,096 characters is written once and referred to; the history shows it whole."""
    definition = {
        "StartAt": "A",
        "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "End": True}},
    }
    text = "x" * size
    execution = world.start(world.create(definition), text, name="e")
    entered, left = [], []
    for event in world.history(execution):
        details = event.get("stateEnteredEventDetails")
        if details:
            entered.append(json.loads(details["input"]))
        details = event.get("stateExitedEventDetails", event.get("executionSucceededEventDetails"))
        if details:
            left.append(json.loads(details["output"]))
    assert entered == [text] * 2
    assert left == [text] * 3
    record = world.store.writer().get(Execution, "machine:e")
    assert record is not None
    written = json.dumps(world.store.writer().journal(record.journal)).count(text)
    assert written == (3 if size > 4096 else 6)


def test_a_failure_without_names_is_kept_as_such(world: World) -> None:
    """A Fail state may say nothing."""
    execution = world.execute({"StartAt": "F", "States": {"F": {"Type": "Fail"}}})
    found = world.describe(execution)
    assert found["status"] == "FAILED"
    assert "error" not in found and "cause" not in found
    assert world.describe(world.start(world.create(fail("E", "C"), "named")))["error"] == "E"


def test_half_a_surrogate_pair_harms_nobody(world: World) -> None:
    """JSON may hold what UTF-8 cannot: the journal keeps it escaped, error names lose it."""
    arn = world.function("f", lambda event: event)
    half = "\ud800"
    definition = {
        "StartAt": "P",
        "States": {
            "P": {"Type": "Pass", "Result": half, "Next": "T"},
            "T": {"Type": "Task", "Resource": arn, "Next": "F"},
            "F": {"Type": "Fail", "ErrorPath": "$", "Cause": half},
        },
    }
    found = world.describe(world.execute(definition))
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "?", "?")
