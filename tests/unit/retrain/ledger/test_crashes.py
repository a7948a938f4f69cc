"""A function that dies between any two of its writes, and is asked again, ends as if it had not."""

from __future__ import annotations

from typing import Any

import pytest
from retrain.ledger.world import APPROVED, World, released

#: of `run`, by the ledger
WRITES = 24


class Died(Exception):
    """The function's process is gone."""


class Mortal:
    """S3 whose client dies after one write, and doesn't hear that it is done."""

    def __init__(self, s3: Any, write: int) -> None:
        self._s3, self._last = s3, write
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, **given: Any) -> Any:
        return self._write(self._s3.put_object, given)

    def delete_object(self, **given: Any) -> Any:
        return self._write(self._s3.delete_object, given)

    def _write(self, operation: Any, given: dict[str, Any]) -> Any:
        answer = operation(**given)
        self.writes += 1
        if self.writes == self._last:
            raise Died
        return answer


class Dying(World):
    """A world whose ledger is asked again whenever it has died."""

    def ask(self, do: str, execution: str, **event: Any) -> dict[str, Any]:
        try:
            return super().ask(do, execution, **event)
        except Died:
            return super().ask(do, execution, **event)


def run(world: World) -> Any:
    """A batch that is quarantined, released and accepted while another comes in between; what is left."""
    world.put("models/m/output/model.tar.gz", "model")
    world.package()
    first, second = world.start(), world.start()
    doubted = world.judged(world.planned(first, world.put("data/a.csv")), "QUARANTINE", "BELOW_FLOOR")
    package = world.package("PendingManualApproval")
    doubted = {**doubted, "asked": {"asks": "release"}, "package": {"ModelPackageArn": package}}
    doubted = world.ask("park", first, run=doubted)
    good = world.judged(world.planned(second, world.put("data/b.csv")), "DEPLOY", "NOT_WORSE")
    outputs = [world.ask("close", second, run=good, outcome="REGISTERED")]
    world.decide(package, APPROVED)
    again = world.ask("resume", first, run={**doubted, "approval": released()})
    again = world.judged(again, "DEPLOY", "NOT_WORSE")
    outputs.append(world.ask("close", first, run=again, outcome="REGISTERED"))
    return {
        "claim": world.holder,
        "batches": [
            (each.name.partition("-")[0], each.status, each.order, [entry.status for entry in each.history])
            for each in world.workflow.batches.all()
        ],
        "trained": [len(world.at(each["train_manifest"])) - 1 for each in (doubted, good)],
        "attempt": again["attempt"],
        "inputs": [[each["InputName"] for each in one["gate_inputs"]] for one in (doubted, good, again)],
        "outputs": [(each["outcome"], each["status"], each["rows"]) for each in outputs],
        "released": world.at(again["evidence"])["released"],
    }


@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_a_function_that_dies_at_any_write_is_repeated_without_a_trace(server: Any, write: int) -> None:
    assert run(mortal(server, write)) == {
        "claim": None,
        "batches": [
            ("a", "ACCEPTED", 2, ["PREPARING", "QUARANTINED", "ACCEPTED"]),
            ("b", "ACCEPTED", 1, ["PREPARING", "ACCEPTED"]),
        ],
        "trained": [1, 1],
        "attempt": 2,
        "inputs": [
            ["challenger", "new", "config", "code", "champion"],
            ["challenger", "new", "config", "code", "champion"],
            ["challenger", "new", "config", "code", "trusted", "champion"],
        ],
        "outputs": [("REGISTERED", "ACCEPTED", 100), ("REGISTERED", "ACCEPTED", 100)],
        "released": released(),
    }


def test_the_deaths_are_as_many_as_the_writes(server: Any) -> None:
    world = mortal(server, 0)
    run(world)
    assert world.workflow.s3.writes == WRITES


def mortal(server: Any, write: int) -> World:
    """A world whose ledger dies after that write, counted from 1."""
    world = Dying(server)
    other = world.with_(s3=Mortal(world.s3, write))
    other.__class__ = Dying
    return other
