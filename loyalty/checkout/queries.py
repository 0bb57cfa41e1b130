"""Finding reservations together with what they hold and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, func, literal_column, or_, select
from sqlalchemy.engine import Connection

from loyalty.checkout.models import POINTS, Reservation
from loyalty.foundation.db import table_of
from loyalty.foundation.keyed import Frequent, Keyed
from loyalty.foundation.tenancy import Program
from loyalty.ledger import queries as ledger
from loyalty.members.models import Member
from loyalty.vouchers.models import Voucher

RESERVATION = table_of(Reservation)
HOLD = ledger.HOLD
MEMBER = table_of(Member)
PROGRAM = table_of(Program)
VOUCHER = table_of(Voucher)

_COLUMNS = (
    RESERVATION.c.id,
    RESERVATION.c.member_id,
    MEMBER.c.external_id.label("member"),
    HOLD.c.account_id,
    HOLD.c.units,
    HOLD.c.captured,
    HOLD.c.state,
    HOLD.c.expires_at,
    RESERVATION.c.tender,
    RESERVATION.c.discount_minor,
    RESERVATION.c.captured_minor,
    RESERVATION.c.currency,
    RESERVATION.c.order_ref,
    RESERVATION.c.created_at,
    RESERVATION.c.voucher_id,
    VOUCHER.c.written.label("voucher"),
    VOUCHER.c["class"].label("voucher_class"),
    PROGRAM.c.version,
    PROGRAM.c.test_now,
)


@dataclass(slots=True)
class Found:
    """A reservation as it was read; the hold's part may be older than a lock taken later.

    `member` is None for a guest. `voucher` is the code as people read it, None for points.
    """

    id: str
    member_id: str | None
    member: str | None
    account_id: str
    units: int
    captured: int
    state: str
    expires_at: datetime
    tender: str
    discount_minor: int
    captured_minor: int
    currency: str
    order_ref: str | None
    created_at: datetime
    voucher_id: str | None
    voucher: str | None
    voucher_class: str | None
    version: int
    test_now: datetime | None

    @property
    def is_points(self) -> bool:
        """Whether points are held, not a voucher."""
        return self.tender == POINTS


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
        .outerjoin(MEMBER, MEMBER.c.id == RESERVATION.c.member_id)
        .outerjoin(VOUCHER, VOUCHER.c.id == RESERVATION.c.voucher_id)
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


def find_person(connection: Connection, member_id: str) -> str | None:
    """Return the email key of a member: what is the same for all spellings of one mailbox."""
    person: str | None = connection.scalar(
        select(MEMBER.c.email_key).where(MEMBER.c.id == member_id)
    )
    return person


_TIMES_USED = (
    select(func.count())
    .select_from(RESERVATION)
    .join(HOLD, HOLD.c.id == RESERVATION.c.id)
    .where(
        RESERVATION.c.voucher_id == bindparam("voucher_id"),
        or_(
            RESERVATION.c.member_id == bindparam("member_id"),
            RESERVATION.c.person
            == select(MEMBER.c.email_key)
            .where(MEMBER.c.id == bindparam("member_id"))
            .scalar_subquery(),
        ),
        or_(
            and_(
                HOLD.c.state == literal_column("'open'"),
                HOLD.c.expires_at > bindparam("now", type_=HOLD.c.expires_at.type),
            ),
            and_(HOLD.c.state == literal_column("'captured'"), HOLD.c.returned < HOLD.c.captured),
        ),
    )
)


def count_uses(connection: Connection, voucher_id: str, member_id: str, *, now: datetime) -> int:
    """Return how often a person uses a voucher: held now, or captured and not given back.

    A person is a member, or whoever has the same email address in another spelling.
    """
    found = connection.scalar(
        _TIMES_USED, {"voucher_id": voucher_id, "member_id": member_id, "now": now}
    )
    return int(found or 0)


def find_slot(connection: Connection, program_id: str, order_ref: str, slot: str) -> str | None:
    """Return the reservation that has taken a slot of an order, if there is one."""
    taken: str | None = connection.scalar(
        select(RESERVATION.c.id).where(
            RESERVATION.c.program_id == program_id,
            RESERVATION.c.order_ref == order_ref,
            RESERVATION.c.stack_slot == slot,
        )
    )
    return taken
