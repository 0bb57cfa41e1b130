"""Finding reservations together with what they hold and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select
from sqlalchemy.engine import Connection

from loyalty.checkout.models import Reservation
from loyalty.foundation.db import table_of
from loyalty.foundation.keyed import Frequent, Keyed
from loyalty.foundation.tenancy import Program
from loyalty.ledger import queries as ledger
from loyalty.members.models import Member

RESERVATION = table_of(Reservation)
HOLD = ledger.HOLD
MEMBER = table_of(Member)
PROGRAM = table_of(Program)

_COLUMNS = (
    RESERVATION.c.id,
    RESERVATION.c.member_id,
    MEMBER.c.external_id.label("member"),
    HOLD.c.account_id,
    HOLD.c.units,
    HOLD.c.captured,
    HOLD.c.state,
    HOLD.c.expires_at,
    RESERVATION.c.discount_minor,
    RESERVATION.c.captured_minor,
    RESERVATION.c.currency,
    RESERVATION.c.order_ref,
    RESERVATION.c.created_at,
    PROGRAM.c.version,
    PROGRAM.c.test_now,
)


@dataclass(slots=True)
class Found:
    """A reservation as it was read; the hold's part may be older than a lock taken later."""

    id: str
    member_id: str
    member: str
    account_id: str
    points: int
    captured: int
    state: str
    expires_at: datetime
    discount_minor: int
    captured_minor: int
    currency: str
    order_ref: str | None
    created_at: datetime
    version: int
    test_now: datetime | None


class Locked(NamedTuple):
    """A reservation under lock, with rows of ACCOUNT_COLUMNS and HOLD_COLUMNS."""

    reservation: Found
    account: Sequence[Any]
    hold: Sequence[Any]


def _joined(*extra: Any) -> Select[Any]:
    return (
        select(*_COLUMNS, *extra)
        .select_from(RESERVATION)
        .join(HOLD, HOLD.c.id == RESERVATION.c.id)
        .join(MEMBER, MEMBER.c.id == RESERVATION.c.member_id)
        .join(PROGRAM, PROGRAM.c.id == RESERVATION.c.program_id)
        .where(RESERVATION.c.program_id == bindparam("program_id"))
    )


_FIND = Keyed(lambda among: _joined().where(among(RESERVATION.c.id)))
_OF_ORDERS = Keyed(
    lambda among: _joined().where(among(RESERVATION.c.order_ref), HOLD.c.state == "captured")
)
_LOCK = Frequent(
    _joined(*ledger.ACCOUNT_COLUMNS, *ledger.HOLD_COLUMNS)
    .join(ledger.ACCOUNT, ledger.ACCOUNT.c.id == HOLD.c.account_id)
    .where(RESERVATION.c.id == bindparam("id"))
    .with_for_update(of=[ledger.ACCOUNT, RESERVATION, HOLD])
)


def find_reservations(
    connection: Connection, program_id: str, ids: Collection[str]
) -> dict[str, Found]:
    """Return those of the reservations that exist in the program, by id."""
    rows = _FIND.rows(connection, ids, program_id=program_id)
    return {row[0]: Found(*row) for row in rows}


def list_captured_for(
    connection: Connection, program_id: str, order_refs: Collection[str]
) -> list[Found]:
    """Return what was captured for orders, by the shop's order ids."""
    rows = _OF_ORDERS.rows(connection, order_refs, program_id=program_id)
    return [Found(*row) for row in rows]


def lock_reservation(connection: Connection, program_id: str, reservation_id: str) -> Locked | None:
    """Lock a reservation with its account and hold; return all three."""
    rows = _LOCK.rows(connection, {"program_id": program_id, "id": reservation_id})
    if not rows:
        return None
    row = rows[0]
    account = len(_COLUMNS)
    hold = account + len(ledger.ACCOUNT_COLUMNS)
    return Locked(Found(*row[:account]), row[account:hold], row[hold:])
