"""Which occasion of a member falls on which day: pure calendar, in the program's zone."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

BIRTHDAY, ANNIVERSARY, NTH_ORDER, THANK_YOU = "birthday", "anniversary", "nth_order", "thank_you"
MOST_DAYS = 31  # of a worker that did not run: what is older than that is past


def local_day(at: datetime, zone: str) -> date:
    """Return the day that an instant is in a zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def days_between(since: date, today: date) -> list[date]:
    """Return the days from `since` to today, the latest first; no more than a month of them."""
    count = min((today - since).days + 1, MOST_DAYS)
    return [today - timedelta(days=ago) for ago in range(max(count, 1))]


def months_and_days(days: Sequence[date]) -> set[int]:
    """Return what days of the year these are as numbers like 1206, with leap days where due."""
    found = {day.month * 100 + day.day for day in days}
    return found | {229 for day in days if _stands_for_leap_day(day)}


def day_of(once: date, days: Sequence[date]) -> date | None:
    """Return the latest of the days on which a date comes again, in a later year."""
    for day in days:
        is_it = (day.month, day.day) == (once.month, once.day)
        is_leap = (once.month, once.day) == (2, 29) and _stands_for_leap_day(day)
        if (is_it or is_leap) and day.year > once.year:
            return day
    return None


def occasion_of(
    gift: Mapping[str, Any], member: Mapping[str, Any], days: Sequence[date], zone: str
) -> str | None:
    """Return what tells this occasion from others of the same member, or None if there is none."""
    occasion = gift["occasion"]
    if occasion == NTH_ORDER:
        return f"order-{gift['nth']}"
    if occasion == THANK_YOU:
        day = thanking_day(gift, days)
    elif occasion == BIRTHDAY:
        day = day_of(member["birthday"], days)
    else:
        day = day_of(local_day(member["joined_at"], zone), days)
    return None if day is None else str(day.year)


def thanking_day(gift: Mapping[str, Any], days: Sequence[date]) -> date | None:
    """Return the latest of the days that is the one of a thank-you, if any is."""
    return next((day for day in days if day.strftime("%m-%d") == gift["on"]), None)


def _stands_for_leap_day(day: date) -> bool:
    return (day.month, day.day) == (2, 28) and not calendar.isleap(day.year)
