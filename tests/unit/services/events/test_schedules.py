"""Schedules on rules: on a clock that tests move, over restarts, and only while the rule is on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness import ACCOUNT, Harness
from services.events.conftest import World

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
#: the harness's clock begins on Tuesday 2023-11-14 at 22:13:20
DAY = 86_400
TARGET = {"Id": "t", "Arn": FUNCTION}


def fired(world: World) -> list[str]:
    return [payload["time"] for payload in world.payloads()]


def test_a_rule_fires_at_its_times_with_aws_s_event(world):
    arn = world.rule("r", None, TARGET, ScheduleExpression="cron(0 4 ? * SUN *)")
    world.harness.advance(3 * DAY)
    assert world.calls == []
    for _ in range(3):
        world.harness.advance(7 * DAY)
    assert fired(world) == ["2023-11-19T04:00:00Z", "2023-11-26T04:00:00Z", "2023-12-03T04:00:00Z"]
    (event, *_) = world.payloads()
    assert {name: event[name] for name in ("source", "detail-type", "resources", "detail")} == {
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "resources": [arn],
        "detail": {},
    }


def test_a_rate_counts_from_when_the_rule_was_put(world):
    world.rule("r", None, TARGET, ScheduleExpression="rate(1 minute)")
    for _ in range(3):
        world.harness.advance(60)
    assert fired(world) == ["2023-11-14T22:14:20Z", "2023-11-14T22:15:20Z", "2023-11-14T22:16:20Z"]


def test_putting_a_rule_again_unchanged_does_not_put_its_rate_off(world):
    world.rule("r", None, TARGET, ScheduleExpression="rate(10 minutes)")
    world.harness.advance(540)
    world.rule("r", None, ScheduleExpression="rate(10 minutes)", Description="new")
    world.harness.advance(60)
    assert len(world.calls) == 1


def test_what_was_missed_while_the_server_was_down_is_made_up_for_once(tmp_path: Path):
    with Harness(tmp_path) as harness:
        World(harness).serve().rule("r", None, TARGET, ScheduleExpression="rate(1 hour)")
        stopped = harness.clock.now()
    with Harness(tmp_path) as harness:
        harness.clock.advance(5.5 * 3600)
        world = World(harness).serve()
        harness.settle()
        assert fired(world) == ["2023-11-14T23:13:20Z"]
        harness.advance(1800)
        assert harness.clock.now() == stopped + 6 * 3600
        assert fired(world)[1:] == ["2023-11-15T04:13:20Z"]


def test_a_clock_that_jumps_fires_once(world):
    world.rule("r", None, TARGET, ScheduleExpression="cron(0 * * * ? *)")
    world.harness.advance(400 * DAY)
    assert len(world.calls) == 1
    world.harness.advance(3600)
    assert len(world.calls) == 2
    at = datetime.fromtimestamp(world.harness.clock.now(), UTC)
    assert fired(world)[1] == at.strftime("%Y-%m-%dT%H:00:00Z")


def test_a_rule_that_is_off_changed_or_gone_does_not_fire(world):
    world.rule("r", None, TARGET, ScheduleExpression="rate(1 hour)")
    world.call("DisableRule", Name="r")
    world.harness.advance(3 * 3600)
    world.call("EnableRule", Name="r")
    world.harness.advance(3599)
    assert world.calls == []
    world.harness.advance(1)
    assert len(world.calls) == 1
    world.rule("r", {"source": ["shop"]})
    world.harness.advance(DAY)
    world.rule("r", None, ScheduleExpression="rate(1 hour)")
    world.call("RemoveTargets", Rule="r", Ids=["t"])
    world.call("DeleteRule", Name="r")
    world.harness.advance(DAY)
    assert len(world.calls) == 1


def test_a_rule_may_fire_by_pattern_and_by_schedule(world):
    world.rule("r", {"source": ["shop"]}, TARGET, ScheduleExpression="rate(1 hour)")
    world.put()
    world.harness.advance(3600)
    assert [payload["source"] for payload in world.payloads()] == ["shop", "aws.events"]


def test_a_schedule_that_is_over_is_kept_and_never_fires(world):
    world.rule("r", None, TARGET, ScheduleExpression="cron(0 0 1 1 ? 2020)")
    world.harness.advance(400 * DAY)
    assert world.calls == []
    assert world.call("DescribeRule", Name="r")["State"] == "ENABLED"
