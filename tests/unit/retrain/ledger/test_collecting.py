"""Collecting: what is pending makes a batch once enough has arrived, counted or waited for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from retrain.ledger.world import World

from stepwell.retrain.ledger import rows
from stepwell.retrain.ledger.collecting import in_utc, moment
from stepwell.retrain.ledger.faults import InputInvalid
from stepwell.retrain.ledger.settings import Source


def clock(world: World, *, more: float = 0) -> str:
    """The time as the machine tells it, by so many seconds later."""
    return in_utc(datetime.fromtimestamp(world.stepwell.now.timestamp() + more, UTC))


def asked(world: World, trigger: str, more: float = 0) -> dict[str, Any]:
    return world.ask("begin", world.start(), at=clock(world, more=more), input={"trigger": trigger})


def outcome(answer: dict[str, Any]) -> str:
    return "DUE" if answer["due"] else answer["result"]["outcome"]


TEN = "outcome,age\n" + "1,30\n" * 10


@pytest.mark.parametrize("trigger", ["schedule", "window", "check", "drift"])
def test_nothing_pending_is_nothing_new(world: World, trigger: str) -> None:
    world.put("elsewhere/a.csv")
    assert outcome(asked(world, trigger)) == "NOTHING_NEW"
    assert world.holder is None


@pytest.mark.parametrize("trigger", ["schedule", "window", "check", "drift", "hand"])
def test_what_is_pending_is_one_batch(world: World, trigger: str) -> None:
    world.put("data/a.csv")
    world.put("data/deeper/b.csv")
    world.put("data/", b"")
    run = asked(world, trigger)
    assert run["trigger"] == trigger
    assert world.at(run["manifest"])[1:] == ["data/a.csv", "data/deeper/b.csv"]
    assert world.batch(run["batch"]).collected


def test_sources_that_overlap_name_an_object_once(made: Callable[..., World]) -> None:
    world = made(sources=[{"prefix": "data/", "suffix": ""}, {"prefix": "data/a", "suffix": ".csv"}])
    world.put("data/a.csv")
    assert world.at(asked(world, "schedule")["manifest"])[1:] == ["data/a.csv"]


def test_a_new_version_is_pending_and_the_same_bytes_are_not(world: World) -> None:
    world.accepted(world.put("data/a.csv", "1"))
    world.put("data/a.csv", "1")
    assert outcome(asked(world, "schedule")) == "NOTHING_NEW"
    world.put("data/a.csv", "2")
    assert outcome(asked(world, "schedule")) == "DUE"


@pytest.mark.parametrize("trigger", ["upload", "check"])
def test_rows_are_waited_for(made: Callable[..., World], trigger: str) -> None:
    world = made(when={"rows": 20, "seconds": None})
    world.put("data/a.csv", TEN)
    answer = asked(world, trigger)
    assert answer["result"] == {
        "outcome": "COLLECTING",
        "sentence": f"1 objects are pending, with 10 rows of 20; the oldest arrived at {clock(world)}.",
        "objects": 1,
        "rows": 10,
        "oldest": clock(world),
    }
    assert world.holder is None and world.workflow.batches.all() == []
    world.put("data/b.csv", TEN)
    run = asked(world, trigger)
    assert world.at(run["manifest"])[1:] == ["data/a.csv", "data/b.csv"]


@pytest.mark.parametrize(
    ("when", "after", "due"),
    [
        ({"rows": None, "seconds": 3600}, 3599, False),
        ({"rows": None, "seconds": 3600}, 3600, True),
        ({"rows": 1000, "seconds": 3600}, 3599, False),
        ({"rows": 1000, "seconds": 3600}, 3600, True),
        ({"rows": 10, "seconds": 3600}, 0, True),
        ({"rows": None, "seconds": 3600}, -5, False),
        ({"rows": None, "seconds": None}, 10_000_000, False),
    ],
)
def test_whichever_holds_first_begins_a_batch(
    made: Callable[..., World], when: dict[str, Any], after: float, due: bool
) -> None:
    world = made(when=when)
    world.put("data/a.csv", TEN)
    assert asked(world, "check", after)["due"] is due


@pytest.mark.parametrize("trigger", ["upload", "check"])
def test_while_a_score_has_fallen_and_is_not_back_nothing_waits(
    made: Callable[..., World], trigger: str
) -> None:
    """Also what arrives after the fall, which itself has started a run once."""
    world = made(when={"rows": 1000, "seconds": None, "score": True})
    for drifted, result in ((None, "COLLECTING"), (["psi"], "COLLECTING"), (["psi", "score"], "DUE")):
        if drifted is not None:
            world.put("monitor/current.json", json.dumps({"drifted": drifted}))
        world.put("data/a.csv", TEN)
        assert outcome(asked(world, trigger)) == result


def test_time_counts_from_the_oldest_object(made: Callable[..., World]) -> None:
    world = made(when={"rows": None, "seconds": 3600})
    world.put("data/a.csv", "1")
    world.stepwell.advance("50 minutes")
    world.put("data/b.csv", "2")
    assert outcome(asked(world, "check")) == "COLLECTING"
    world.stepwell.advance("10 minutes")
    assert len(world.at(asked(world, "check")["manifest"])) == 3


@pytest.mark.parametrize("trigger", ["schedule", "window", "drift", "hand"])
def test_a_schedule_a_drift_and_a_person_do_not_wait(made: Callable[..., World], trigger: str) -> None:
    world = made(when={"rows": 1000, "seconds": None})
    world.put("data/a.csv", TEN)
    assert asked(world, trigger)["due"]


def test_a_returned_batch_waits_for_more(world: World) -> None:
    execution = world.start()
    world.put("data/a.csv", "1")
    run = world.judged(world.planned(execution, trigger="schedule"), "KEEP", "TOO_FEW_ROWS")
    world.ask("close", execution, run=run, outcome="KEPT")
    world.put("data/b.csv", "2")
    again = asked(world, "schedule")
    assert again["batch"] != run["batch"]
    assert world.at(again["manifest"])[1:] == ["data/a.csv", "data/b.csv"]


def test_the_same_objects_that_were_returned_are_the_same_batch(world: World) -> None:
    execution = world.start()
    world.put("data/a.csv", "1")
    run = world.judged(world.planned(execution, trigger="schedule"), "KEEP", "TOO_FEW_ROWS")
    world.ask("close", execution, run=run, outcome="KEPT")
    again = asked(world, "schedule")
    assert again["batch"] == run["batch"]
    batch = world.batch(run["batch"])
    assert batch.rows is None and batch.outcome is None
    assert [each.status for each in batch.history] == ["PREPARING", "RETURNED", "PREPARING"]


def test_rows_are_counted_once_and_only_of_what_is_pending(made: Callable[..., World]) -> None:
    world = made(when={"rows": 30, "seconds": None})
    event = world.put("data/a.csv", TEN)
    asked(world, "check")
    assert world.document(rows.KEY) == [["data/a.csv", event["etag"], 10]]

    class Counting:
        """S3 that tells which raw objects are read."""

        read: list[str] = []

        def __getattr__(self, name: str) -> Any:
            return getattr(world.s3, name)

        def get_object(self, **given: Any) -> Any:
            if given["Key"].startswith("data/"):
                self.read.append(given["Key"])
            return world.s3.get_object(**given)

    world.put("data/b.csv", TEN)
    s3 = Counting()
    assert outcome(asked(world.with_(s3=s3), "check")) == "COLLECTING"
    assert s3.read == ["data/b.csv"]
    world.put("data/c.csv", TEN)
    run = asked(world, "check")
    assert run["due"]
    world.stop(world.batch(run["batch"]).execution)
    world.workflow.batches.withdraw(run["batch"], by="ada", why="so", at=clock(world))
    world.put("data/d.csv", TEN)
    asked(world, "check")
    assert [each[0] for each in world.document(rows.KEY)] == ["data/d.csv"]


@pytest.mark.parametrize(
    ("header", "text", "expected"),
    [(True, TEN, 10), (False, TEN, 11), (True, "", 0), (True, "outcome,age\n", 0), (False, '{"a": 1}', 1)],
)
def test_a_line_of_names_is_no_row(
    made: Callable[..., World], header: bool, text: str, expected: int
) -> None:
    world = made(when={"rows": 1000, "seconds": None}, header=header)
    world.put("data/a.csv", text)
    assert asked(world, "check")["result"]["rows"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", 0),
        (b"a", 1),
        (b"a\n", 1),
        (b"a\nb", 2),
        (b"a\r\nb\r\n", 2),
        (b"a\rb\r", 2),
        (b"\n\na\n\n\nb\n\n", 2),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_lines_are_counted_wherever_a_piece_ends(
    text: bytes, expected: int, size: int, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(text)
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    if pack is gzip.compress and size == 1:
        pieces = [packed[:2], *pieces[2:]]
    assert rows.lines(pieces) == expected


def test_what_unpacks_to_much_more_is_counted_in_pieces() -> None:
    packed = gzip.compress(b"0123456789\n" * 2_000_000)
    assert len(packed) < 100_000
    assert rows.lines([packed]) == 2_000_000


def test_two_compressed_parts_in_one_file_are_both_counted() -> None:
    assert rows.lines([gzip.compress(b"a\nb\n") + gzip.compress(b"c\nd\n")]) == 4


def test_a_damaged_archive_has_no_rows_that_could_be_waited_for(made: Callable[..., World]) -> None:
    world = made(when={"rows": 1000, "seconds": None})
    world.put("data/a.csv", b"\x1f\x8bnot compressed\nat all\n")
    assert asked(world, "check")["result"]["rows"] == 0


@pytest.mark.parametrize(
    "text", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00+01:00", "2026-01-01"]
)
def test_times_of_any_form_are_one_moment(text: str) -> None:
    assert moment(text) == datetime(2026, 1, 1, tzinfo=UTC)


def test_settings_that_are_not_there_are_said(world: World) -> None:
    world.put("code/settings.json", json.dumps(world.settings))
    world.s3.delete_object(Bucket=world.bucket, Key="code/settings.json")
    world.put("data/a.csv")
    with pytest.raises(Exception, match=f"no settings: s3://{world.bucket}/code/settings.json"):
        asked(world, "schedule")


UNNAMEABLE = ("data/../a.csv", "data/./a.csv", "data//a.csv", f"data/{'é' * 128}.csv", "data/a\0.csv")


def test_a_key_that_no_file_can_have_does_not_hold_up_the_others(world: World) -> None:
    """Who may only put objects can't make every later run fail."""
    for key in UNNAMEABLE:
        assert not Source(prefix="data/", suffix=".csv").holds(key)
    world.put("data/../a.csv")
    assert outcome(asked(world, "schedule")) == "NOTHING_NEW"
    world.put("data/..a..csv")
    assert outcome(asked(world, "schedule")) == "DUE"


@pytest.mark.parametrize("trigger", ["everything", "\x1b[2J", {"a": 1}, 7, ["upload"]])
def test_a_trigger_that_there_is_not_is_refused(world: World, trigger: Any) -> None:
    """What a record says of its beginning is one of the words that there are."""
    with pytest.raises(InputInvalid, match="trigger is one of upload, "):
        asked(world, trigger)
    assert world.holder is None
