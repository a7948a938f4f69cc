"""Cron expressions mean what a look at every minute of four years says, in zones whose clocks change."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from triggers.schedules import oracle

from stepwell.triggers.schedules import Schedule, parse_ssm

EXPRESSIONS = (
    "0 4 ? * SUN *",
    "30 2 * * ? *",
    "15 0,1,2,3,23 * * ? *",
    "45 1 ? 3,4,9,10,11 * *",
    "0/20 0-3 ? MAR-APR SAT-7 *",
    "5 */6 1,15,31 * ? *",
    "0 12 29 FEB ? *",
    "0 0 L * ? *",
    "0 23 LW * ? *",
    "10 3 15W * ? *",
    "10 3 1W,31W * ? *",
    "0 2 ? * 6L *",
    "0 9 ? * L *",
    "59 23 ? * TUE#3 *",
    "0 0 ? * 1#5 2027-2029",
    "7/13 5/9 ? 1-12/5 MON-FRI 2026/2",
    "0 0 30,31 2 ? *",
    "30 0 ? OCT sun 2028",
)


@pytest.mark.parametrize("zone", oracle.ZONES)
def test_every_start_in_four_years(zone: str) -> None:
    for expression in EXPRESSIONS:
        expected = oracle.starts(expression, zone)
        assert len(expected) > 0 or expression == "0 0 30,31 2 ? *"
        schedule = parse_ssm(f"cron({expression})", timezone=zone)
        assert chain(schedule, oracle.first_moments(zone)[0] * 60 - 1, len(expected)) == expected, expression


def test_a_leap_day_comes_every_four_years_and_not_in_2100() -> None:
    schedule = parse_ssm("cron(0 0 29 2 ? 2096-2104)")
    assert [int(start) for start in chain(schedule, 3_900_000_000, 9)] == [3_981_312_000, 4_233_686_400]


def numbers(first: int, last: int) -> st.SearchStrategy[str]:
    number = st.integers(first, last)
    pair = st.tuples(number, number).map(sorted)
    item = st.one_of(
        number.map(str),
        st.just("*"),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.tuples(number, st.integers(1, last)).map(lambda step: f"{step[0]}/{step[1]}"),
        st.tuples(pair, st.integers(1, 9)).map(lambda step: f"{step[0][0]}-{step[0][1]}/{step[1]}"),
    )
    return st.lists(item, min_size=1, max_size=3).map(",".join)


days_of_month = st.one_of(
    numbers(1, 31), st.just("L"), st.just("LW"), st.integers(1, 31).map(lambda n: f"{n}W")
)
days_of_week = st.one_of(
    numbers(1, 7),
    st.just("L"),
    st.integers(1, 7).map(lambda n: f"{n}L"),
    st.tuples(st.integers(1, 7), st.integers(1, 5)).map(lambda nth: f"{nth[0]}#{nth[1]}"),
)
days = st.one_of(days_of_month.map(lambda d: (d, "?")), days_of_week.map(lambda d: ("?", d)))
minutes = st.sampled_from(["0", "30", "1,6,59", "*/5", "3-55/13", "0/10", "59"])


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(oracle.ZONES),
    minute=minutes,
    hour=numbers(0, 23),
    day=days,
    month=numbers(1, 12),
    year=st.sampled_from(["*", "2027", "2026-2028/2"]),
    back=st.integers(1, 1400 * 86_400),
)
def test_random_expressions(
    zone: str, minute: str, hour: str, day: tuple[str, str], month: str, year: str, back: int
) -> None:
    expression = f"{minute} {hour} {day[0]} {month} {day[1]} {year}"
    after = oracle.first_moments(zone)[-1] * 60 - back
    expected = oracle.starts(expression, zone)
    position = bisect_right(expected, after)
    wanted = expected[position : position + 40]
    assert chain(parse_ssm(f"cron({expression})", timezone=zone), after, len(wanted)) == wanted


def chain(schedule: Schedule, after: float, count: int) -> list[float]:
    """The next starts, up to `count`."""

    def following() -> Iterator[float]:
        at: float | None = after
        while (at := schedule.next(at, since=0)) is not None:
            yield at

    return list(islice(following(), count))
