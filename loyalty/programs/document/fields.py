"""Fields that read one value of a program document exactly, or say what would be right.

Numbers with a point are never floats here: TOML gives them as `Decimal`, JSON
must write them as strings. Every field returns what JSON can hold.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, TypeVar
from zoneinfo import available_timezones

import marshmallow
import moneyed

from loyalty.foundation import clock

Read = TypeVar("Read")

MOST: Final = 2**53 - 1
"""The largest number of points or minor units: what every JSON reader holds exactly."""
CALENDAR: Final = ("day", "week", "month", "quarter", "year")

_RATIO = re.compile(r"\d{1,12}(\.\d{1,12}|/0*[1-9]\d{0,11})?", re.ASCII)
_DURATION = re.compile(
    r"P(?=\d|T\d)(\d{1,5}Y)?(\d{1,5}M)?(\d{1,5}W)?(\d{1,5}D)?"
    r"(T(?=\d)(\d{1,6}H)?(\d{1,6}M)?(\d{1,8}S)?)?",
    re.ASCII,
)
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LONGEST_MONTHS = 12 * 100
_SHOWN = 60
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def shown(value: object) -> str:
    """Return a value as a sentence may quote it: short, and printable whatever it was."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and abs(value) > 10**_SHOWN:
        return "a far larger number"
    text = repr(value[:_SHOWN]) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def near_miss(word: object, known: Iterable[str]) -> str:
    """Return " Did you mean …?" if one of the known words is close, else nothing."""
    near = difflib.get_close_matches(str(word)[:_SHOWN], list(known), 1)
    return f" Did you mean `{near[0]}`?" if near else ""


class Exact(marshmallow.fields.Field[Read]):
    """A field that describes the right value once, for all its error sentences."""

    def __init__(self, right: str, **kwargs: Any) -> None:
        missing = f"It is missing; write {right}."
        super().__init__(error_messages={"required": missing, "null": missing}, **kwargs)
        self.right = right

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002 - marshmallow's signature
        data: Mapping[str, Any] | None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> Read:
        return self.read(value)

    def read(self, value: Any) -> Read:
        """Return the value in its normal form, or raise a `ValidationError`."""
        raise NotImplementedError

    def wrong(self, value: object, more: str = "") -> marshmallow.ValidationError:
        """Return the error for a value that is not right."""
        return marshmallow.ValidationError(f"It must be {self.right}, not {shown(value)}.{more}")


class Whole(Exact[int]):
    """An exact integer within bounds; never a bool, a string or a number with a point."""

    def __init__(self, at_least: int = 1, at_most: int = MOST, **kwargs: Any) -> None:
        super().__init__(f"a whole number from {at_least} to {at_most}", **kwargs)
        self.at_least, self.at_most = at_least, at_most

    def read(self, value: Any) -> int:
        """Return the integer."""
        if type(value) is not int or not self.at_least <= value <= self.at_most:
            raise self.wrong(value)
        return value


class Ratio(Exact[str]):
    """A positive exact rational, returned as it was written: "1.5", "3/2", "2"."""

    def __init__(self, at_most: int = 1_000, **kwargs: Any) -> None:
        super().__init__(f'a number above 0 up to {at_most}, such as "0.5" or "1/3"', **kwargs)
        self.at_most = at_most

    def read(self, value: Any) -> str:
        """Return the text of the number."""
        if isinstance(value, float):
            raise marshmallow.ValidationError(
                f'Write it as a string, such as "{value}": a JSON number with a point is not exact.'
            )
        text = _number_text(value)
        if not _RATIO.fullmatch(text) or not 0 < Fraction(text) <= self.at_most:
            raise self.wrong(value)
        return text


def _number_text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if type(value) is int and 0 < value <= MOST:
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _SHOWN:
        return format(value, "f")
    return ""


class Duration(Exact[str]):
    """An ISO 8601 duration of whole parts, longer than nothing, at most a hundred years."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('an ISO 8601 duration such as "P14D", "P12M" or "PT30M"', **kwargs)

    def read(self, value: Any) -> str:
        """Return the duration's text."""
        if not is_duration(value) or clock.add(value, _EPOCH) == _EPOCH:
            raise self.wrong(value)
        return str(value)


class Delay(Duration):
    """A duration that may also be none at all: `PT0S`."""

    def read(self, value: Any) -> str:
        """Return the duration's text."""
        if not is_duration(value):
            raise self.wrong(value, ' Write "PT0S" for none.')
        return str(value)


def is_duration(value: object) -> bool:
    """Tell whether this is a duration that the service can count with."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        return False
    try:
        months, days, exact = clock.parse_duration(value)
    except (ValueError, ArithmeticError):
        return False
    return months + (days + exact.days) / 28 <= _LONGEST_MONTHS


class Window(Exact[str]):
    """A rolling window as a duration, or a calendar one in the program's time zone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(f'a duration such as "P30D", or one of {", ".join(CALENDAR)}', **kwargs)

    def read(self, value: Any) -> str:
        """Return the duration's text or the calendar word."""
        if value in CALENDAR or (is_duration(value) and clock.add(value, _EPOCH) > _EPOCH):
            return str(value)
        raise self.wrong(value)


class Instant(Exact[str]):
    """An instant with its offset, returned as RFC 3339 in UTC with `Z`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("an instant with its offset, such as 2026-12-01T00:00:00Z", **kwargs)

    def read(self, value: Any) -> str:
        """Return the instant's text."""
        at = value
        try:
            if isinstance(value, str) and _INSTANT.fullmatch(value):
                at = datetime.fromisoformat(value.upper())
            if isinstance(at, datetime) and at.tzinfo is not None:
                return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        except (ValueError, OverflowError):
            pass
        raise self.wrong(value)


class Text(Exact[str]):
    """Text that any database and page can hold."""

    def __init__(self, most: int = 200, *, like: str = "", right: str = "", **kwargs: Any) -> None:
        super().__init__(right or f"text of 1 to {most} characters", **kwargs)
        self.most, self.like = most, re.compile(like or r"(?s).*", re.ASCII)

    def read(self, value: Any) -> str:
        """Return the text."""
        if not isinstance(value, str) or not value.strip() or len(value) > self.most:
            raise self.wrong(value)
        if _UNSTORABLE.search(value):
            raise marshmallow.ValidationError(
                "It must have no control characters and no lone surrogates."
            )
        if not self.like.fullmatch(value):
            raise self.wrong(value)
        return value


class Name(Text):
    """An id that other parts of the document, entries and reports refer to."""

    def __init__(self, **kwargs: Any) -> None:
        right = '1 to 64 letters, digits, "-", "_" or ".", starting with a letter or digit'
        super().__init__(64, like=r"[A-Za-z0-9][A-Za-z0-9._-]*", right=right, **kwargs)


class Choice(Exact[str]):
    """One of a few words."""

    def __init__(self, words: Iterable[str], **kwargs: Any) -> None:
        self.words = tuple(words)
        super().__init__(f"one of {', '.join(self.words)}", **kwargs)

    def read(self, value: Any) -> str:
        """Return the word."""
        if not isinstance(value, str) or value not in self.words:
            raise self.wrong(value, near_miss(value, self.words))
        return value


class Currency(Exact[str]):
    """An ISO 4217 code with a known number of decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("an ISO 4217 currency code such as EUR", **kwargs)

    def read(self, value: Any) -> str:
        """Return the code."""
        if not isinstance(value, str) or value not in moneyed.CURRENCIES:
            raise self.wrong(value)
        return value


class Zone(Exact[str]):
    """An IANA time zone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("an IANA time zone such as Europe/Berlin", **kwargs)

    def read(self, value: Any) -> str:
        """Return the zone's name."""
        if not isinstance(value, str) or value not in _zones():
            raise self.wrong(value, near_miss(value, _zones()))
        return value


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})  # differ by machine


def items(
    item: marshmallow.fields.Field[Any], *, least: int = 0, most: int = 100, **kwargs: Any
) -> marshmallow.fields.List[Any]:
    """Return a list field with bounds on its length."""

    def length(values: list[Any]) -> None:
        if not least <= len(values) <= most:
            raise marshmallow.ValidationError(
                f"It must have {least} to {most} items, not {len(values)}."
            )

    messages: dict[str, Any] = {
        "invalid": "It must be a list.",
        "required": "It is missing; write a list.",
    }
    return marshmallow.fields.List(item, validate=length, error_messages=messages, **kwargs)


def table(schema: type[marshmallow.Schema], **kwargs: Any) -> marshmallow.fields.Nested:
    """Return a field for a nested section."""
    missing = f"It is missing; write a table with {', '.join(keys(schema()))}."
    return marshmallow.fields.Nested(schema, error_messages={"required": missing}, **kwargs)


def keys(schema: marshmallow.Schema) -> list[str]:
    """Return the keys a table may have."""
    return [field.data_key or name for name, field in schema.load_fields.items()]
