"""The words of conditions: which facts a `where` may ask for, and how it may compare them."""

from __future__ import annotations

from typing import Final

TEXT, NUMBER, TIME = "text", "number", "time"

FIELDS: Final = {
    "line.sku": TEXT,
    "line.category": TEXT,
    "line.quantity": NUMBER,
    "line.amount": NUMBER,
    "order.total": NUMBER,
    "order.nth": NUMBER,
    "order.channel": TEXT,
    "order.country": TEXT,
    "order.weekday": TEXT,
    "member.tier": TEXT,
    "member.country": TEXT,
    "member.locale": TEXT,
    "member.spend": NUMBER,
    "member.joined_at": TIME,
}
"""Fields and their kind. Amounts are minor units of the program's currency, after refunds."""

METADATA: Final = ("order.metadata.", "member.metadata.")
"""Prefixes of fields that name a key of the caller's own metadata, which is text."""

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

COMPARISONS: Final = ("at_least", "at_most", "above", "below")
OPERATORS: Final = {
    TEXT: ("is", "is_not", "in", "not_in", "starts_with", "exists"),
    NUMBER: ("is", "is_not", "in", "not_in", *COMPARISONS, "exists"),
    TIME: (*COMPARISONS, "exists"),
}


def kind(field: str) -> str | None:
    """Return the kind of value a field has, or None if there is no such field."""
    if field.startswith(METADATA):
        return TEXT if field.split(".", 2)[2] else None
    return FIELDS.get(field)
