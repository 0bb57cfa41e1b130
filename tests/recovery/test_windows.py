"""Windows of caps: the program's own days, weeks and months, and rolling ones to the second."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from loyalty.recovery.caps import windows

BERLIN = "Europe/Berlin"


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("window", "now", "begins", "resets"),
    [
        ("day", "2026-03-29T12:00", "2026-03-29T00:00", "2026-03-30T00:00"),  # of 23 hours
        ("day", "2026-10-25T23:59", "2026-10-25T00:00", "2026-10-26T00:00"),  # of 25 hours
        ("week", "2026-03-29T23:59", "2026-03-23T00:00", "2026-03-30T00:00"),  # ends on Sunday
        ("week", "2026-03-30T00:00", "2026-03-30T00:00", "2026-04-06T00:00"),
        ("month", "2026-03-31T23:59", "2026-03-01T00:00", "2026-04-01T00:00"),
        ("month", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("quarter", "2026-05-31T10:00", "2026-04-01T00:00", "2026-07-01T00:00"),
        ("quarter", "2026-12-31T10:00", "2026-10-01T00:00", "2027-01-01T00:00"),
        ("year", "2026-10-25T02:30", "2026-01-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_calendar_windows_are_those_of_the_programs_zone(window, now, begins, resets):
    instant = at(now)

    assert windows.since(window, instant, BERLIN) < at(begins)
    assert windows.since(window, instant, BERLIN) >= at(begins) - timedelta(microseconds=1)
    assert windows.resets_at(window, instant, BERLIN) == at(resets)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_day_across_a_clock_change_has_its_hours_and_its_ends_fit(day):
    noon = at(f"{day}T12:00")
    begins = windows.since("day", noon, BERLIN) + timedelta(microseconds=1)
    resets = windows.resets_at("day", noon, BERLIN)

    assert resets - begins == timedelta(hours=23 if day == "2026-03-29" else 25)
    before = begins - timedelta(microseconds=1)
    assert windows.resets_at("day", before, BERLIN) == begins
    assert windows.since("day", resets, BERLIN) == resets - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("window", "long"),
    [
        ("PT1H", timedelta(hours=1)),
        ("P1D", timedelta(days=1)),
        ("P30D", timedelta(days=30)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
@pytest.mark.parametrize("now", ["2026-03-29T03:30", "2026-10-25T02:30", "2026-06-01T00:00"])
def test_rolling_windows_are_exact_whatever_clocks_do(window, long, now):
    assert windows.since(window, at(now), BERLIN) == at(now) - long
    assert windows.resets_at(window, at(now), BERLIN) is None


def test_rolling_months_go_back_to_the_same_day_or_the_end_of_a_shorter_month():
    assert windows.since("P1M", at("2026-05-31T10:00"), BERLIN) == at(
        "2026-05-01T00:00", "UTC"
    ) - timedelta(microseconds=1)
    assert windows.since("P1M", at("2026-01-15T10:00"), BERLIN) == at("2025-12-15T10:00")
    assert windows.since("P1M", at("2026-12-31T10:00", "UTC"), BERLIN) == at(
        "2026-12-01T00:00", "UTC"
    ) - timedelta(microseconds=1)
    assert windows.since("P1Y", at("2028-02-29T10:00"), BERLIN) == at(
        "2027-03-01T00:00", "UTC"
    ) - timedelta(microseconds=1)


@pytest.mark.parametrize("window", ["P1D", "P30D", "P1M", "P3M", "P1Y", "day", "week", "month"])
def test_windows_never_begin_earlier_at_a_later_time(window):
    start = datetime(2024, 1, 1, tzinfo=UTC)
    times = [start + timedelta(minutes=30 * n) for n in range(48 * 500)]
    begins = [windows.since(window, one, BERLIN) for one in times]

    assert begins == sorted(begins)


def test_without_a_window_everything_counts():
    assert windows.since(None, at("2026-03-31T10:00"), BERLIN).year == 1
    assert windows.resets_at(None, at("2026-03-31T10:00"), BERLIN) is None
