"""Time and calendar arithmetic.

Instants are aware datetimes in UTC. Durations are ISO 8601 text (`P14D`,
`P12M`, `PT30M`). Calendar parts (years, months, weeks, days) are added to the
local date in the program's zone, so that a month clamps to its last day and a
day stays a day across a clock change; hours, minutes and seconds are exact.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import isodate

MOST_MONTHS = 1_200
MOST_TIME = timedelta(days=36_525)


class Duration(NamedTuple):
    """A parsed ISO 8601 duration: whole months, whole days, and exact time."""

    months: int
    days: int
    exact: timedelta


def system_now() -> datetime:
    """Return the present instant in UTC. Only doors may ask; others are told."""
    return datetime.now(UTC)


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> Duration:
    """Parse an ISO 8601 duration; raise ValueError if it is none, negative or fractional.

    A hundred years is the longest.
    """
    calendar_part, _, time_part = text.partition("T")
    try:
        days = isodate.parse_duration(calendar_part) if calendar_part != "P" else timedelta(0)
        exact = isodate.parse_duration(f"PT{time_part}") if time_part else timedelta(0)
    except (isodate.ISO8601Error, TypeError, ArithmeticError) as error:
        raise ValueError(f"{text!r} is not an ISO 8601 duration such as P14D or PT30M.") from error
    months = getattr(days, "years", 0) * 12 + getattr(days, "months", 0)
    rest: timedelta = getattr(days, "tdelta", days)
    if text in {"P", "PT"} or months != int(months) or rest.seconds or rest.microseconds:
        raise ValueError(f"{text!r} must have whole months, weeks and days.")
    if text.startswith("-") or not 0 <= months <= MOST_MONTHS or rest + exact > MOST_TIME:
        raise ValueError(f"{text!r} must not be negative or longer than a hundred years.")
    return Duration(int(months), rest.days, exact)


def add(duration: str, to: datetime, zone: str = "UTC") -> datetime:
    """Return the instant that lies a duration after `to`."""
    return _shift(to, parse_duration(duration), zone, 1)


def subtract(duration: str, from_: datetime, zone: str = "UTC") -> datetime:
    """Return the instant that lies a duration before `from_`."""
    return _shift(from_, parse_duration(duration), zone, -1)


def end_of_day(at: datetime, zone: str = "UTC") -> datetime:
    """Return the instant at which the local day of `at` is over."""
    local = at.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=None)
    return (midnight + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def end_of_month(at: datetime, zone: str = "UTC") -> datetime:
    """Return the instant at which the local month of `at` is over."""
    local = at.astimezone(ZoneInfo(zone))
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=None)
    return _add_months(first, 1).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _shift(at: datetime, duration: Duration, zone: str, sign: int) -> datetime:
    if duration.months or duration.days:
        local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        local = _add_months(local, sign * duration.months) + sign * timedelta(days=duration.days)
        at = local.replace(tzinfo=ZoneInfo(zone))
    return at.astimezone(UTC) + sign * duration.exact


def _add_months(local: datetime, months: int) -> datetime:
    """Add months to a local time, clamping to the month's last day."""
    if not months:
        return local
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day)
