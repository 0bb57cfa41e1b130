"""Vouchers at the checkout: reserved through the API."""

import uuid

from tests.support.money import Refused


def reserve(shop, voucher, *, total=10_000, once=None, order=None, lines=None, **more):
    """Reserve a voucher for an order of a hundred euros unless told otherwise."""
    about = {"currency": "EUR", "total": total}
    about |= {name: it for name, it in (("id", order), ("lines", lines)) if it is not None}
    about |= {name: more.pop(name) for name in ("shipping", "currency") if name in more}
    body = {"voucher": voucher, "order": about, **more}
    return shop.call("POST", "/v1/reservations", body, once=once or uuid.uuid4().hex)


def refused(shop, voucher, **more):
    """Reserve what should be refused; return status and problem code."""
    try:
        reserve(shop, voucher, **more)
    except Refused as refusal:
        return refusal.status, refusal.code
    return 201, None


def capture(shop, reservation, order, amount=None):
    body = {"order_id": order} if amount is None else {"order_id": order, "amount": amount}
    return shop.call("POST", f"/v1/reservations/{reservation}/capture", body)
