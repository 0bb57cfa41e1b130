"""Referrals as callers send and get them."""

from __future__ import annotations

from typing import ClassVar

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import ListQuery, Schema, page_of
from loyalty.members.schemas import ReferralCode
from loyalty.referrals.models import STATES


class Referee(Schema):
    """Who was brought. All but the id is used when an unknown member joins."""

    external_id = fields.ShopId(required=True, about="The shop's id of the customer.")
    email = fields.Email()
    name = fields.Line(200, example="Ben Example")
    phone = fields.Line(40, example="+49 30 7654321")


class Signals(Schema):
    """What was seen with a person. Only keyed hashes are kept."""

    ip = fields.Line(64, example="203.0.113.7", about="Internet address.")
    device = fields.Line(500, example="d-41f0", about="The shop's name for the device.")
    payment = fields.Line(500, example="pm-fingerprint", about="Fingerprint of a card or account.")
    address = fields.Text(500, example="1 Main St, Springfield", about="Postal address.")


class NewReferral(Schema):
    """A member brought somebody."""

    code = ReferralCode(required=True, about="The advocate's code.")
    referee = fields.Nested(Referee, required=True)
    signals = fields.Nested(
        Signals, load_default=None, allow_none=True, about="Seen with the referee."
    )
    advocate_signals = fields.Nested(
        Signals, load_default=None, allow_none=True, about="Seen with the advocate, if known."
    )

    example: ClassVar = {
        "code": "ANNA-7KQ2M",
        "referee": {"external_id": "c-78", "email": "ben@example.org"},
        "signals": {"ip": "203.0.113.7", "device": "d-41f0"},
    }


class Flag(Schema):
    """Something that was noticed."""

    code = fields.Text(64, required=True, example="shared_ip")
    text = fields.Text(required=True, about="The same in words.")


class Reward(Schema):
    """What one side was given."""

    points = fields.Integer(required=True)
    taken_back = fields.Integer(required=True, about="Of the points, while the order is refunded.")
    voucher = fields.Text(80, required=True, allow_none=True, about="The voucher's code.")


class Rewards(Schema):
    """What both sides were given; null for a side that was given nothing."""

    advocate = fields.Nested(Reward, required=True, allow_none=True)
    referee = fields.Nested(Reward, required=True, allow_none=True)


class Referral(Schema):
    """One member brought by another."""

    id = fields.Text(required=True, example="rfl_01a2…")
    state = fields.Choice(
        STATES,
        required=True,
        about="Qualified by an order, rewarded once its return period is over.",
    )
    advocate = fields.ShopId(required=True, allow_none=True, about="Null for an erased member.")
    referee = fields.ShopId(required=True, allow_none=True, about="Null for an erased member.")
    code = fields.Line(32, required=True, allow_none=True)
    flags = fields.List(fields.Nested(Flag), required=True, about="What speaks against it.")
    order_id = fields.ShopId(
        required=True, allow_none=True, about="The order that qualified it, by the shop's id."
    )
    min_order = fields.MinorUnits(
        required=True, allow_none=True, about="What had to be left of the order."
    )
    rewards = fields.Nested(Rewards, required=True)
    qualified_at = fields.Instant(required=True, allow_none=True)
    available_at = fields.Instant(
        required=True, allow_none=True, about="From when the rewards can be spent."
    )
    decision = fields.Choice(("approved", "rejected"), required=True, allow_none=True)
    decided_by = fields.Text(128, required=True, allow_none=True)
    decided_at = fields.Instant(required=True, allow_none=True)
    note = fields.Text(2000, required=True, allow_none=True, about="Why it was decided like this.")
    created_at = fields.Instant(required=True)


class Referrals(ListQuery):
    """Which referrals to list."""

    state = fields.Choice(STATES, load_default=None, about="As it is now.")
    advocate = fields.ShopId(load_default=None, about="Brought by this member.")
    referee = fields.ShopId(load_default=None, about="How this member was brought.")


ReferralPage = page_of(Referral)


class Decision(Schema):
    """Why a person decides like this."""

    note = fields.Text(2000, load_default=None, allow_none=True, example="Spoke to both of them.")

    example: ClassVar = {"note": "Spoke to both of them."}


class Limit(Schema):
    """How many referrals of one advocate are rewarded."""

    count = fields.Integer(required=True)
    per = fields.Duration(required=True, allow_none=True, about="Within which time; null is ever.")
    used = fields.Integer(required=True)
    remaining = fields.Integer(required=True, about="More than these wait for a person.")


class MemberReferral(Schema):
    """What a member has to pass on, and what came of it."""

    member = fields.ShopId(required=True)
    code = fields.Line(32, required=True, allow_none=True, example="ANNA-7KQ2M")
    link = fields.Text(
        2000, required=True, allow_none=True, about="The shop's page, if the program names one."
    )
    rewarded = fields.Integer(required=True, about="Referrals whose rewards can be spent.")
    pending = fields.Integer(required=True, about="Referrals that may still be rewarded.")
    limit = fields.Nested(Limit, required=True, allow_none=True)
