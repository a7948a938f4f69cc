"""Times are read alike on every Python: as its newest reads ISO 8601's extended form, and nothing else."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.retrain.prepare.times import instant, written

UTC = datetime.UTC
#: a text → seconds since 1970; None: it is no time
TEXTS: dict[str, float | None] = {
    "1970-01-01": 0.0,
    "1970-01-02T00:00": 86400.0,
    "1970-01-01 00:00:01": 1.0,
    "1970-01-01T00:00:00.5Z": 0.5,
    "1970-01-01T00:00:00,25Z": 0.25,
    "1970-01-01T00:00:00.123456789Z": 0.123456789,
    "1970-01-01T02:00:00+02:00": 0.0,
    "1970-01-01T00:00:00-0130": 5400.0,
    "1970-01-01T00:00:00+01": -3600.0,
    "1969-12-31T23:59:59Z": -1.0,
    "2024-02-29": 1709164800.0,
    "2023-02-29": None,
    "1970-13-01": None,
    "1970-01-01T24:00:00": None,
    "1970-01-01T23:59:60": None,
    "1970-01-01T00:00:00+24:00": None,
    "1970-01-01T00:00:00+01:60": None,
    "1970-01-01T00:00:00 +01:00": None,
    "1970-01-01T00": None,
    "1970-01-01Z": None,
    "1970-01-01t00:00z": None,
    "19700101": None,
    "1970-1-1": None,
    "1970-W01-4": None,
    "0000-01-01": None,
    "١٩٧٠-٠١-٠١": None,
    "1970-01-01\n": None,
    "": None,
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_a_time_or_none(text: str) -> None:
    assert instant(text) == TEXTS[text]


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-1439, 1439).map(lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))),
)
def test_it_is_the_instant_that_python_reads(moment: datetime.datetime, zone: datetime.timezone) -> None:
    """Of any moment, as it is written in any zone."""
    try:
        text = moment.astimezone(zone).isoformat()
    except OverflowError:  # the zone's year has another number of digits
        text = moment.isoformat()
    assert instant(text) == pytest.approx(moment.timestamp(), abs=1e-5)


@given(st.datetimes())
def test_what_is_written_is_read_again(moment: datetime.datetime) -> None:
    found = instant(moment.isoformat())
    assert found is not None
    assert instant(written(found)) == pytest.approx(found, abs=1e-5)


def test_an_instant_beyond_the_calendar_is_its_end() -> None:
    """An offset can lead out of the years 1 to 9999."""
    first, last = instant("0001-01-01T00:00+01:00"), instant("9999-12-31T23:59-01:00")
    assert first is not None and last is not None
    assert written(first) == "0001-01-01T00:00:00Z"
    assert written(last) == "9999-12-31T23:59:59.999999Z"
