"""The loop: decide purely, commit once, then let things out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stepwell.clock import ManualClock
from stepwell.durable import Draft, Effect, Loop, Record, Timer, WriteSet
from stepwell.durable.loop import BATCH
from stepwell.store import SqliteStore


class Note(Record, frozen=True, kw_only=True):
    SERVICE: ClassVar[str] = "test"
    KIND: ClassVar[str] = "note"
    name: str
    text: str = ""

    @property
    def key(self) -> str:
        return self.name


class World:
    """A loop ticked by hand over a real store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock(1000.0)
        self.started: list[Effect] = []
        self.settled: set[str] = set()
        self.fired: list[tuple[str, float]] = []
        self.discards = 0
        self.chained = 0
        self.open()

    def open(self) -> None:
        self.store = SqliteStore(self.path, account="0" * 12, region="us-east-1", durable=False)
        self.loop = Loop(
            store=self.store,
            clock=self.clock,
            timers={"ring": self.ring, "fail": self.fail, "chain": self.chain},
            started=self.started.extend,
            settled=self.settled.update,
            discarded=self.discard,
            seed=1,
        )

    def crash(self) -> None:
        """Forget all memory, keep the disk."""
        self.store.close()
        self.open()

    def ring(self, timer: Timer, draft: Draft) -> None:
        self.fired.append((timer.body["name"], draft.now))
        draft.put(Note(name=timer.body["name"], text="rang"))

    def fail(self, timer: Timer, draft: Draft) -> None:
        raise RuntimeError("always")

    def chain(self, timer: Timer, draft: Draft) -> None:
        self.chained += 1
        if timer.body["left"]:
            draft.send("chain", {"left": timer.body["left"] - 1})

    def discard(self) -> None:
        self.discards += 1

    def decide(self, decision: Any) -> list[Any]:
        answers: list[Any] = []
        self.loop.submit(decision, lambda value, problem: answers.append(problem or value))
        self.loop.tick(self.clock.now())
        return answers

    def note(self, name: str) -> Note | None:
        with self.store.reader() as view:
            return view.get(Note, name)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "stepwell.db")
    yield world
    world.store.close()


def test_a_decision_is_answered_after_its_commit(world: World) -> None:
    seen: list[Note | None] = []

    def put(draft: Draft) -> str:
        draft.put(Note(name="a", text="1"))
        return "done"

    world.loop.submit(put, lambda value, problem: seen.append(world.note("a")))
    world.loop.tick(1000.0)
    assert seen == [Note(name="a", text="1")]


def test_a_raising_decision_discards_only_its_own_draft(world: World) -> None:
    answers: list[Any] = []

    def good(draft: Draft) -> str:
        draft.put(Note(name="good"))
        return "good"

    def bad(draft: Draft) -> None:
        draft.put(Note(name="bad"))
        raise ValueError("no")

    for decision in (good, bad):
        world.loop.submit(decision, lambda value, problem: answers.append(value or type(problem)))
    world.loop.tick(1000.0)
    assert answers == ["good", ValueError]
    assert world.note("good") is not None
    assert world.note("bad") is None


def test_later_decisions_of_a_batch_see_earlier_ones(world: World) -> None:
    answers: list[Any] = []

    def append(draft: Draft) -> list[str]:
        old = draft.get(Note, "a")
        draft.put(Note(name="a", text=(old.text if old else "") + "x"))
        draft.append("j", [len(draft.journal("j"))])
        return [note.text for note in draft.scan(Note)] + draft.journal("j")

    for _ in range(3):
        world.loop.submit(append, lambda value, problem: answers.append(value))
    world.loop.tick(1000.0)
    assert answers == [["x", 0], ["xx", 0, 1], ["xxx", 0, 1, 2]]


def test_scan_merges_what_is_written_with_what_is_stored(world: World) -> None:
    def fill(draft: Draft) -> None:
        for name in ("a/1", "a/2", "a/3", "b/1"):
            draft.put(Note(name=name))

    def change(draft: Draft) -> list[str]:
        draft.delete(Note, "a/2")
        draft.put(Note(name="a/25"))
        return [note.name for note in draft.scan(Note, prefix="a/", after="a/1", limit=2)]

    world.decide(fill)
    assert world.decide(change) == [["a/25", "a/3"]]


def test_a_failed_commit_acknowledges_nobody_and_lets_nothing_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(writes: WriteSet) -> None:
        raise OSError("disk full")

    def decision(draft: Draft) -> str:
        draft.put(Note(name="a"))
        draft.effect("do", {})
        return "acknowledged"

    monkeypatch.setattr(world.store, "commit", refuse)
    (answer,) = world.decide(decision)
    assert isinstance(answer, OSError)
    assert world.started == []
    assert world.discards == 1
    monkeypatch.undo()
    assert world.note("a") is None


def test_an_outcome_whose_commit_failed_is_decided_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would repeat it: its effect is done, and stays in the store until it is taken in."""

    def refuse(writes: WriteSet) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(world.store, "commit", refuse)
    world.loop.submit(lambda draft: draft.put(Note(name="outcome")))
    world.loop.tick(1000.0)
    monkeypatch.undo()
    world.loop.tick(1000.5)
    assert world.note("outcome") is None
    world.loop.tick(1001.0)
    assert world.note("outcome") == Note(name="outcome")
    world.loop.tick(1002.0)
    assert world.loop.tick(1003.0) == 0


def test_effects_start_after_the_commit_and_survive_until_settled(world: World) -> None:
    (token,) = world.decide(lambda draft: draft.effect("do", {"what": 1}))
    assert [(effect.token, effect.body) for effect in world.started] == [(token, {"what": 1})]
    world.crash()
    assert [effect.token for effect in world.store.effects()] == [token]
    world.decide(lambda draft: draft.settle(token))
    assert world.settled == {token}
    assert list(world.store.effects()) == []


def test_timers_fire_once_when_due_and_survive_a_crash(world: World) -> None:
    world.decide(lambda draft: draft.timer("t", 1010.0, "ring", {"name": "late"}))
    world.decide(lambda draft: draft.timer("u", 1005.0, "ring", {"name": "early"}))
    world.loop.tick(1004.0)
    assert world.fired == []
    world.crash()
    world.loop.tick(1020.0)
    world.loop.tick(1030.0)
    assert world.fired == [("early", 1020.0), ("late", 1020.0)]
    assert world.note("late") is not None


def test_a_moved_timer_rings_at_its_new_time_and_a_cancelled_one_never(world: World) -> None:
    world.decide(lambda draft: draft.timer("t", 1005.0, "ring", {"name": "moved"}))
    world.decide(lambda draft: draft.timer("t", 1050.0, "ring", {"name": "moved"}))
    world.decide(lambda draft: draft.timer("c", 1005.0, "ring", {"name": "cancelled"}))
    world.decide(lambda draft: draft.cancel("c"))
    world.loop.tick(1049.0)
    assert world.fired == []
    world.loop.tick(1050.0)
    assert world.fired == [("moved", 1050.0)]


def test_a_timer_that_is_set_again_to_the_same_time_rings_once(world: World) -> None:
    for _ in range(2):
        world.decide(lambda draft: draft.timer("t", 1005.0, "ring", {"name": "once"}))
    world.loop.tick(1006.0)
    assert world.fired == [("once", 1006.0)]


def test_a_timer_that_raises_is_tried_again_and_stops_nobody_else(world: World) -> None:
    world.decide(lambda draft: draft.timer("f", 1001.0, "fail", {}))
    world.decide(lambda draft: draft.timer("r", 1001.0, "ring", {"name": "ok"}))
    world.loop.tick(1002.0)
    assert world.fired == [("ok", 1002.0)]
    assert world.loop.next_due() == 1062.0


def test_a_message_is_handled_in_the_commit_that_sends_it(world: World) -> None:
    """One sync for both; the handler sees what the sender wrote, and is a decision of its own."""

    def send(draft: Draft) -> None:
        draft.put(Note(name="message", text="sent"))
        draft.send("ring", {"name": "message"})

    world.decide(send)
    assert world.fired == [("message", 1000.0)]
    assert world.note("message") == Note(name="message", text="rang")
    world.crash()
    world.loop.tick(1001.0)
    assert world.fired == [("message", 1000.0)]


def test_what_a_message_sends_waits_for_a_later_tick(world: World) -> None:
    """A chain of messages holds nobody up."""
    world.decide(lambda draft: draft.send("chain", {"left": 3}))
    left = [world.chained]
    for _ in range(2):
        world.loop.tick(1000.0)
        left.append(world.chained)
    assert left == [1, 3, 4]


def test_a_message_that_cannot_be_handled_undoes_nothing_and_is_kept(world: World) -> None:
    def send(draft: Draft) -> None:
        draft.put(Note(name="sender"))
        draft.send("fail", {})

    assert world.decide(send) == [None]
    assert world.note("sender") == Note(name="sender")
    world.crash()
    assert world.loop.next_due() == 1000.0
    world.loop.tick(1000.0)
    assert world.loop.next_due() == 1060.0


def test_more_messages_than_a_batch_takes_are_all_handled_in_time(world: World) -> None:
    def send(draft: Draft) -> None:
        for number in range(BATCH + 10):
            draft.send("ring", {"name": str(number)})

    world.decide(send)
    assert len(world.fired) == BATCH
    world.loop.tick(1000.0)
    assert len({name for name, _ in world.fired}) == len(world.fired) == BATCH + 10


def test_core_time_never_goes_back(world: World) -> None:
    times: list[float] = []
    for now in (1000.0, 2000.0, 1500.0):
        world.loop.submit(lambda draft: times.append(draft.now))
        world.loop.tick(now)
    assert times == [1000.0, 2000.0, 2000.0]


def test_the_same_seed_gives_the_same_identifiers(tmp_path: Path) -> None:
    def identifiers(path: Path) -> list[Any]:
        world = World(path)
        answers = world.decide(lambda draft: [draft.unique(), draft.uuid()])
        world.store.close()
        return answers

    assert identifiers(tmp_path / "a.db") == identifiers(tmp_path / "b.db")
