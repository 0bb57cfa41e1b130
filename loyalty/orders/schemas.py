"""Orders, refunds and actions as callers send and get them."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import Schema

MOST_LINES = 1000


class Buyer(Schema):
    """Who bought. The email and name are used when an unknown member joins with this order."""

    external_id = fields.ShopId(required=True, about="The shop's id of the customer.")
    email = fields.Email(about="Kept if the member joins with this order.")
    name = fields.Line(200, about="Kept if the member joins with this order.")


class MemberRef(fields.Field[dict[str, Any]]):
    """A member by the shop's id alone, or as an object that says more."""

    expects = "must be the member's external id, an object with external_id, or null for a guest"
    _id = fields.ShopId()
    _buyer = Buyer()

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": "c-77", **options})
        self.openapi = {
            "anyOf": [
                dict(self._id.openapi),
                {
                    "type": "object",
                    "required": ["external_id"],
                    "additionalProperties": False,
                    "properties": {
                        name: dict(getattr(field, "openapi", {}))
                        for name, field in self._buyer.fields.items()
                    },
                },
            ]
        }

    def _read(self, value: Any) -> dict[str, Any]:
        if isinstance(value, str):
            return {"external_id": self._id.deserialize(value)}
        if isinstance(value, dict):
            loaded: dict[str, Any] = self._buyer.load(value)
            return loaded
        raise self._wrong(value)


class Line(Schema):
    """One line of an order, as it was charged."""

    id = fields.ShopId(required=True, example="1", about="Unique within the order.")
    sku = fields.ShopId(load_default=None, allow_none=True, example="TEA-1")
    category = fields.Line(255, load_default=None, allow_none=True, example="tea")
    quantity = fields.Integer(least=1, most=1_000_000, load_default=1)
    amount = fields.MinorUnits(
        required=True, example=12000, about="Charged for the whole line, in minor units."
    )
    gift_card = fields.Boolean(load_default=False, about="Whether the line sells a gift card.")


class NewOrder(Schema):
    """One order that was paid."""

    id = fields.ShopId(
        required=True,
        example="10045",
        about="The shop's order id: what makes the call safe to repeat.",
    )
    member = MemberRef(
        required=True,
        allow_none=True,
        about="Who bought; null is a guest, whose order is stored and earns nothing.",
    )
    placed_at = fields.Instant(
        load_default=None, allow_none=True, about="When it was placed; now if left out."
    )
    currency = fields.Currency(required=True, about="Must be the program's currency.")
    total = fields.MinorUnits(
        required=True,
        example=12500,
        about=(
            "What was charged, in minor units, everything in: tax, shipping, and what was paid "
            "with gift cards, points or stored value."
        ),
    )
    tax = fields.MinorUnits(
        load_default=0, example=1996, about="The part of the total that is tax."
    )
    shipping = fields.MinorUnits(
        load_default=0, example=500, about="The part of the total that is shipping."
    )
    gift_cards = fields.MinorUnits(
        load_default=0,
        about=(
            "The part of the total that was paid with gift cards of the shop's own, vouchers "
            "of stored value that are captured here left out."
        ),
    )
    lines = fields.List(
        fields.Nested(Line),
        most=MOST_LINES,
        load_default=list,
        about="Without lines the order counts as one line.",
    )
    channel = fields.Code(load_default=None, allow_none=True, example="web")
    country = fields.Country(load_default=None, allow_none=True)
    reservations = fields.List(
        fields.ShopId(example="rsv_01a2…"),
        most=20,
        load_default=list,
        about="Reservations to capture: the order and the redemption both happen, or neither.",
    )
    referral_code = fields.Code(load_default=None, allow_none=True, example="ANNA-7KQ2M")
    metadata = fields.Metadata(load_default=dict)

    example: ClassVar = {
        "id": "10045",
        "member": {"external_id": "c-77", "email": "a@example.org"},
        "placed_at": "2026-11-02T10:15:00Z",
        "currency": "EUR",
        "total": 12500,
        "tax": 1996,
        "shipping": 500,
        "lines": [
            {"id": "1", "sku": "TEA-1", "category": "tea", "quantity": 2, "amount": 12000},
        ],
        "channel": "web",
        "country": "DE",
    }


class Breakdown(Schema):
    """What one rule gave."""

    rule = fields.Text(required=True, about="The rule's id in the program document.")
    points = fields.Integer(required=True)
    text = fields.Text(required=True, about="The same in words for the customer.")


class OrderPoints(Schema):
    """What an order or an action earned."""

    granted = fields.Integer(required=True, about="What it earned when it was recorded.")
    kept = fields.Integer(about="What is left of that after refunds.")
    state = fields.Choice(
        ("none", "pending", "available", "expired"),
        required=True,
        about="Where the points stand by their dates; spent ones are not told apart.",
    )
    available_at = fields.Instant(required=True, allow_none=True)
    expires_at = fields.Instant(required=True, allow_none=True)


class Order(Schema):
    """An order as it is now."""

    id = fields.ShopId(required=True, example="10045")
    member = fields.ShopId(
        required=True, allow_none=True, about="The member it counts for; null for a guest."
    )
    state = fields.Choice(("paid", "refunded", "cancelled"), required=True)
    currency = fields.Currency(required=True)
    total = fields.MinorUnits(required=True)
    refunded = fields.MinorUnits(required=True)
    paid_with_points = fields.MinorUnits(required=True)
    paid_with_stored_value = fields.MinorUnits(
        required=True, about="By vouchers that were captured; vouchers that lower the price do not."
    )
    points = fields.Nested(OrderPoints, required=True)
    breakdown = fields.List(fields.Nested(Breakdown), required=True)
    explanation = fields.Text(required=True, allow_none=True)
    lines = fields.List(fields.Nested(Line), required=True)
    terms_version = fields.Integer(
        required=True, about="The version of the program the points were worked out with."
    )
    placed_at = fields.Instant(required=True)
    recorded_at = fields.Instant(required=True)
    metadata = fields.Metadata(required=True)


class RefundLine(Schema):
    """The part of a refund that falls on one line."""

    id = fields.ShopId(required=True, example="1", about="The line's id in the order.")
    quantity = fields.Integer(least=0, most=1_000_000, load_default=None, allow_none=True)
    amount = fields.MinorUnits(required=True, about="Refunded on this line, in minor units.")


class NewRefund(Schema):
    """Money given back for a part of an order, or all that is left of it."""

    id = fields.ShopId(
        required=True, example="r-1", about="The shop's refund id, unique within the order."
    )
    amount = fields.MinorUnits(
        least=1, required=True, example=2500, about="In minor units, on the footing of the total."
    )
    lines = fields.List(
        fields.Nested(RefundLine),
        most=MOST_LINES,
        load_default=list,
        about="Which lines it is for; what is not attributed lowers all lines in proportion.",
    )
    occurred_at = fields.Instant(load_default=None, allow_none=True, about="Now if left out.")

    example: ClassVar = {
        "id": "r-1",
        "amount": 2500,
        "lines": [{"id": "1", "quantity": 1, "amount": 2500}],
    }

    @ma.validates_schema
    def _lines_once(self, data: dict[str, Any], **_: Any) -> None:
        ids = [line["id"] for line in data.get("lines", ())]
        if len(set(ids)) != len(ids):
            raise ma.ValidationError({"lines": ["must name each line of the order once"]})


class ClawedFrom(Schema):
    """Where the points came from that were taken back."""

    pending = fields.Integer(required=True)
    available = fields.Integer(required=True)
    debt = fields.Integer(required=True, about="Owed; later earnings pay it off first.")


class RefundPoints(Schema):
    """What a refund did to points."""

    clawed_back = fields.Integer(required=True)
    from_ = fields.Nested(ClawedFrom, required=True, data_key="from", attribute="from")
    forgiven = fields.Integer(required=True, about="Not taken, as the program forgives shortfalls.")
    returned = fields.Integer(required=True, about="Redeemed points that came back.")


class Refund(Schema):
    """A refund or cancel, and the order after it."""

    id = fields.ShopId(required=True, example="r-1")
    kind = fields.Choice(("refund", "cancel"), required=True)
    amount = fields.MinorUnits(required=True)
    occurred_at = fields.Instant(required=True)
    points = fields.Nested(RefundPoints, required=True)
    order = fields.Nested(Order, required=True)


class Unread(ma.fields.Raw):
    """Anything, taken and given as it is; the document shows it by the schema of this name."""

    def __init__(self, schema: str, **options: Any) -> None:
        super().__init__(**options)
        self.openapi = {"$ref": f"#/components/schemas/{schema}"}

    def deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        """Return the value, null included."""
        return value


class Batch(Schema):
    """Up to a thousand orders; they are read one by one, so that a bad one spoils no other."""

    orders = fields.List(Unread("NewOrder"), least=1, most=1000, required=True)

    example: ClassVar = {
        "orders": [
            NewOrder.example,
            {"id": "10046", "member": None, "currency": "EUR", "total": 999},
        ]
    }


class Result(Schema):
    """What became of one order of a batch: the order, or a problem."""

    id = fields.Text(required=True, allow_none=True)
    status = fields.Integer(required=True, about="The status the order would have got alone.")
    order = fields.Nested(Order, about="If the status is 200 or 201.")
    problem = Unread("Problem", metadata={"description": "Otherwise, as RFC 9457 has it."})


class Results(Schema):
    """One result per order, in their order."""

    results = fields.List(fields.Nested(Result), required=True)


class NewAction(Schema):
    """Something a member did that is no purchase."""

    id = fields.ShopId(required=True, example="review-881", about="What makes it count once.")
    member = MemberRef(required=True)
    type = fields.Code(required=True, example="review", about="An action the program rewards.")
    occurred_at = fields.Instant(load_default=None, allow_none=True, about="Now if left out.")

    example: ClassVar = {"id": "review-881", "member": "c-77", "type": "review"}


class Action(Schema):
    """A recorded action."""

    id = fields.ShopId(required=True)
    member = fields.ShopId(required=True)
    type = fields.Code(required=True)
    occurred_at = fields.Instant(required=True)
    points = fields.Nested(OrderPoints, required=True)
    breakdown = fields.List(fields.Nested(Breakdown), required=True)
