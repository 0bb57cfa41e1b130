"""The fields that schemas are made of: strict about what they take, exact about what they document.

Every message is the second half of a sentence that begins with the pointer:
"/total must be a whole number from 0 to 9007199254740991, not 5.5". All fields
take `about` (what it means) and `example` for the OpenAPI document beside
marshmallow's own options.
"""

from loyalty.foundation.web.fields.base import Field
from loyalty.foundation.web.fields.containers import List, Metadata, Nested
from loyalty.foundation.web.fields.numbers import (
    LARGEST,
    Boolean,
    Change,
    Integer,
    IntegerText,
    MinorUnits,
    Points,
)
from loyalty.foundation.web.fields.standards import Country, Currency, Email, Locale
from loyalty.foundation.web.fields.texts import Choice, Code, Line, ShopId, Text
from loyalty.foundation.web.fields.times import Date, Duration, Instant

__all__ = [
    "LARGEST",
    "Boolean",
    "Change",
    "Choice",
    "Code",
    "Country",
    "Currency",
    "Date",
    "Duration",
    "Email",
    "Field",
    "Instant",
    "Integer",
    "IntegerText",
    "Line",
    "List",
    "Locale",
    "Metadata",
    "MinorUnits",
    "Nested",
    "Points",
    "ShopId",
    "Text",
]
