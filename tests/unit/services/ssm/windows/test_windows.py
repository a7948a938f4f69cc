"""Maintenance windows as AWS documents them: settings, dates, schedules, quotas, lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from services.ssm.windows.world import IDS, World, refusal


def shown(world: World, window: str) -> dict[str, Any]:
    return world.call("GetMaintenanceWindow", WindowId=window)


def opens(world: World, **params: Any) -> str | None:
    """When a window that is made so opens first."""
    found: str | None = shown(world, world.window(**params)).get("NextExecutionTime")
    return found


def test_a_window_is_shown_as_it_was_made_with_its_next_start(world: World) -> None:
    window = world.window(Description="weekly", Tags=[{"Key": "team", "Value": "ml"}])
    assert shown(world, window) == {
        "WindowId": window,
        "Name": "sunday",
        "Description": "weekly",
        "Schedule": "cron(0 4 ? * SUN *)",
        "Duration": 3,
        "Cutoff": 1,
        "AllowUnassociatedTargets": True,
        "Enabled": True,
        "NextExecutionTime": "2025-01-05T04:00Z",
        "CreatedDate": world.now,
        "ModifiedDate": world.now,
    }
    named = {"ResourceType": "MaintenanceWindow", "ResourceId": window}
    assert world.call("ListTagsForResource", **named)["TagList"] == [{"Key": "team", "Value": "ml"}]
    world.call("DeleteMaintenanceWindow", WindowId=window)
    assert refusal(world, "GetMaintenanceWindow", WindowId=window).error_code == "DoesNotExistException"
    assert refusal(world, "ListTagsForResource", **named).error_code == "InvalidResourceId"


def test_deleting_what_is_not_there_is_no_error(world: World) -> None:
    gone = "mw-00000000000000000"
    assert world.call("DeleteMaintenanceWindow", WindowId=gone) == {"WindowId": gone}


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"Schedule": "cron(0 4 ? * SUNDAY *)"}, "day-of-week: SUNDAY is no value"),
        ({"Schedule": "cron(0 4 ? * SUNDAY *)"}, "did you mean SUN?"),
        ({"Schedule": "cron(0 4 * * SUN *)"}, "use ? in one of day-of-month and day-of-week"),
        ({"Schedule": "cron(0 24 ? * SUN *)"}, "hours: 24 is out of range"),
        ({"Schedule": "cron(0 4 ? * SUN)"}, "did you leave out the year?"),
        ({"Schedule": "rate(1 minute)"}, "the shortest rate is 5 minutes"),
        ({"Schedule": "rate(1 day)", "ScheduleOffset": 2}, "use an offset with cron only"),
        ({"ScheduleTimezone": "Mars/Olympus"}, "timezone: Mars/Olympus is unknown"),
        ({"Cutoff": 3}, "Cutoff was 3 but must be smaller than 3 (Duration)"),
        ({"Cutoff": 4}, "Cutoff was 4 but must be smaller than 3 (Duration)"),
        ({"StartDate": "soon"}, "StartDate soon is not a date and time in ISO 8601"),
        (
            {"StartDate": "2025-02-01T00:00:00Z", "EndDate": "2025-01-31T00:00:00Z"},
            "EndDate 2025-01-31T00:00:00Z must be after StartDate",
        ),
        ({"Duration": 25}, "less than or equal to 24"),
        ({"Name": "no spaces"}, "regular expression"),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "aws:"),
    ],
)
def test_a_senseless_window_is_refused_with_the_field_and_a_hint(
    world: World, params: dict[str, Any], says: str
) -> None:
    whole = {
        "Name": "sunday",
        "Schedule": "cron(0 4 ? * SUN *)",
        "Duration": 3,
        "Cutoff": 1,
        "AllowUnassociatedTargets": True,
        **params,
    }
    error = refusal(world, "CreateMaintenanceWindow", **whole)
    assert error.error_code == "ValidationException"
    assert says in error.message
    assert world.call("DescribeMaintenanceWindows")["WindowIdentities"] == []


@pytest.mark.parametrize(
    ("params", "first"),
    [
        ({"ScheduleTimezone": "America/New_York"}, "2025-01-05T04:00-05:00"),
        ({"Schedule": "cron(30 0 4 ? * SUN *)"}, "2025-01-05T04:00:30Z"),
        ({"Schedule": "rate(7 days)"}, "2025-01-08T12:00Z"),
        ({"Schedule": "rate(7 days)", "StartDate": "2025-03-01T00:00:00.250Z"}, "2025-03-08T00:00:00.250Z"),
        ({"Schedule": "rate(7 days)", "StartDate": "2024-06-01T00:00:00Z"}, "2025-01-08T12:00Z"),
        ({"Schedule": "rate(7 days)", "StartDate": "2025-03-01T00:00:00Z"}, "2025-03-08T00:00Z"),
        ({"StartDate": "2025-02-02T04:00:00Z"}, "2025-02-02T04:00Z"),
        ({"StartDate": "2025-02-02T04:00:01Z"}, "2025-02-09T04:00Z"),
        ({"EndDate": "2025-01-05T04:00:00Z"}, "2025-01-05T04:00Z"),
        ({"EndDate": "2025-01-05T03:59:59Z"}, None),
        ({"Schedule": "at(2025-01-02T03:04:05)"}, "2025-01-02T03:04:05Z"),
        ({"Schedule": "at(2025-01-01T11:59:59)"}, None),
        ({"Schedule": "cron(0 4 ? * TUE#1 *)", "ScheduleOffset": 3}, "2025-01-10T04:00Z"),
        ({"Schedule": "cron(0 4 29 2 ? *)"}, "2028-02-29T04:00Z"),
        ({"Schedule": "cron(0 4 L 2 ? *)"}, "2025-02-28T04:00Z"),
    ],
)
def test_the_first_start_follows_schedule_dates_zone_and_offset(
    world: World, params: dict[str, Any], first: str | None
) -> None:
    assert opens(world, **params) == first


def test_an_update_changes_what_it_names_and_counts_the_schedule_anew(world: World) -> None:
    window = world.window(Description="weekly", Schedule="rate(2 days)")
    world.until("2025-01-02T12:00:00Z")
    answer = world.call("UpdateMaintenanceWindow", WindowId=window, Cutoff=0)
    assert answer["Cutoff"] == 0 and answer["Description"] == "weekly"
    assert shown(world, window)["NextExecutionTime"] == "2025-01-03T12:00Z"
    world.call("UpdateMaintenanceWindow", WindowId=window, Schedule="rate(3 days)")
    assert shown(world, window)["NextExecutionTime"] == "2025-01-05T12:00Z"
    error = refusal(world, "UpdateMaintenanceWindow", WindowId=window, Duration=1, Cutoff=1)
    assert "Cutoff was 1" in error.message


def test_an_update_with_replace_takes_back_what_it_leaves_out(world: World) -> None:
    window = world.window(Description="weekly", ScheduleTimezone="Asia/Tokyo", ScheduleOffset=1)
    error = refusal(world, "UpdateMaintenanceWindow", WindowId=window, Replace=True, Name="other")
    assert "Schedule, Duration, Cutoff, AllowUnassociatedTargets" in error.message
    world.call(
        "UpdateMaintenanceWindow",
        WindowId=window,
        Replace=True,
        Name="other",
        Schedule="cron(0 4 ? * SUN *)",
        Duration=2,
        Cutoff=0,
        AllowUnassociatedTargets=False,
    )
    left = shown(world, window)
    assert not {"Description", "ScheduleTimezone", "ScheduleOffset"} & set(left)
    assert (left["Name"], left["NextExecutionTime"]) == ("other", "2025-01-05T04:00Z")


def test_a_disabled_window_has_no_next_start_and_does_not_open(world: World) -> None:
    window = world.window()
    world.call("UpdateMaintenanceWindow", WindowId=window, Enabled=False)
    assert "NextExecutionTime" not in shown(world, window)
    world.until("2025-01-06T00:00:00Z")
    assert world.executions(window) == []
    world.call("UpdateMaintenanceWindow", WindowId=window, Enabled=True)
    assert shown(world, window)["NextExecutionTime"] == "2025-01-12T04:00Z"
    told = [status for name, status in world.told if name == "Maintenance Window State-change Notification"]
    assert told == ["DISABLED", "ENABLED"]


def test_a_repeated_client_token_makes_one_window(world: World) -> None:
    first = world.window(ClientToken="once")
    assert world.window(ClientToken="once") == first
    with pytest.raises(Exception, match="used before with other parameters"):
        world.window(ClientToken="once", Duration=4)
    world.until("2025-01-02T12:00:01Z")
    assert world.window(ClientToken="once") != first


def test_an_account_has_fifty_windows_at_most(world: World) -> None:
    for number in range(50):
        world.server.call(
            "ssm",
            "CreateMaintenanceWindow",
            Name=f"window-{number}",
            Schedule="rate(1 day)",
            Duration=1,
            Cutoff=0,
            AllowUnassociatedTargets=False,
        )
    with pytest.raises(Exception, match="at most 50") as raised:
        world.window()
    assert getattr(raised.value, "error_code", "") == "ResourceLimitExceededException"


def test_windows_are_listed_by_name_and_state_in_pages(world: World) -> None:
    made = {name: world.window(Name=name) for name in ("one", "two", "three")}
    world.call("UpdateMaintenanceWindow", WindowId=made["two"], Enabled=False)

    def names(**params: Any) -> set[str]:
        rows = world.call("DescribeMaintenanceWindows", **params)["WindowIdentities"]
        return {row["Name"] for row in rows}

    assert names() == {"one", "two", "three"}
    assert names(Filters=[{"Key": "Name", "Values": ["one", "two"]}]) == {"one", "two"}
    assert names(Filters=[{"Key": "Enabled", "Values": ["False"]}]) == {"two"}
    wrong = [{"Key": "Colour", "Values": ["red"]}]
    assert "Colour" in refusal(world, "DescribeMaintenanceWindows", Filters=wrong).message
    for number in range(9):
        world.window(Name=f"more-{number}")
    page = world.call("DescribeMaintenanceWindows", MaxResults=10)
    rest = world.call("DescribeMaintenanceWindows", MaxResults=10, NextToken=page["NextToken"])
    assert (len(page["WindowIdentities"]), len(rest["WindowIdentities"])) == (10, 2)
    assert "NextToken" not in rest
    other = world.call("DescribeMaintenanceWindowSchedule", MaxResults=3)["NextToken"]
    for token in (other, "bm9uZQ=="):
        wrong = refusal(world, "DescribeMaintenanceWindows", NextToken=token)
        assert wrong.error_code == "InvalidNextToken"


def test_the_schedule_lists_the_starts_of_all_windows_in_their_order(world: World) -> None:
    sunday = world.window(Name="sunday")
    monday = world.window(Name="monday", Schedule="cron(0 4 ? * MON *)", ScheduleTimezone="Asia/Tokyo")
    page = world.call("DescribeMaintenanceWindowSchedule", MaxResults=3)
    rows = [(row["Name"], row["ExecutionTime"]) for row in page["ScheduledWindowExecutions"]]
    assert rows == [
        ("sunday", "2025-01-05T04:00Z"),
        ("monday", "2025-01-06T04:00+09:00"),
        ("sunday", "2025-01-12T04:00Z"),
    ]
    rest = world.call("DescribeMaintenanceWindowSchedule", MaxResults=1, NextToken=page["NextToken"])
    assert rest["ScheduledWindowExecutions"][0]["WindowId"] == monday
    wrong = refusal(world, "DescribeMaintenanceWindowSchedule", NextToken="bm9uZQ==")
    assert wrong.error_code == "InvalidNextToken"
    filters = [
        {"Key": "ScheduledAfter", "Values": ["2025-01-20T00:00:00Z"]},
        {"Key": "ScheduledBefore", "Values": ["2025-01-31T00:00:00Z"]},
    ]
    some = world.call("DescribeMaintenanceWindowSchedule", WindowId=sunday, Filters=filters)
    assert [row["ExecutionTime"] for row in some["ScheduledWindowExecutions"]] == ["2025-01-26T04:00Z"]


def test_windows_are_found_by_their_targets(world: World) -> None:
    window, _other, third = (world.window(Name=name) for name in ("one", "two", "three"))
    world.task(third)
    world.call(
        "RegisterTargetWithMaintenanceWindow",
        WindowId=window,
        ResourceType="INSTANCE",
        Targets=[{"Key": "InstanceIds", "Values": IDS[:2]}],
    )
    asked: dict[str, Any] = {"ResourceType": "INSTANCE"}
    asked["Targets"] = [{"Key": "InstanceIds", "Values": IDS[:1]}]
    found = world.call("DescribeMaintenanceWindowsForTarget", **asked)["WindowIdentities"]
    assert {each["Name"] for each in found} == {"one", "three"}
    asked["Targets"] = [{"Key": "InstanceIds", "Values": IDS[1:]}]
    found = world.call("DescribeMaintenanceWindowsForTarget", **asked)["WindowIdentities"]
    assert found == [{"WindowId": window, "Name": "one"}]
    rows = world.call("DescribeMaintenanceWindowSchedule", MaxResults=1, **asked)["ScheduledWindowExecutions"]
    assert [row["WindowId"] for row in rows] == [window]


#: a zone; the local time of the daily start; a day before a change; the starts in UTC on three days
CHANGES = [
    ("America/New_York", "30 1", "2025-03-08", ["06:30", "06:30", "05:30"]),
    ("America/New_York", "30 1", "2025-11-01", ["05:30", "05:30", "06:30"]),
    ("Europe/Paris", "30 3", "2025-03-29", ["02:30", "01:30", "01:30"]),
    ("Europe/London", "30 4", "2025-10-25", ["03:30", "04:30", "04:30"]),
    ("Australia/Sydney", "30 4", "2025-04-05", ["17:30", "18:30", "18:30"]),
    ("Asia/Tokyo", "30 4", "2025-03-29", ["19:30", "19:30", "19:30"]),
    ("America/Sao_Paulo", "30 4", "2025-10-25", ["07:30", "07:30", "07:30"]),
]


@pytest.mark.parametrize(("zone", "time", "day", "starts"), CHANGES)
def test_a_daily_window_keeps_its_local_time_through_a_change_of_the_clock(
    world: World, zone: str, time: str, day: str, starts: list[str]
) -> None:
    window = world.window(
        Schedule=f"cron({time} * * ? *)",
        ScheduleTimezone=zone,
        StartDate=f"{day}T00:00:00",
        Duration=1,
        Cutoff=0,
    )
    found = []
    for _ in starts:
        start = datetime.fromisoformat(shown(world, window)["NextExecutionTime"])
        world.until(start.isoformat())
        opened = datetime.utcfromtimestamp(world.executions(window)[0]["StartTime"])
        found.append(f"{opened:%H:%M}")
    assert found == starts
