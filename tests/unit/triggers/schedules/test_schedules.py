"""Schedule expressions: forms, rates, single starts, offsets, changes of the clock, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stepwell.triggers.schedules import Schedule, ScheduleError, parse_events, parse_ssm


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def following(schedule: Schedule, after: str, *, since: float = 0.0) -> str | None:
    start = schedule.next(at(after), since=since)
    return None if start is None else datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def test_the_program_s_sunday_at_four():
    schedule = parse_ssm("cron(0 4 ? * SUN *)")
    assert following(schedule, "2026-11-21T12:00:00") == "2026-11-22T04:00:00"
    assert following(schedule, "2026-11-22T03:59:59") == "2026-11-22T04:00:00"
    assert following(schedule, "2026-11-22T04:00:00") == "2026-11-29T04:00:00"


def test_seconds_come_first_where_there_are_seven_fields():
    assert following(parse_ssm("cron(24 30 09 ? * * *)"), "2026-01-01T09:30:24") == "2026-01-02T09:30:24"


def test_a_fraction_of_a_second_counts():
    schedule = parse_events("cron(0 4 * * ? *)")
    four = at("2026-01-01T04:00:00")
    assert schedule.next(four - 0.25, since=0) == four
    assert schedule.next(four + 0.25, since=0) == four + 86_400


def test_a_skipped_local_time_is_skipped_and_a_repeated_one_used_once():
    schedule = parse_ssm("cron(30 2 * * ? *)", timezone="Europe/Paris")
    # 02:30 did not exist on 2026-03-29
    assert following(schedule, "2026-03-28T12:00:00") == "2026-03-30T00:30:00"
    # 02:30 came twice on 2026-10-25, first as summer time
    assert following(schedule, "2026-10-24T12:00:00") == "2026-10-25T00:30:00"
    assert following(schedule, "2026-10-25T00:30:00") == "2026-10-26T01:30:00"


def test_an_offset_puts_the_start_days_after_the_match():
    schedule = parse_ssm("cron(30 23 ? * TUE#3 *)", offset_days=2)
    # the third Tuesday of November 2026 is the 17th
    assert following(schedule, "2026-11-01T00:00:00") == "2026-11-19T23:30:00"
    assert following(schedule, "2026-11-18T00:00:00") == "2026-11-19T23:30:00"


def test_with_an_offset_a_match_before_the_schedule_began_does_not_count():
    schedule = parse_ssm("cron(30 23 ? * TUE#3 *)", offset_days=2)
    since = at("2026-11-18T00:00:00")
    assert following(schedule, "2026-11-18T00:00:00", since=since) == "2026-12-17T23:30:00"


@pytest.mark.parametrize(
    ("text", "period"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(1 hour)", 3600), ("rate(10 days)", 864_000)],
)
def test_a_rate_starts_one_period_after_it_began_and_then_every_period(text: str, period: float):
    schedule = parse_events(text)
    assert schedule.next(1000.5, since=1000.5) == 1000.5 + period
    assert schedule.next(1000.5 + period, since=1000.5) == 1000.5 + 2 * period
    assert schedule.next(1000.5 + 9.5 * period, since=1000.5) == 1000.5 + 10 * period
    assert schedule.next(0.0, since=1000.5) == 1000.5 + period


def test_a_rate_always_moves_on():
    schedule, start = parse_events("rate(7 minutes)"), 0.1
    for _ in range(10_000):
        following = schedule.next(start, since=0.1)
        assert following is not None
        assert 0 < following - start < 421
        start = following


def test_at_starts_once_in_its_time_zone():
    schedule = parse_ssm("at(2026-07-01T09:00:00)", timezone="Europe/Paris")
    assert following(schedule, "2026-01-01T00:00:00") == "2026-07-01T07:00:00"
    assert following(schedule, "2026-07-01T07:00:00") is None


def test_years_that_are_over_give_nothing():
    assert following(parse_events("cron(0 0 1 1 ? 2020-2025)"), "2026-01-01T00:00:00") is None
    assert following(parse_events("cron(0 0 31 2 ? *)"), "2026-01-01T00:00:00") is None


REFUSED = [
    ("cron(60 4 ? * SUN *)", "minutes", "did you mean 0?"),
    ("cron(0 24 ? * SUN *)", "hours", "did you mean 0?"),
    ("cron(0 4 32 * ? *)", "day-of-month", "1-31"),
    ("cron(0 4 ? 13 SUN *)", "month", "JAN-DEC"),
    ("cron(0 4 ? JANUARY SUN *)", "month", "did you mean JAN?"),
    ("cron(0 4 ? * 0 *)", "day-of-week", "did you mean SUN, which is 1 here?"),
    ("cron(0 4 ? * 8 *)", "day-of-week", "1-7 or SUN-SAT"),
    ("cron(0 4 ? * SUNDAY *)", "day-of-week", "did you mean SUN?"),
    ("cron(0 4 ? * SUN 1969)", "year", "1970-2199"),
    ("cron(0 4 * * * *)", "day-of-week", "use ? in one of day-of-month and day-of-week"),
    ("cron(0 4 ? * ? *)", "day-of-week", "use ? in one of day-of-month and day-of-week"),
    ("cron(0 ? * * ? *)", "hours", "? goes in one of"),
    ("cron(0 4 ? * 3W *)", "day-of-week", "did you mean MON-FRI?"),
    ("cron(0 4 ? * TUE#6 *)", "day-of-week", "# takes 1 to 5"),
    ("cron(0 4 ? * 2#1,3#1 *)", "day-of-week", "second schedule"),
    ("cron(0 4 L-3 * ? *)", "day-of-month", "L alone"),
    ("cron(0 4 ? * FRI-MON *)", "day-of-week", "runs backwards"),
    ("cron(0 4 ? * , *)", "day-of-week", "missing"),
    ("cron(*/0 4 ? * SUN *)", "minutes", "step"),
    ("cron(0 4 ? * SUN)", "cron", "did you leave out the year?"),
    ("cron()", "cron", "0 fields"),
    ("0 4 ? * SUN *", "expression", "did you mean cron(0 4 ? * SUN *)?"),
    ("every day", "expression", "write cron"),
    ("rate(1 hours)", "rate", "did you mean rate(1 hour)?"),
    ("rate(2 hour)", "rate", "did you mean rate(2 hours)?"),
    ("rate(0 hours)", "rate", "write rate"),
    (f"rate({10**400} days)", "rate", "write rate"),
    ("rate(3 weeks)", "rate", "minutes, hours and days"),
]


@pytest.mark.parametrize("parse", [parse_ssm, parse_events])
@pytest.mark.parametrize(("text", "field", "words"), REFUSED, ids=[text for text, *_ in REFUSED])
def test_an_error_names_the_field_and_the_mend(parse: type[Schedule], text: str, field: str, words: str):
    with pytest.raises(ScheduleError) as raised:
        parse(text)
    assert raised.value.field == field
    assert words in str(raised.value)


SSM_REFUSED = [
    ({"text": "rate(4 minutes)"}, "rate"),
    ({"text": "cron(0/2 4 ? * SUN *)"}, "minutes"),
    ({"text": "cron(*/10 0 4 ? * SUN *)"}, "seconds"),
    ({"text": "at(2026-13-01T00:00:00)"}, "at"),
    ({"text": "at(tomorrow)"}, "at"),
    ({"text": "at(2026-03-29T02:30:00)", "timezone": "Europe/Paris"}, "at"),
    ({"text": "rate(1 day)", "timezone": "Mars/Phobos"}, "timezone"),
    ({"text": "rate(1 day)", "timezone": "../etc"}, "timezone"),
    ({"text": "rate(1 day)", "offset_days": 2}, "offset"),
    ({"text": "cron(0 4 ? * SUN *)", "offset_days": 7}, "offset"),
]


@pytest.mark.parametrize(("arguments", "field"), SSM_REFUSED)
def test_what_systems_manager_refuses(arguments: dict[str, object], field: str):
    with pytest.raises(ScheduleError) as raised:
        parse_ssm(**arguments)
    assert raised.value.field == field


@pytest.mark.parametrize("text", ["at(2026-01-01T00:00:00)", "cron(0 0 4 ? * SUN *)"])
def test_rules_take_neither_single_starts_nor_seconds(text: str):
    with pytest.raises(ScheduleError):
        parse_events(text)
