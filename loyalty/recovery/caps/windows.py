"""Windows: since when gestures count, and when a calendar window begins anew.

Calendar windows are the local day, week (from Monday), month, quarter or year of the program's
zone. Rolling windows are exact to the second, whatever clocks do: days have 24 hours, and months go
by the calendar of UTC. They never begin earlier at a later time, which clamping to a month's last
day would make them do: from 31 March, a month goes back to the end of February.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from loyalty.foundation import clock
from loyalty.ledger.state import PAST

_INSTANT = timedelta(microseconds=1)


def since(window: str | None, at: datetime, zone: str) -> datetime:
    """Return the instant after which gestures count at `at`; one at that very instant does not."""
    if window is None:
        return PAST
    first = _local_start(window, at, zone)
    if first is not None:
        return _instant(first, zone) - _INSTANT
    duration = clock.parse_duration(window)
    exact = timedelta(days=duration.days) + duration.exact
    return (_months_before(at, duration.months) if duration.months else at) - exact


def resets_at(window: str | None, at: datetime, zone: str) -> datetime | None:
    """Return when a calendar window begins anew; None for a rolling one, which never does."""
    first = None if window is None else _local_start(window, at, zone)
    if first is None:
        return None
    match window:
        case "day":
            following = first + timedelta(days=1)
        case "week":
            following = first + timedelta(days=7)
        case "month":
            following = (first + timedelta(days=32)).replace(day=1)
        case "quarter":
            following = (first + timedelta(days=94)).replace(day=1)
        case _:
            following = first.replace(year=first.year + 1)
    return _instant(following, zone)


def _months_before(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    if at.day <= monthrange(year, month + 1)[1]:
        return at.replace(year=year, month=month + 1)
    following = datetime(year + month // 11, (month + 1) % 12 + 1, 1, tzinfo=UTC)
    return following - _INSTANT


def _local_start(window: str, at: datetime, zone: str) -> datetime | None:
    """Return the local midnight at which a calendar window began; None for a rolling window."""
    local = at.astimezone(ZoneInfo(zone))
    today = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=None)
    match window:
        case "day":
            return today
        case "week":
            return today - timedelta(days=today.weekday())
        case "month":
            return today.replace(day=1)
        case "quarter":
            return today.replace(month=today.month - (today.month - 1) % 3, day=1)
        case "year":
            return today.replace(month=1, day=1)
    return None


def _instant(local: datetime, zone: str) -> datetime:
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
