"""Vouchers as callers send and get them."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import ListQuery, Money, Schema, page_of
from loyalty.vouchers import codes
from loyalty.vouchers.models import CLASSES, KINDS
from loyalty.vouchers.service.reading import STATES

MOST_AT_ONCE = 10_000
MOST_LINES = 1_000
MOST_NAMED = 1_000
_PERCENT = re.compile(r"(?!0+(\.0+)?$)(100(\.0{1,12})?|[0-9]{1,2}(\.[0-9]{1,12})?)")


class OwnCode(fields.Field[str]):
    """A code that the shop chose: letters and digits, between which hyphens may stand."""

    pattern = re.compile(rf"[A-Za-z0-9](-?[A-Za-z0-9]){{{codes.LEAST - 1},{codes.MOST - 1}}}")
    expects = (
        f"must be {codes.LEAST} to {codes.MOST} letters (A-Z) and digits, with at most one hyphen "
        "between any two"
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": "SPRING-2026", **options})
        self.openapi = {"type": "string", "pattern": f"^{self.pattern.pattern}$"}

    def _read(self, value: Any) -> str:
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise self._wrong(value)
        return value


class Percent(fields.Field[str]):
    """An exact percentage above 0: a whole number, or text with a decimal point."""

    expects = 'must be a whole number from 1 to 100, or text such as "12.5"'

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": "12.5", **options})
        self.openapi = {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 100},
                {"type": "string", "pattern": f"^{_PERCENT.pattern}$"},
            ]
        }

    def _read(self, value: Any) -> str:
        text = str(value) if type(value) is int and value > 0 else value
        if not isinstance(text, str) or not _PERCENT.fullmatch(text):
            raise self._wrong(value)
        return text


class PricedLine(Schema):
    """One line of an order that is not paid yet."""

    id = fields.ShopId(load_default=None, allow_none=True, example="1")
    sku = fields.ShopId(load_default=None, allow_none=True, example="TEA-1")
    category = fields.Line(255, load_default=None, allow_none=True, example="tea")
    quantity = fields.Integer(least=1, most=1_000_000, load_default=1)
    amount = fields.MinorUnits(required=True, example=12000, about="For the whole line.")
    gift_card = fields.Boolean(load_default=False, about="Whether the line sells a gift card.")


class PricedOrder(Schema):
    """An order that is not paid yet, as far as it is known."""

    id = fields.ShopId(example="10045", about="The shop's order id, if it has one already.")
    currency = fields.Currency(required=True)
    total = fields.MinorUnits(
        required=True, example=12500, about="To be paid before the discount, everything in."
    )
    shipping = fields.MinorUnits(load_default=0, example=500, about="The part that is shipping.")
    lines = fields.List(
        fields.Nested(PricedLine),
        most=MOST_LINES,
        load_default=list,
        about="What is bought; needed by vouchers for certain products or categories.",
    )


class Terms(Schema):
    """What a voucher is: one, or all of a batch."""

    kind = fields.Choice(KINDS, required=True, example="amount")
    class_ = fields.Choice(
        CLASSES,
        required=True,
        data_key="class",
        example="promotional",
        about="Goodwill is given by gestures, within their caps.",
    )
    currency = fields.Currency(
        load_default=None, allow_none=True, about="The program's, also if left out."
    )
    amount = fields.MinorUnits(
        least=1, load_default=None, allow_none=True, about="Of an amount, fee or stored value."
    )
    percent = Percent(load_default=None, allow_none=True)
    max_discount = fields.MinorUnits(
        least=1, load_default=None, allow_none=True, about="The most that a percentage takes off."
    )
    uses = fields.Integer(least=1, load_default=1, example=1, about="How often it can be used.")
    uses_per_member = fields.Integer(
        least=1,
        load_default=None,
        allow_none=True,
        about="How often one member can use it; guests then cannot.",
    )
    min_order = fields.MinorUnits(
        load_default=None, allow_none=True, about="The smallest total of an order it is for."
    )
    skus = fields.List(
        fields.ShopId(example="TEA-1"),
        least=1,
        most=MOST_NAMED,
        load_default=None,
        allow_none=True,
        about="Only lines of these products, or of the categories.",
    )
    categories = fields.List(
        fields.Line(255, example="tea"),
        least=1,
        most=MOST_NAMED,
        load_default=None,
        allow_none=True,
        about="Only lines of these categories, or of the products.",
    )
    starts_at = fields.Instant(load_default=None, allow_none=True, about="Now if left out.")
    expires_at = fields.Instant(load_default=None, allow_none=True, about="Never if left out.")
    expires_after = fields.Duration(
        load_default=None, allow_none=True, example="P90D", about="From now; or `expires_at`."
    )
    country = fields.Country(
        load_default=None,
        allow_none=True,
        about="Whose law says how long purchased value lives; the member's if left out.",
    )
    metadata = fields.Metadata(load_default=None, allow_none=True)


class NewVoucher(Terms):
    """A voucher to issue."""

    member = fields.ShopId(
        load_default=None, allow_none=True, about="The only one who can use it; anyone if left out."
    )
    code = OwnCode(load_default=None, allow_none=True, about="A new random one if left out.")

    example: ClassVar = {
        "kind": "amount",
        "class": "promotional",
        "amount": 1000,
        "currency": "EUR",
        "min_order": 5000,
        "expires_after": "P90D",
    }


class NewBatch(Terms):
    """Vouchers to issue with the same terms, each with a code of its own."""

    count = fields.Integer(least=1, most=MOST_AT_ONCE, required=True, example=500)

    example: ClassVar = {"count": 500, **NewVoucher.example}


class Batch(Schema):
    """Vouchers that were issued together."""

    batch = fields.Text(required=True, example="bat_01a2…")
    count = fields.Integer(required=True)
    download = fields.Text(required=True, about="Where the codes are, as CSV.")


class Remaining(Schema):
    """What is left: uses, or an amount of stored value; what is held is not counted."""

    uses = fields.Integer()
    amount = fields.Integer(about="In minor units.")


class VoucherSource(Schema):
    """What a voucher was issued for."""

    type = fields.Text(required=True, example="reward")
    id = fields.Text(required=True, example="five-off")


class Voucher(Schema):
    """A voucher with its terms and what is left of it."""

    id = fields.Text(required=True, example="vch_01a2…")
    code = fields.Text(required=True, example="7KQ2M-9WXHT-4C8DR")
    state = fields.Choice(STATES, required=True)
    kind = fields.Choice(KINDS, required=True)
    class_ = fields.Choice(CLASSES, required=True, data_key="class", attribute="class")
    currency = fields.Currency(required=True)
    amount = fields.Integer(required=True, allow_none=True, about="In minor units.")
    percent = fields.Text(required=True, allow_none=True, example="12.5")
    max_discount = fields.Integer(required=True, allow_none=True)
    uses = fields.Integer(required=True)
    uses_per_member = fields.Integer(required=True, allow_none=True)
    remaining = fields.Nested(Remaining, required=True)
    member = fields.ShopId(required=True, allow_none=True, about="The only one who can use it.")
    min_order = fields.Integer(required=True, allow_none=True)
    skus = fields.List(fields.ShopId(), required=True, allow_none=True)
    categories = fields.List(fields.Text(), required=True, allow_none=True)
    starts_at = fields.Instant(required=True, allow_none=True)
    expires_at = fields.Instant(required=True, allow_none=True)
    revoked_at = fields.Instant(required=True, allow_none=True)
    source = fields.Nested(VoucherSource, required=True)
    batch = fields.Text(required=True, allow_none=True)
    created_at = fields.Instant(required=True)
    metadata = fields.Metadata(required=True, allow_none=True)


class MemberVoucher(Voucher):
    """A voucher as the member may see it: nothing internal."""

    class Meta(Voucher.Meta):
        exclude = ("source", "batch", "metadata")


class VoucherQuery(ListQuery):
    """Which vouchers to list."""

    member = fields.ShopId(load_default=None, about="Those bound to this member.")
    batch = fields.Line(load_default=None, about="Those of this batch.")
    class_ = fields.Choice(CLASSES, load_default=None, data_key="class")
    state = fields.Choice(STATES, load_default=None)


class MemberVoucherQuery(ListQuery):
    """Which of a member's vouchers to list."""

    state = fields.Choice(STATES, load_default=None)


VoucherPage = page_of(Voucher)
MemberVoucherPage = page_of(MemberVoucher)


class Check(Schema):
    """An order for which a voucher is presented."""

    member = fields.ShopId(load_default=None, allow_none=True, about="Who presents it, if known.")
    order = fields.Nested(PricedOrder, required=True)
    client = fields.Line(
        load_default=None,
        allow_none=True,
        example="203.0.113.7",
        about=(
            "Names the shopper who typed the code, such as a session or an address, so that "
            "guessing is slowed down for them alone; the member if left out. Kept as a keyed hash."
        ),
    )

    example: ClassVar = {
        "member": "c-77",
        "order": {
            "currency": "EUR",
            "total": 12500,
            "shipping": 500,
            "lines": [{"sku": "TEA-1", "category": "tea", "amount": 12000}],
        },
    }


class Checked(Schema):
    """What a voucher would take off."""

    valid = fields.Boolean(required=True, about="Always true; else the answer is a problem.")
    discount = fields.Nested(Money, required=True)
    code = fields.Text(required=True)
    kind = fields.Choice(KINDS, required=True)
    class_ = fields.Choice(CLASSES, required=True, data_key="class", attribute="class")
    remaining = fields.Nested(Remaining, required=True)
    expires_at = fields.Instant(required=True, allow_none=True)
