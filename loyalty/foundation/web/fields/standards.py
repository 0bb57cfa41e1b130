"""What other people keep lists of: currencies, countries, languages, email addresses."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import babel
import email_validator
import moneyed

from loyalty.foundation.web.fields.base import Field

EMAIL_CHARACTERS = 254
_XCODES = {"XAF", "XCD", "XCG", "XOF", "XPF"}  # the only X codes that are money one can hold
CURRENCIES = tuple(sorted(code for code in moneyed.CURRENCIES if code[0] != "X" or code in _XCODES))
_NOT_COUNTRIES = {
    *("AC", "CP", "CQ", "DG", "EA", "IC", "TA"),  # reserved, part of another country
    *("EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"),  # unions, tests, unknown
}
COUNTRIES = tuple(
    sorted(
        code
        for code in map(str, babel.Locale("en").territories)
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES  # noqa: PLR2004 - alpha-2
    )
)


class Listed(Field[str]):
    """A code from a long list, which the document shows once."""

    codes: frozenset[str]
    sample: str

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": self.sample, **options})
        self.openapi = {"$ref": f"#/components/schemas/{type(self).__name__}"}

    def _read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.codes:
            raise self._wrong(value)
        return value


class Currency(Listed):
    """An ISO 4217 code in capitals."""

    codes = frozenset(CURRENCIES)
    sample = "EUR"
    expects = "must be an ISO 4217 currency code in capitals, such as EUR"


class Country(Listed):
    """An ISO 3166-1 alpha-2 code in capitals (and XK for Kosovo)."""

    codes = frozenset(COUNTRIES)
    sample = "DE"
    expects = "must be an ISO 3166 country code of two capitals, such as DE"


class Locale(Field[str]):
    """A language tag such as `de` or `pt-BR`; becomes its usual spelling."""

    expects = "must be the tag of a known language, such as de or pt-BR"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": "de-DE", **options})
        self.openapi = {
            "type": "string",
            "pattern": "^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$",
            "maxLength": 35,
        }

    def _read(self, value: Any) -> str:
        tag = _usual_tag(value) if isinstance(value, str) and len(value) <= 35 else None  # noqa: PLR2004 - BCP 47
        if tag is None:
            raise self._wrong(value)
        return tag


class Email(Field[str]):
    """An email address by its syntax; no name server is asked.

    Becomes its normal form: the domain in small letters, the local part as given.
    """

    expects = "must be an email address, such as kim@example.org"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": "kim@example.org", **options})
        self.openapi = {"type": "string", "format": "email", "maxLength": EMAIL_CHARACTERS}

    def _read(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > EMAIL_CHARACTERS:
            raise self._wrong(value)
        try:
            # the reserved domain .test is what shops try things out with
            checked = email_validator.validate_email(
                value, check_deliverability=False, test_environment=True
            )
        except email_validator.EmailNotValidError:
            raise self._wrong(value) from None
        return checked.normalized


@lru_cache(maxsize=1024)
def _usual_tag(tag: str) -> str | None:
    try:
        return str(babel.Locale.parse(tag.replace("_", "-"), sep="-")).replace("_", "-")
    except (ValueError, babel.UnknownLocaleError):
        return None
