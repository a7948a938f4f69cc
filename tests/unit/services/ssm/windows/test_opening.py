"""When windows open: on time, late, never, once; through absences, jumps of the clock, overlaps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from services.ssm.windows.world import World


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_a_sunday_at_four_opens_runs_and_ends(world: World) -> None:
    window = world.window()
    world.task(window)
    world.until("2025-01-05T03:59:59Z")
    assert world.executions(window) == []
    world.until("2025-01-05T04:00:00Z")
    assert world.statuses(window) == ("IN_PROGRESS", ["IN_PROGRESS"], [["IN_PROGRESS"]])
    world.until("2025-01-05T04:20:00Z")
    command = world.running()[0]
    world.finish(command, "Success", "Success")
    execution = world.executions(window)[0]
    assert (execution["Status"], execution["StartTime"], execution["EndTime"]) == (
        "SUCCESS",
        moment("2025-01-05T04:00:00"),
        moment("2025-01-05T04:20:00"),
    )
    assert "StatusDetails" not in execution
    run = world.invocations(window)[0]
    assert (run["Status"], run["StatusDetails"], run["ExecutionId"]) == ("SUCCESS", "Success", command)
    assert world.call("GetMaintenanceWindow", WindowId=window)["NextExecutionTime"] == "2025-01-12T04:00Z"
    world.until("2025-01-12T04:00:00Z")
    assert len(world.executions(window)) == 2


def test_a_window_without_tasks_succeeds_at_once(world: World) -> None:
    window = world.window()
    world.until("2025-01-05T04:00:00Z")
    execution = world.executions(window)[0]
    assert (execution["Status"], execution["StatusDetails"]) == ("SUCCESS", "No tasks to execute.")


def test_a_window_at_one_moment_opens_once(world: World) -> None:
    window = world.window(Schedule="at(2025-01-03T00:00:00)")
    world.until("2025-02-01T00:00:00Z")
    assert len(world.executions(window)) == 1
    assert "NextExecutionTime" not in world.call("GetMaintenanceWindow", WindowId=window)


def test_a_leap_day_opens_a_window_every_four_years(world: World) -> None:
    window = world.window(Schedule="cron(0 4 29 2 ? *)")
    world.until("2028-02-28T04:00:00Z")
    assert world.executions(window) == []
    world.until("2028-02-29T04:00:00Z")
    assert len(world.executions(window)) == 1
    assert world.call("GetMaintenanceWindow", WindowId=window)["NextExecutionTime"] == "2032-02-29T04:00Z"


@pytest.mark.parametrize(
    ("back", "status", "started", "end"),
    [
        ("2025-01-05T04:30:00+00:00", "IN_PROGRESS", "IN_PROGRESS", "2025-01-05T07:00:00"),
        ("2025-01-05T06:30:00+00:00", "TIMED_OUT", "TIMED_OUT", "2025-01-05T06:30:00"),
    ],
)
def test_a_server_that_comes_back_inside_the_window_opens_it_late_until_its_own_end(
    world: World, back: str, status: str, started: str, end: str
) -> None:
    window = world.window()
    world.task(window)
    world.until("2025-01-04T00:00:00Z")
    world.absent(back)
    assert world.statuses(window)[:2] == (status, [started])
    assert world.executions(window)[0]["StartTime"] == datetime.fromisoformat(back).timestamp()
    world.until("2025-01-05T08:00:00Z")
    execution = world.executions(window)[0]
    assert (execution["Status"], execution["EndTime"]) == ("TIMED_OUT", moment(end))
    assert len(world.calls) == (1 if started == "IN_PROGRESS" else 0)


def test_a_server_that_comes_back_after_the_window_records_that_it_was_missed(world: World) -> None:
    window = world.window()
    world.task(window)
    world.absent("2025-01-20T12:00:00+00:00")
    execution = world.executions(window)[0]
    assert (execution["Status"], execution["StatusDetails"]) == (
        "TIMED_OUT",
        "The server did not run between this window's start and its end.",
    )
    assert (len(world.executions(window)), world.calls) == (1, [])
    assert world.call("GetMaintenanceWindow", WindowId=window)["NextExecutionTime"] == "2025-01-26T04:00Z"


def test_an_absence_inside_the_window_keeps_what_runs(world: World) -> None:
    window = world.window()
    world.task(window)
    world.until("2025-01-05T04:00:00Z")
    world.absent("2025-01-05T05:00:00+00:00")
    assert world.statuses(window) == ("IN_PROGRESS", ["IN_PROGRESS"], [["IN_PROGRESS"]])
    world.finish(world.running()[0], "Success", "Success")
    assert world.statuses(window) == ("SUCCESS", ["SUCCESS"], [["SUCCESS"]])
    assert len(world.calls) == 1


def test_a_clock_that_jumps_forward_opens_the_window_late(world: World) -> None:
    window = world.window()
    world.task(window)
    world.server.advance(moment("2025-01-05T05:00:00") - world.server.clock.now())
    assert world.statuses(window)[0] == "IN_PROGRESS"
    world.server.advance(14 * 86_400.0)
    rows = world.executions(window)
    assert [each["Status"] for each in rows] == ["IN_PROGRESS", "TIMED_OUT", "TIMED_OUT"]
    assert [each.get("StatusDetails", "")[:10] for each in rows] == ["", "The server", "One or mor"]


def test_a_clock_that_jumps_back_opens_no_window_twice(world: World) -> None:
    window = world.window(Duration=1, Cutoff=0)
    world.until("2025-01-05T04:00:00Z")
    world.absent("2025-01-05T03:00:00+00:00")
    world.until("2025-01-05T04:30:00Z")
    assert len(world.executions(window)) == 1
    world.until("2025-01-12T04:00:00Z")
    assert len(world.executions(window)) == 2


def test_a_start_while_the_window_is_still_open_is_skipped(world: World) -> None:
    window = world.window(Schedule="rate(2 hours)")
    world.task(window)
    world.until("2025-01-01T17:00:00Z")
    rows = [(each["Status"], each["StartTime"]) for each in world.executions(window)]
    assert rows == [
        ("SKIPPED_OVERLAPPING", moment("2025-01-01T16:00:00")),
        ("TIMED_OUT", moment("2025-01-01T14:00:00")),
    ]
    world.until("2025-01-01T18:00:00Z")
    assert world.statuses(window)[0] == "IN_PROGRESS"


def test_a_window_may_open_again_at_the_very_end_of_its_last_execution(world: World) -> None:
    window = world.window(Schedule="rate(1 hour)", Duration=1, Cutoff=0)
    world.task(window)
    world.until("2025-01-01T15:00:00Z")
    assert [each["Status"] for each in world.executions(window)] == ["IN_PROGRESS", "TIMED_OUT", "TIMED_OUT"]


def test_a_deleted_window_does_not_open_and_what_runs_goes_on(world: World) -> None:
    window = world.window()
    world.task(window)
    world.until("2025-01-05T04:00:00Z")
    world.call("DeleteMaintenanceWindow", WindowId=window)
    world.finish(world.running()[0], "Success", "Success")
    assert world.executions(window)[0]["Status"] == "SUCCESS"
    world.until("2025-01-13T00:00:00Z")
    assert len(world.executions(window)) == 1


def test_executions_are_found_by_their_start_and_forgotten_after_thirty_days(world: World) -> None:
    window = world.window()
    world.until("2025-01-20T00:00:00Z")
    wanted = [{"Key": "ExecutedAfter", "Values": ["2025-01-12T00:00:00Z"]}]
    found = world.call("DescribeMaintenanceWindowExecutions", WindowId=window, Filters=wanted)
    assert [each["StartTime"] for each in found["WindowExecutions"]] == [
        moment("2025-01-19T04:00:00"),
        moment("2025-01-12T04:00:00"),
    ]
    wanted = [{"Key": "ExecutedBefore", "Values": ["2025-01-12T00:00:00Z"]}]
    found = world.call("DescribeMaintenanceWindowExecutions", WindowId=window, Filters=wanted)
    first = found["WindowExecutions"][0]["WindowExecutionId"]
    assert world.call("GetMaintenanceWindowExecution", WindowExecutionId=first)["Status"] == "SUCCESS"
    world.until("2025-02-04T04:00:01Z")
    starts = [each["StartTime"] for each in world.executions(window)]
    assert min(starts) == moment("2025-01-12T04:00:00")
