"""Reservations in the API's shape."""

from __future__ import annotations

from typing import Any

from loyalty.checkout.queries import Found
from loyalty.ledger.state import Hold


def shown(reservation: Found, held: Hold) -> dict[str, Any]:
    """Return a reservation with its hold."""
    return shown_as(reservation, held.state, held.captured)


def shown_as(reservation: Found, state: str, captured: int) -> dict[str, Any]:
    """Return a reservation in a state of its hold, with as many units captured."""
    currency = reservation.currency
    spent: dict[str, Any] = {
        "discount": {"amount": reservation.captured_minor, "currency": currency}
    }
    if reservation.is_points:
        spent["points"] = captured
        held: dict[str, Any] = {"points": reservation.units}
    else:
        held = {"voucher": reservation.voucher}
    return {
        "id": reservation.id,
        "member": reservation.member,
        "state": "held" if state == "open" else state,
        **held,
        "discount": {"amount": reservation.discount_minor, "currency": currency},
        "captured": spent,
        "order_id": reservation.order_ref,
        "expires_at": reservation.expires_at,
        "created_at": reservation.created_at,
    }
