"""Reservations as callers send and get them."""

from __future__ import annotations

from typing import ClassVar

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import Money, Schema


class CheckoutOrder(Schema):
    """The order being checked out, as far as it is known."""

    id = fields.ShopId(about="The shop's order id, if it has one already.", example="10045")
    currency = fields.Currency(required=True)
    total = fields.MinorUnits(
        required=True,
        example=12500,
        about="What is to be paid before the discount, in minor units.",
    )


class NewReservation(Schema):
    """Points to set aside while an order is paid."""

    member = fields.ShopId(required=True, about="The shop's id of the customer.")
    points = fields.Points(required=True, example=500)
    order = fields.Nested(CheckoutOrder, required=True)
    expires_in = fields.Duration(
        example="PT30M", about="How long to hold; the program's time if left out, at most P7D."
    )

    example: ClassVar = {
        "member": "c-77",
        "points": 500,
        "order": {"currency": "EUR", "total": 12500},
        "expires_in": "PT30M",
    }


class Capture(Schema):
    """What to spend of a reservation."""

    order_id = fields.ShopId(required=True, example="10045", about="The order it pays for.")
    points = fields.Points(example=300, about="A part; all if left out. The rest is released.")

    example: ClassVar = {"order_id": "10045", "points": 300}


class Captured(Schema):
    """What was spent."""

    points = fields.Integer(required=True)
    discount = fields.Nested(Money, required=True)


class Reservation(Schema):
    """Points set aside for an order."""

    id = fields.Text(required=True, example="rsv_01a2…")
    member = fields.ShopId(required=True)
    state = fields.Choice(("held", "captured", "voided", "expired"), required=True)
    points = fields.Integer(required=True)
    discount = fields.Nested(Money, required=True, about="What the points are worth.")
    captured = fields.Nested(Captured, required=True)
    order_id = fields.ShopId(required=True, allow_none=True)
    expires_at = fields.Instant(required=True)
    created_at = fields.Instant(required=True)
