"""Capturing a reservation for an order that may be on record already."""

from __future__ import annotations

from typing import Any

from loyalty.checkout import service as checkout
from loyalty.checkout.models import POINTS, STORED_VALUE
from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.orders import queries
from loyalty.orders.problems import OrderCancelled
from loyalty.orders.service import file as files
from loyalty.orders.service import returning
from loyalty.orders.service.file import Cause


def capture_reservation(
    call: Call,
    reservation_id: str,
    *,
    order_id: str,
    points: int | None = None,
    amount: int | None = None,
) -> dict[str, Any]:
    """Capture a reservation, and let what it paid for no longer earn if the order is on record.

    Of an order that was refunded in part, as large a part of what is captured comes
    back at once. Raises `OrderCancelled`, and what `checkout.capture_reservation` raises.
    """
    shown = checkout.capture_reservation(
        call, reservation_id, order_id=order_id, points=points, amount=amount
    )
    if queries.has_order(db.connection(), call.program_id, order_id):
        _recount(call, order_id, reservation_id, "points" if "points" in shown else "a voucher")
    return shown


def _recount(call: Call, order_id: str, reservation_id: str, what: str) -> None:
    file = files.open_file(call, order_id)
    if file.order["state"] == "cancelled":
        if any(one.hold.returned < one.hold.captured for one in file.redeemed):
            raise OrderCancelled("The order was cancelled; void the reservation instead.")
        return
    known = file.order["paid_with_points"] == file.paid_with(POINTS)
    known &= file.order["paid_with_stored_value"] == file.paid_with(STORED_VALUE)
    if known and not file.order["refunded"]:
        return
    text = f"Order {order_id} was paid in part with {what}."
    cause = Cause(text, "reservation", reservation_id)
    files.recount(file, cause)
    returning.settle_redeemed(file, cause)
    files.write(file)
