"""Durations and calendar arithmetic: months clamp, days stay days, hours are exact."""

from datetime import UTC, datetime, timedelta

import pytest

from loyalty.foundation import clock

BERLIN = "Europe/Berlin"


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P14D", (0, 14, timedelta(0))),
        ("P1Y2M3DT4H", (14, 3, timedelta(hours=4))),
        ("P2W", (0, 14, timedelta(0))),
        ("PT36H", (0, 0, timedelta(hours=36))),
    ],
)
def test_calendar_and_exact_parts_are_kept_apart(text, expected):
    assert clock.parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "x", "-P1D", "P1.5D", "P1.5M", "P1201M", "P99999D"]
)
def test_what_is_no_duration_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match=r"must|is not an ISO 8601 duration"):
        clock.parse_duration(text)


def test_months_clamp_to_the_last_day():
    assert clock.add("P1M", utc(2026, 1, 31, 12)) == utc(2026, 2, 28, 12)
    assert clock.add("P1M", utc(2028, 1, 31, 12)) == utc(2028, 2, 29, 12)
    assert clock.subtract("P1M", utc(2026, 3, 31, 12)) == utc(2026, 2, 28, 12)
    assert clock.add("P12M", utc(2028, 2, 29, 12)) == utc(2029, 2, 28, 12)


def test_a_day_stays_a_day_across_a_clock_change_and_hours_stay_hours():
    evening_before = utc(2026, 3, 28, 20)

    assert clock.add("P1D", evening_before, BERLIN) == utc(2026, 3, 29, 19)
    assert clock.add("PT24H", evening_before, BERLIN) == utc(2026, 3, 29, 20)


def test_days_and_months_end_in_the_zone_of_the_program():
    assert clock.end_of_day(utc(2026, 10, 24, 12), BERLIN) == utc(2026, 10, 24, 22)
    assert clock.end_of_day(utc(2026, 10, 25, 12), BERLIN) == utc(2026, 10, 25, 23)
    assert clock.end_of_day(utc(2026, 10, 24, 22), BERLIN) == utc(2026, 10, 25, 23)
    assert clock.end_of_month(utc(2026, 1, 31, 23, 30), BERLIN) == utc(2026, 2, 28, 23)
    assert clock.end_of_month(utc(2026, 12, 5), BERLIN) == utc(2026, 12, 31, 23)
