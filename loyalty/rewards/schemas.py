"""Rewards as callers get them."""

from __future__ import annotations

from typing import ClassVar

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import Schema
from loyalty.vouchers import schemas as vouchers
from loyalty.vouchers.models import KINDS


class RewardQuery(Schema):
    """For whom to list rewards."""

    member = fields.ShopId(
        load_default=None, about="The shop's id of the customer; says what is missing for each."
    )


class RewardVoucher(Schema):
    """What the voucher of a reward will be."""

    kind = fields.Choice(KINDS, required=True)
    currency = fields.Currency(required=True)
    amount = fields.Integer(required=True, allow_none=True, about="In minor units.")
    percent = fields.Text(required=True, allow_none=True, example="12.5")
    max_discount = fields.Integer(required=True, allow_none=True)
    min_order = fields.Integer(required=True, allow_none=True)
    skus = fields.List(fields.Text(), required=True, allow_none=True)
    categories = fields.List(fields.Text(), required=True, allow_none=True)
    uses = fields.Integer(required=True, allow_none=True)
    uses_per_member = fields.Integer(required=True, allow_none=True)
    expires_after = fields.Text(required=True, allow_none=True, example="P1Y")


class Reward(Schema):
    """What members can have for points."""

    id = fields.Text(required=True, example="five-off")
    name = fields.Text(required=True, example="5 € off")
    cost = fields.Integer(required=True, about="In points.")
    voucher = fields.Nested(RewardVoucher, required=True)
    affordable = fields.Boolean(
        required=True, allow_none=True, about="Whether the member can have it now."
    )
    missing = fields.Integer(
        required=True, allow_none=True, about="How many points the member lacks for it."
    )


class Rewards(Schema):
    """All rewards of the program, cheapest first."""

    data = fields.List(fields.Nested(Reward), required=True)


class Redeem(Schema):
    """Who wants a reward."""

    member = fields.ShopId(required=True, about="The shop's id of the customer.")

    example: ClassVar = {"member": "c-77"}


class Redeemed(Schema):
    """What the points became."""

    reward = fields.Text(required=True, example="five-off")
    member = fields.ShopId(required=True)
    points = fields.Integer(required=True, about="What it cost.")
    voucher = fields.Nested(vouchers.Voucher, required=True)
