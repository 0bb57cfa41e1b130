"""Balances, entries and movements as callers send and get them."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import ListQuery, Money, Schema, page_of
from loyalty.ledger.models import KINDS


class Buckets(Schema):
    """Points by what can be done with them."""

    available = fields.Integer(required=True, about="Can be spent now.")
    pending = fields.Integer(required=True, about="Earned, but not settled yet.")
    held = fields.Integer(required=True, about="Set aside by a checkout.")
    debt = fields.Integer(required=True, about="Owed after refunds; later earnings pay it first.")


class Expiring(Schema):
    """Available points that end at an instant if they are not spent."""

    points = fields.Integer(required=True)
    expires_at = fields.Instant(required=True)


class Arriving(Schema):
    """Pending points that become available at an instant."""

    points = fields.Integer(required=True)
    available_at = fields.Instant(required=True)


class Balance(Schema):
    """A member's points."""

    member = fields.ShopId(required=True)
    points = fields.Nested(Buckets, required=True)
    lifetime_earned = fields.Integer(required=True, about="All that was earned, less clawbacks.")
    worth = fields.Nested(
        Money,
        required=True,
        allow_none=True,
        about="Of the available points; null without redemption.",
    )
    expiring = fields.List(fields.Nested(Expiring), most=100_000, required=True)
    arriving = fields.List(fields.Nested(Arriving), most=100_000, required=True)


class BalanceQuery(Schema):
    """When to look at a balance."""

    as_of = fields.Instant(load_default=None, about="A past or future instant; now if left out.")


class Source(Schema):
    """What caused an entry."""

    type = fields.Text(required=True, example="order")
    id = fields.Text(required=True, example="10045")


class EntryBreakdown(Schema):
    """What one rule gave."""

    rule = fields.Text(required=True)
    points = fields.Integer(required=True)
    text = fields.Text(required=True)
    version = fields.Integer(required=True, allow_none=True)


class Entry(Schema):
    """One movement of points, never changed once written."""

    id = fields.Text(required=True, example="ent_01a2…")
    kind = fields.Choice(KINDS, required=True)
    points = fields.Integer(required=True, about="Signed, from the member's side.")
    balance_after = fields.Nested(Buckets, required=True)
    source = fields.Nested(Source, required=True)
    explanation = fields.Text(required=True, about="In words for the customer.")
    reason = fields.Text(required=True, allow_none=True, about="Of an adjustment.")
    note = fields.Text(required=True, allow_none=True, about="Internal; only for server keys.")
    breakdown = fields.List(fields.Nested(EntryBreakdown), required=True)
    counterpart = fields.Text(required=True, about="The other side of the movement.")
    terms_version = fields.Integer(required=True, allow_none=True)
    actor = fields.Text(required=True)
    request_id = fields.Text(required=True, allow_none=True)
    reverses = fields.Text(required=True, allow_none=True)
    occurred_at = fields.Instant(required=True)
    recorded_at = fields.Instant(required=True)
    hash = fields.Text(required=True, about="Chains the account's entries.")

    @ma.pre_dump
    def _shape(self, row: Any, **_: Any) -> dict[str, Any]:
        version = row["terms_version"]
        return {
            **row,
            "balance_after": row,
            "source": {"type": row["source_type"], "id": row["source_id"]},
            "breakdown": [{**part, "version": version} for part in row["breakdown"] or ()],
        }


class MemberEntry(Entry):
    """An entry as the member may see it: nothing internal."""

    class Meta(Entry.Meta):
        exclude = ("note", "actor", "request_id", "counterpart")


class EntryQuery(ListQuery):
    """Which page of entries."""


EntryPage = page_of(Entry)
MemberEntryPage = page_of(MemberEntry)


class NewAdjustment(Schema):
    """Points added or taken by hand."""

    points = fields.Change(
        required=True, example=-50, about="Positive adds, negative takes available points."
    )
    reason = fields.Line(200, required=True, example="Wrong price on the shelf")
    note = fields.Text(2000, load_default=None, allow_none=True, about="Never shown to customers.")

    example: ClassVar = {"points": -50, "reason": "Wrong price on the shelf", "note": "ZD-5521"}


class NewTransfer(Schema):
    """Points to give to another member."""

    to = fields.ShopId(required=True, example="c-78")
    points = fields.Points(required=True)

    example: ClassVar = {"to": "c-78", "points": 500}


class Transfer(Schema):
    """A transfer with its two entries."""

    id = fields.Text(required=True, example="trf_01a2…")
    points = fields.Integer(required=True)
    from_ = fields.ShopId(required=True, data_key="from", attribute="from")
    to = fields.ShopId(required=True)
    out = fields.Nested(Entry, required=True, about="The giver's entry.")
    in_ = fields.Nested(
        Entry, required=True, data_key="in", attribute="in", about="The receiver's entry."
    )


class NewOpening(Schema):
    """Points that a member brings along from elsewhere, a lot of their own."""

    id = fields.ShopId(required=True, about="What makes it count once.")
    member = fields.ShopId(required=True, about="Whose points; unknown members join.")
    points = fields.Points(required=True)
    expires_at = fields.Instant(
        load_default=None, allow_none=True, about="As points earned now, if left out."
    )
    email = fields.Email(load_default=None, allow_none=True, about="Kept if the member joins.")
    name = fields.Line(200, load_default=None, allow_none=True, about="Kept if the member joins.")
