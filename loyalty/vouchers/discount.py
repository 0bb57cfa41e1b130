"""What a voucher takes off an order, in minor units: exact, and never more than there is to pay.

Gift cards are money, so no voucher but stored value lowers what they cost. What is eligible of
an order are its goods: the lines that the voucher names, or all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import Any

from loyalty.foundation.money import written
from loyalty.vouchers.models import STORED_VALUE
from loyalty.vouchers.service.refusing import VoucherNotApplicable

Terms = Mapping[str, Any]
Order = Mapping[str, Any]


def discount(terms: Terms, order: Order, *, balance: int | None = None) -> int:
    """Return what the voucher takes off, at least 1.

    `terms` are a voucher's row, `order` has `currency`, `total` and maybe `shipping` and `lines`
    with `amount`, `sku`, `category` and `gift_card`. `balance` is what stored value has left; its
    whole amount if it is left out. Raises VoucherNotApplicable.
    """
    if order["currency"] != terms["currency"]:
        raise VoucherNotApplicable(
            "other_currency",
            f"The voucher is for orders in {terms['currency']}, not in {order['currency']}.",
        )
    least = terms.get("min_order") or 0
    if order["total"] < least:
        raise VoucherNotApplicable(
            "below_minimum",
            f"The voucher is for orders of {written(least, terms['currency'])} or more.",
        )
    taken = _taken(terms, order, balance)
    if taken <= 0:
        raise VoucherNotApplicable(
            "nothing_to_discount", "There is nothing in this order that the voucher could lower."
        )
    return taken


def _taken(terms: Terms, order: Order, balance: int | None) -> int:
    kind = terms["kind"]
    goods, shipping = _goods(terms, order), _shipping(order)
    if kind == "free_shipping":
        return shipping
    if kind == "percent":
        share = floor(goods * Fraction(terms["percent"]) / 100)
        most = terms.get("max_discount")
        return share if most is None else min(share, most)
    if kind == "fee_waiver":  # fees are what the order costs beside its goods, or some of these
        amount = terms.get("amount")
        return shipping if amount is None else min(amount, _without_gift_cards(order))
    amount = terms["amount"] if kind != STORED_VALUE or balance is None else balance
    if kind == STORED_VALUE and not _names_goods(terms):
        return int(min(amount, order["total"]))
    return int(min(amount, goods))


def _goods(terms: Terms, order: Order) -> int:
    """Return what the eligible goods cost; raises VoucherNotApplicable if there are none."""
    all_goods = max(0, order["total"] - _shipping(order))
    lines = order.get("lines")
    if not lines and not _names_goods(terms):
        return int(all_goods)
    eligible = [line for line in lines or () if _is_eligible(terms, line)]
    if not eligible and terms["kind"] != STORED_VALUE:
        raise VoucherNotApplicable(
            "no_eligible_line", "None of the order's lines is one that the voucher is for."
        )
    return int(min(sum(line["amount"] for line in eligible), all_goods))


def _is_eligible(terms: Terms, line: Mapping[str, Any]) -> bool:
    if line.get("gift_card"):
        return False
    if not _names_goods(terms):
        return True
    return _is_among(line.get("sku"), terms.get("skus")) or _is_among(
        line.get("category"), terms.get("categories")
    )


def _is_among(name: str | None, names: Sequence[str] | None) -> bool:
    return name is not None and name in (names or ())


def _names_goods(terms: Terms) -> bool:
    return bool(terms.get("skus") or terms.get("categories"))


def _shipping(order: Order) -> int:
    return int(min(order.get("shipping") or 0, order["total"]))


def _without_gift_cards(order: Order) -> int:
    cards = sum(line["amount"] for line in order.get("lines") or () if line.get("gift_card"))
    return int(max(0, order["total"] - cards))
