"""Which vouchers may lower the price of one order together, by the program's `[vouchers]`.

An order has places for vouchers that lower its price: one, or one for each class of vouchers.
Stored value pays, and takes no place. The table holds each place once.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from loyalty.checkout import queries
from loyalty.checkout.models import DISCOUNT
from loyalty.checkout.problems import StackingRefused
from loyalty.checkout.queries import Found
from loyalty.vouchers.terms import vouchers_of


def slot_of(program_id: str, reservation: Found, *, version: int | None = None) -> str | None:
    """Return the place that a reservation takes on its order; None if it needs none.

    The terms are those of the reservation's program now, or of a `version` of it.
    """
    if reservation.tender != DISCOUNT:
        return None
    rule = vouchers_of(program_id, version or reservation.version).stacking
    if rule == "one":
        return "price"
    return reservation.voucher_class if rule == "one_per_class" else None


def require_free(connection: Connection, program_id: str, order_id: str, slot: str | None) -> None:
    """Raise StackingRefused if another reservation has taken the order's place."""
    if slot is not None and queries.find_slot(connection, program_id, order_id, slot):
        raise refused(order_id)


def refused(order_id: str) -> StackingRefused:
    """Return the refusal of a second voucher for an order."""
    return StackingRefused(
        f"Another voucher lowers the price of order {order_id!r} already, and the program's "
        "terms do not let this one do so as well."
    )
