"""Reservations as callers send and get them."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import Money, Schema
from loyalty.vouchers.schemas import PricedOrder


class NewReservation(Schema):
    """Points or a voucher to set aside while an order is paid."""

    member = fields.ShopId(
        about="The shop's id of the customer; a voucher may also be a guest's.",
    )
    points = fields.Points(example=500, about="Either points or a voucher.")
    voucher = fields.Line(
        80, example="7KQ2M-9WXHT-4C8DR", about="A code as it was typed; instead of points."
    )
    order = fields.Nested(PricedOrder, required=True)
    amount = fields.MinorUnits(
        least=1, example=2500, about="A part of stored value; as much as can be if left out."
    )
    expires_in = fields.Duration(
        example="PT30M", about="How long to hold; the program's time if left out, at most P7D."
    )
    client = fields.Line(
        example="203.0.113.7",
        about=(
            "Names the shopper who typed the code, so that guessing is slowed down for them "
            "alone; the member if left out. Kept as a keyed hash."
        ),
    )

    example: ClassVar = {
        "member": "c-77",
        "points": 500,
        "order": {"currency": "EUR", "total": 12500},
        "expires_in": "PT30M",
    }

    @ma.validates_schema(skip_on_field_errors=False, pass_original=True)
    def _is_one_thing(self, _data: Any, raw: Any, **_: Any) -> None:
        if not isinstance(raw, dict):
            return
        has_points, has_voucher = "points" in raw, "voucher" in raw
        if has_points and has_voucher:
            raise ma.ValidationError({"voucher": ["must be left out where points are given"]})
        if has_voucher:
            return
        missing = ["is required"]
        errors = {}
        if not has_points:
            errors["points"] = ["is required, unless a voucher is given"]
        if "member" not in raw:
            errors["member"] = missing
        for name in ("amount", "client"):
            if name in raw:
                errors[name] = ["must be left out: it is for vouchers"]
        if errors:
            raise ma.ValidationError(errors)


class Capture(Schema):
    """What to spend of a reservation."""

    order_id = fields.ShopId(required=True, example="10045", about="The order it pays for.")
    points = fields.Points(example=300, about="A part; all if left out. The rest is released.")
    amount = fields.MinorUnits(
        least=1, example=2500, about="A part of stored value, in minor units; all if left out."
    )

    example: ClassVar = {"order_id": "10045", "points": 300}


class Captured(Schema):
    """What was spent."""

    points = fields.Integer(about="If points were held.")
    discount = fields.Nested(Money, required=True)


class Reservation(Schema):
    """Points or a voucher set aside for an order."""

    id = fields.Text(required=True, example="rsv_01a2…")
    member = fields.ShopId(required=True, allow_none=True, about="Null for a guest.")
    state = fields.Choice(("held", "captured", "voided", "expired"), required=True)
    points = fields.Integer(about="If points are held.")
    voucher = fields.Text(about="The code, if a voucher is held.", example="7KQ2M-9WXHT-4C8DR")
    discount = fields.Nested(Money, required=True, about="What is held is worth so much.")
    captured = fields.Nested(Captured, required=True)
    order_id = fields.ShopId(required=True, allow_none=True)
    expires_at = fields.Instant(required=True)
    created_at = fields.Instant(required=True)
