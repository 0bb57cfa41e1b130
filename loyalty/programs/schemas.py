"""Program documents, their versions and the test clock as the API takes and gives them."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import ListQuery, Schema


class Table(fields.Field[Any]):
    """A part of the document; `programs.document` checks it, and names every mistake at once."""

    def __init__(self, kind: str, about: str) -> None:
        super().__init__(allow_none=True, about=about)
        self.expects = f"must be an {kind}"
        self.openapi = {"type": kind}

    def _read(self, value: Any) -> Any:
        return value


class Document(Schema):
    """A whole program: the same as its TOML file, as JSON. Rates are text, such as "1.5"."""

    version = fields.Integer(
        least=1, most=2**31 - 1, about="The version this is, or that you changed; may be left out."
    )
    program = Table("object", "Slug, name, mode, currency, time zone, words for points, enrolment.")
    earning = Table("object", "Rules, rounding, when points settle and expire.")
    tiers = Table("array", "Standings from the lowest to the highest.")
    redemption = Table("object", "What points are worth at checkout, and its limits.")
    rewards = Table("array", "What members can have for points.")
    vouchers = Table(
        "object", "How vouchers stack, limits on guessing codes, how long bought value lives."
    )
    referrals = Table("object", "Rewards for bringing somebody.")
    recovery = Table("object", "Reasons, caps and follow-ups of gestures.")

    example: ClassVar = {
        "version": 3,
        "program": {"slug": "corner-shop", "mode": "live", "currency": "EUR"},
        "earning": {
            "settles_after": "P14D",
            "rules": [{"id": "base", "kind": "per_spend", "points": 1, "per": 100}],
        },
        "redemption": {"points_per": {"points": 100, "amount": 100}},
    }

    class Meta:
        unknown = ma.INCLUDE  # refused by `programs.document`, with a suggestion


class VersionSummary(Schema):
    """When a version was applied, and by whom."""

    version = fields.Integer(required=True, least=1)
    created_at = fields.Instant(required=True)
    actor = fields.Text(required=True, example="cli:anna")


class Version(VersionSummary):
    """A version with its document."""

    document = fields.Nested(Document, required=True)


class Versions(ListQuery):
    """Which versions to list."""


class TestClock(Schema):
    """What time it is for a test program."""

    now = fields.Instant(required=True, example="2040-03-01T00:00:00Z", about="The program's time.")

    example: ClassVar = {"now": "2040-03-01T00:00:00Z"}
