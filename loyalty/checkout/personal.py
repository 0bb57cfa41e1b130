"""What the checkout keeps about a person: reservations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from loyalty.checkout.queries import HOLD, RESERVATION
from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.members.parts import Part


def export(_call: Call, member_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return all reservations, oldest first."""
    rows = db.connection().execute(
        select(
            RESERVATION.c.id,
            RESERVATION.c.tender,
            HOLD.c.units,
            HOLD.c.captured,
            HOLD.c.state,
            RESERVATION.c.discount_minor,
            RESERVATION.c.currency,
            RESERVATION.c.order_ref,
            RESERVATION.c.created_at,
        )
        .join(HOLD, HOLD.c.id == RESERVATION.c.id)
        .where(RESERVATION.c.member_id.in_(member_ids))
        .order_by(RESERVATION.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def erase(_call: Call, member_ids: Sequence[str]) -> None:
    """Forget the email keys by which uses of vouchers were counted."""
    db.connection().execute(
        update(RESERVATION).where(RESERVATION.c.member_id.in_(member_ids)).values(person=None)
    )


def merge(_call: Call, source_id: str, target_id: str) -> None:
    """Let reservations be those of the member that stays."""
    db.connection().execute(
        update(RESERVATION).where(RESERVATION.c.member_id == source_id).values(member_id=target_id)
    )


PART = Part("reservations", export=export, erase=erase, merge=merge)
