"""Text: one line or several, names for machines, the shop's own ids, and choices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import marshmallow as ma

from loyalty.foundation.web.fields.base import Field

ID_CHARACTERS = 255


class Text(Field[str]):
    """Text of `least` to `most` characters, line breaks and tabs included, other controls not."""

    forbidden = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
    pattern: str | None = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
    says = "text"

    def __init__(self, most: int = 1000, *, least: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most
        self.expects = f"must be {self.says} of {least} to {most} characters"
        self.openapi = {"type": "string", "minLength": least, "maxLength": most}
        if self.pattern:
            self.openapi["pattern"] = self.pattern

    def _read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._wrong(value)
        if not self.least <= len(value) <= self.most:
            raise ma.ValidationError(f"{self.expects}, not {len(value)}")
        if self.forbidden.search(value):
            raise ma.ValidationError(f"{self.expects}, without control characters")
        return value


class Line(Text):
    """Text on one line: a name, a title, a phone number."""

    forbidden = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
    pattern = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
    says = "one line"

    def __init__(self, most: int = 255, **options: Any) -> None:
        super().__init__(most, **options)


class Patterned(Field[str]):
    """Text of one form; a subclass gives `pattern`, `expects` and an example."""

    pattern: re.Pattern[str]
    most: int
    sample: str

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": self.sample, **options})
        self.openapi = {
            "type": "string",
            "pattern": f"^{self.pattern.pattern}$",
            "minLength": 1,
            "maxLength": self.most,
        }

    def _read(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > self.most:
            raise self._wrong(value)
        if not self.pattern.fullmatch(value):
            raise self._wrong(value)
        return value


class ShopId(Patterned):
    """An id that the shop gave: any 1 to 255 characters except controls and outer spaces.

    A slash is allowed: in an address it is written `%2F` (see `web.paths`). `.` and `..` are
    not, because clients resolve them before they send the address.
    """

    pattern = re.compile(
        r"(?!\.{1,2}$)[^\s\x00-\x1f\x7f-\x9f]"
        r"([^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\x00-\x1f\x7f-\x9f])?"
    )
    most = ID_CHARACTERS
    sample = "c-77"
    expects = (
        f"must be text of 1 to {ID_CHARACTERS} characters, without control characters, without "
        "spaces at its ends, and not . or .."
    )


class Code(Patterned):
    """A short name for machines and people: a reason, a channel, a voucher or referral code."""

    pattern = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
    most = 64
    sample = "late_delivery"
    expects = (
        "must be 1 to 64 letters (A-Z), digits, dots, hyphens or underscores, with a letter or "
        "digit first and last"
    )


class Choice(Field[str]):
    """One of a few words."""

    def __init__(self, choices: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self.choices = tuple(choices)
        self.expects = f"must be one of {', '.join(self.choices)}"
        self.openapi = {"type": "string", "enum": list(self.choices)}

    def _read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise self._wrong(value)
        return value
