"""Random windows with random ends, cancellations and absences: what must hold at every moment does."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from services.ssm.windows.world import IDS, World

from stepwell.services.ssm.commands.rates import concurrency, tolerated

START = datetime(2025, 1, 5, 4, tzinfo=UTC).timestamp()
FINAL = {"SUCCESS", "FAILED", "TIMED_OUT", "CANCELLED"}
ENDS = ["SUCCEEDED", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


def written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def furnish(world: World, random: Random) -> tuple[str, list[dict[str, Any]]]:
    """A window with tasks on random targets at random rates."""
    window = world.window(Cutoff=random.randint(0, 2))
    tasks = []
    for _ in range(random.randint(1, 4)):
        task = {
            "Priority": random.randint(0, 2),
            "Targets": [{"Key": "InstanceIds", "Values": random.sample(IDS, random.randint(1, 3))}],
            "MaxConcurrency": random.choice(["1", "2", "50%", "100%"]),
            "MaxErrors": random.choice(["0", "1", "34%", "100%"]),
        }
        tasks.append({**task, "id": world.machine_task(window, **task)})
    return window, tasks


def check(world: World, window: str, tasks: list[dict[str, Any]], cutoff: float) -> None:
    """What holds at every moment of an execution."""
    rows = world.tasks(window)
    told = sorted(tasks, key=lambda task: (task["Priority"], task["id"]))
    before: list[str] = []
    for index, (task, row) in enumerate(zip(told, rows, strict=True)):
        runs = world.invocations(window, index)
        count = len(task["Targets"][0]["Values"])
        busy = [run for run in runs if run["Status"] == "IN_PROGRESS"]
        failed = [run for run in runs if run["Status"] == "FAILED" and run["StartTime"]]
        assert len(busy) <= concurrency(task["MaxConcurrency"], count)
        limit = concurrency(task["MaxConcurrency"], count)
        assert len(failed) <= tolerated(task["MaxErrors"], count) + limit
        if row["Status"] in FINAL:
            assert not busy
        assert all(run["StartTime"] < cutoff for run in runs if "StartTime" in run)
        if row["Status"] == "IN_PROGRESS":
            assert all(
                status in FINAL
                for other, status in zip(told, before, strict=False)
                if other["Priority"] < task["Priority"]
            )
        before.append(row["Status"])


@pytest.mark.parametrize("seed", range(25))
def test_rates_priorities_and_cutoff_hold_in_random_histories(world: World, seed: int) -> None:
    random = Random(seed)
    window, tasks = furnish(world, random)
    cutoff = world.call("GetMaintenanceWindow", WindowId=window)["Cutoff"]
    closing = START + (3 - cutoff) * 3600
    now = START
    world.until(written(now))
    while world.executions(window)[0]["Status"] not in FINAL:
        check(world, window, tasks, closing)
        act = random.random()
        if act < 0.03:
            id = world.executions(window)[0]["WindowExecutionId"]
            if world.executions(window)[0]["Status"] == "IN_PROGRESS":
                world.call("CancelMaintenanceWindowExecution", WindowExecutionId=id)
        elif act < 0.10:
            now += random.randint(1, 3600)
            world.absent(written(now))
        elif act < 0.5 and world.running():
            world.finish(random.choice(world.running()), random.choice(ENDS))
        else:
            now += random.randint(1, 900)
            world.until(written(now))
    check(world, window, tasks, closing)
    statuses = [row["Status"] for row in world.tasks(window)]
    assert set(statuses) <= FINAL
    execution = world.executions(window)[0]
    assert execution["EndTime"] <= max(now, START + 3 * 3600)
    if execution["Status"] == "SUCCESS":
        assert set(statuses) == {"SUCCESS"}
    started = sum(1 for name, _, _ in world.calls if name == "StartExecution")
    runs = [run for index in range(len(tasks)) for run in world.invocations(window, index)]
    assert started == sum(1 for run in runs if "ExecutionId" in run)
