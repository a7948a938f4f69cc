"""The functions' entries: one table of actions, one archive, and two runs that ask at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from retrain.ledger.world import AT, World

from stepwell.retrain import archives
from stepwell.retrain.ledger import faults, handler
from stepwell.retrain.ledger.faults import Busy, InputInvalid, LedgerFault
from stepwell.retrain.ledger.workflow import client


def test_an_unknown_action_is_told_what_there_is(world: World) -> None:
    with pytest.raises(InputInvalid, match="one of begin, plan, park, resume, plan_again, close, not 'end'"):
        world.ask("end", world.start())


def test_the_function_reads_its_bucket_off_its_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        **world.stepwell.environment,
        "BUCKET": world.bucket,
        "SETTINGS": "code/settings.json",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    event = {"do": "begin", "execution": world.start(), "at": AT, "input": {}}
    assert handler.handler(event, None)["result"]["outcome"] == "NOTHING_NEW"


def test_the_archive_needs_nothing_of_stepwell(tmp_path: Path) -> None:
    archive = archives.write("ledger", tmp_path / "ledger.zip")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import ledger.handler, ledger.approvals\n"
        "assert ledger.handler.__file__.startswith(sys.argv[1])\n"
        "assert not [each for each in sys.modules if each.partition('.')[0] == 'stepwell']\n"
    )
    subprocess.run([sys.executable, "-c", program, str(archive)], check=True, timeout=60, cwd=tmp_path)


def test_the_machine_s_names_of_errors_are_classes() -> None:
    """The machine retries `Busy` by its name."""
    named = {name for name, each in vars(faults).items() if isinstance(each, type)}
    assert "Busy" in named and all(issubclass(getattr(faults, name), LedgerFault) for name in named)


def test_of_many_runs_at_once_one_has_its_turn(world: World) -> None:
    """Eight uploads, eight executions that ask at the same time until each has had its turn."""
    events = {world.start(): world.put(f"data/{number}.csv", str(number)) for number in range(8)}
    begun: list[dict[str, Any]] = []

    def ask(execution: str) -> dict[str, Any] | None:
        try:
            return world.begin(execution, events[execution])
        except Busy:
            return None

    while events:
        with ThreadPoolExecutor(len(events)) as pool:
            answers = dict(zip(list(events), pool.map(ask, list(events)), strict=True))
        winners = [execution for execution, answer in answers.items() if answer is not None]
        assert winners == [world.holder]
        begun += [answer for answer in answers.values() if answer is not None]
        world.stop(winners[0])
        del events[winners[0]]
    assert all(each["due"] for each in begun)
    assert len({each["batch"] for each in begun}) == len({each["job"] for each in begun}) == 8
    assert len(world.workflow.batches.all()) == 8
