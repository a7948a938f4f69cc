"""Spans and moments mean what people mean by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from stepwell.testing import TestingError
from stepwell.testing.durations import moment, seconds


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ("7 days", 604_800),
        ("1 day", 86_400),
        ("1 hour 30 minutes", 5400),
        ("1 week, 2 days", 777_600),
        ("0.5 seconds", 0.5),
        (" 90 seconds ", 90),
        (timedelta(minutes=2), 120),
        (0, 0),
        (1.5, 1.5),
    ],
)
def test_a_span_is_read(span: object, expected: float) -> None:
    assert seconds(span) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("span", "told"),
    [
        ("7", "no span of time"),
        ("7 moons", "no span of time"),
        ("7 daysx", "no span of time"),
        ("", "no span of time"),
        ("a day", "no span of time"),
        (-1, "time only goes on"),
        (timedelta(seconds=-1), "time only goes on"),
        (float("inf"), "time only goes on"),
        (float("nan"), "time only goes on"),
    ],
)
def test_what_is_no_span_is_refused(span: object, told: str) -> None:
    with pytest.raises(TestingError, match=told):
        seconds(span)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("when", "zone", "expected"),
    [
        ("2026-03-28T04:00", "Europe/Berlin", "2026-03-28T03:00Z"),
        ("2026-03-29T04:00", "Europe/Berlin", "2026-03-29T02:00Z"),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30Z"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:30Z"),
        ("2026-03-29", "UTC", "2026-03-29T00:00Z"),
        ("2026-03-29T04:00+02:00", "America/New_York", "2026-03-29T02:00Z"),
        (datetime(2026, 3, 29, 4), timezone(timedelta(hours=2)), "2026-03-29T02:00Z"),
        (datetime(2026, 3, 29, 2, tzinfo=UTC), "Europe/Berlin", "2026-03-29T02:00Z"),
    ],
)
def test_a_moment_without_an_offset_is_the_wall_time_of_the_zone(
    when: str | datetime, zone: str, expected: str
) -> None:
    assert moment(when, zone) == datetime.fromisoformat(expected).timestamp()


@pytest.mark.parametrize(
    ("when", "zone", "told"),
    [("Sunday", "UTC", "no moment"), ("2026-03-29", "Berlin", "Europe/Berlin"), ("2026-03-29", "", "IANA")],
)
def test_what_is_no_moment_is_refused(when: str, zone: str, told: str) -> None:
    with pytest.raises(TestingError, match=told):
        moment(when, zone)
