"""What reservations of points and of vouchers have in common: terms, rows, events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NoReturn

from loyalty.checkout.models import Reservation
from loyalty.checkout.problems import RedemptionRefused, ReservationNotHeld
from loyalty.checkout.queries import Found
from loyalty.foundation import clock, events
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError
from loyalty.ledger.state import Hold

LONGEST_HOLD = timedelta(days=7)


def refuse(pointer: str, detail: str) -> NoReturn:
    """Raise RedemptionRefused about one field."""
    name = pointer.rsplit("/", 1)[1]
    raise RedemptionRefused(f"`{name}` {detail}.", errors=[FieldError(pointer, detail)])


def end_of_hold(usual: str, expires_in: str | None, now: datetime) -> datetime:
    """Return when a reservation made now ends: after what was asked for, or as usual."""
    end = clock.add(expires_in or usual, now)
    if not now < end <= now + LONGEST_HOLD:
        refuse("/expires_in", "must be longer than nothing and at most P7D")
    return end


def require_held(held: Hold) -> None:
    """Raise ReservationNotHeld unless the hold is open."""
    if held.state != "open":
        raise ReservationNotHeld(
            f"The reservation {held.id!r} is {held.state}; only a held one can be used.",
            state=held.state,
        )


def add(
    changes: Changes, call: Call, reservation: Found, now: datetime, *, person: str | None = None
) -> None:
    """Have a new reservation written and told."""
    changes.insert(
        Reservation,
        {
            "id": reservation.id,
            "program_id": call.program_id,
            "member_id": reservation.member_id,
            "voucher_id": reservation.voucher_id,
            "tender": reservation.tender,
            "person": person,
            "discount_minor": reservation.discount_minor,
            "captured_minor": 0,
            "currency": reservation.currency,
            "order_ref": reservation.order_ref,
            "stack_slot": None,
            "created_at": reservation.created_at,
            "actor": call.actor,
        },
    )
    tell(changes, call, "reserved", reservation, now)


def tell(
    changes: Changes, call: Call, verb: str, reservation: Found, now: datetime, **data: Any
) -> None:
    """Write the event `points.<verb>` or `voucher.<verb>` about a reservation.

    Units are points, uses, or minor units of stored value; all of them unless `units` is given.
    """
    units = data.pop("units", reservation.units)
    about: dict[str, Any] = {"reservation": reservation.id, "points": units}
    if not reservation.is_points:
        about = {
            "reservation": reservation.id,
            "voucher": reservation.voucher_id,
            "units": units,
            "tender": reservation.tender,
        }
    events.record(
        changes,
        f"{'points' if reservation.is_points else 'voucher'}.{verb}",
        program_id=call.program_id,
        member_id=reservation.member_id,
        data={**about, **data},
        request_id=call.request_id,
        occurred_at=now,
        now=now,
    )
