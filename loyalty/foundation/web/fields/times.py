"""Instants, dates and durations."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from loyalty.foundation import clock
from loyalty.foundation.web.fields.base import Field

_YEARS = r"(?:19|2[0-9])[0-9]{2}"
_DATE = rf"{_YEARS}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
_ZONE = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_INSTANT = re.compile(rf"{_DATE}[Tt]{_TIME}{_ZONE}")
_ONLY_DATE = re.compile(_DATE)
_DURATION = re.compile(
    r"P(?=[0-9T])(?:[0-9]{1,5}Y)?(?:[0-9]{1,5}M)?(?:[0-9]{1,5}W)?(?:[0-9]{1,5}D)?"
    r"(?:T(?=[0-9])(?:[0-9]{1,7}H)?(?:[0-9]{1,9}M)?(?:[0-9]{1,10}S)?)?"
)


class Instant(Field[datetime]):
    """An instant as RFC 3339 text; in Python an aware datetime in UTC.

    The years 1900 to 2999 are taken, so that adding any duration stays within the calendar.
    Parts of a second beyond microseconds are dropped.
    """

    expects = (
        "must be an RFC 3339 instant with its zone in the years 1900 to 2999, such as "
        "2026-11-02T10:15:00Z (in an address, + is written %2B)"
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": "2026-11-02T10:15:00Z", **options})
        self.openapi = {
            "type": "string",
            "format": "date-time",
            "pattern": f"^{_INSTANT.pattern}$",
        }

    def _read(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            raise self._wrong(value)
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except ValueError:  # a day that its month does not have
            raise self._wrong(value) from None

    def _serialize(self, value: datetime | None, *_args: Any, **_kwargs: Any) -> str | None:
        if value is None:
            return None
        if value.tzinfo is not UTC:
            value = value.astimezone(UTC)
        return f"{value.isoformat()[:-6]}Z"


class Date(Field[date]):
    """A day of the calendar as RFC 3339 text, without time or zone."""

    expects = "must be a date in the years 1900 to 2999, such as 1990-05-17"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": "1990-05-17", **options})
        self.openapi = {"type": "string", "format": "date", "pattern": f"^{_DATE}$"}

    def _read(self, value: Any) -> date:
        if not isinstance(value, str) or not _ONLY_DATE.fullmatch(value):
            raise self._wrong(value)
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise self._wrong(value) from None

    def _serialize(self, value: date | None, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else value.isoformat()


class Duration(Field[str]):
    """An ISO 8601 duration in whole parts, up to a hundred years; kept as the text it is."""

    expects = "must be an ISO 8601 duration of whole parts up to 100 years, such as P14D or PT30M"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": "P14D", **options})
        self.openapi = {
            "type": "string",
            "format": "duration",
            "pattern": f"^{_DURATION.pattern}$",
        }

    def _read(self, value: Any) -> str:
        if not isinstance(value, str) or not _DURATION.fullmatch(value):
            raise self._wrong(value)
        try:
            clock.parse_duration(value)
        except ValueError:  # longer than a hundred years
            raise self._wrong(value) from None
        return value
