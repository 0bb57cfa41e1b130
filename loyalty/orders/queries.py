"""What recording and refunding read: orders seen before, the members' past, refunds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    RowMapping,
    Select,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.engine import Connection

from loyalty.checkout.models import Reservation
from loyalty.foundation.db import AnyRow, table_of
from loyalty.foundation.keyed import Keyed
from loyalty.foundation.tenancy import Program
from loyalty.members.models import Member
from loyalty.orders.models import Action, Order, Refund, RuleUse
from loyalty.referrals.queries import CONCERNED_BY_ORDER

ORDER = table_of(Order)
REFUND = table_of(Refund)
ACTION = table_of(Action)
RULE_USE = table_of(RuleUse)
RESERVATION = table_of(Reservation)
MEMBER = table_of(Member).alias("member")
PROGRAM = table_of(Program)


class Seen(NamedTuple):
    """What is known of the order ids of a request before it is recorded.

    `paid_with` has what was captured by order id and tender, `slots` the places on an order
    that vouchers have taken.
    """

    fingerprints: dict[str, str]
    paid_with: dict[tuple[str, str], int]
    slots: dict[str, set[str]]


_SEEN = Keyed(
    lambda among: union_all(
        select(ORDER.c.external_id, ORDER.c.fingerprint, literal_column("0"), null(), null()).where(
            ORDER.c.program_id == bindparam("program_id"), among(ORDER.c.external_id)
        ),
        select(
            RESERVATION.c.order_ref,
            null(),
            RESERVATION.c.captured_minor,
            RESERVATION.c.tender,
            RESERVATION.c.stack_slot,
        ).where(
            RESERVATION.c.program_id == bindparam("program_id"),
            among(RESERVATION.c.order_ref),
            RESERVATION.c.captured_minor > literal_column("0"),
        ),
    )
)


def find_seen(connection: Connection, program_id: str, order_ids: Collection[str]) -> Seen:
    """Return the fingerprints of recorded orders, and what reservations already paid for."""
    seen = Seen({}, {}, {})
    rows = _SEEN.rows(connection, order_ids, program_id=program_id)
    for order_id, fingerprint, minor, tender, slot in rows:
        if fingerprint is not None:
            seen.fingerprints[order_id] = fingerprint
            continue
        paid = (order_id, tender)
        seen.paid_with[paid] = seen.paid_with.get(paid, 0) + minor
        if slot is not None:
            seen.slots.setdefault(order_id, set()).add(slot)
    return seen


def _orders() -> Select[Any]:
    return (
        select(ORDER, MEMBER.c.external_id.label("member"))
        .select_from(ORDER)
        .outerjoin(MEMBER, MEMBER.c.id == ORDER.c.member_id)
        .where(ORDER.c.program_id == bindparam("program_id"))
    )


_ORDER_NAMES = [*(column.name for column in ORDER.c), "member"]
_BY_IDS = Keyed(lambda among: _orders().where(among(ORDER.c.external_id)))


def find_orders(
    connection: Connection, program_id: str, order_ids: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Return recorded orders with their member's external id, by the shop's order id."""
    rows = _BY_IDS.rows(connection, order_ids, program_id=program_id)
    orders = (dict(zip(_ORDER_NAMES, row, strict=True)) for row in rows)
    return {order["external_id"]: order for order in orders}


class Concerned(NamedTuple):
    """Who and what is concerned by an order.

    By the shop's ids its member, and who redeems points on it or was referred with it; by
    theirs the vouchers.
    """

    member: str | None
    redeemers: list[str]
    vouchers: list[str]


_CONCERNED = union_all(
    select(literal_column("1").label("what"), MEMBER.c.external_id)
    .select_from(ORDER)
    .join(MEMBER, MEMBER.c.id == ORDER.c.member_id)
    .where(ORDER.c.program_id == bindparam("program_id"))
    .where(ORDER.c.external_id == bindparam("order_id")),
    select(literal_column("0"), MEMBER.c.external_id)
    .select_from(RESERVATION)
    .join(MEMBER, MEMBER.c.id == RESERVATION.c.member_id)
    .where(RESERVATION.c.program_id == bindparam("program_id"))
    .where(RESERVATION.c.order_ref == bindparam("order_id"))
    .where(RESERVATION.c.voucher_id.is_(None)),
    select(literal_column("2"), RESERVATION.c.voucher_id)
    .where(RESERVATION.c.program_id == bindparam("program_id"))
    .where(RESERVATION.c.order_ref == bindparam("order_id"))
    .where(RESERVATION.c.voucher_id.is_not(None)),
    CONCERNED_BY_ORDER,
)
_THE_MEMBER, _REDEEMER, _VOUCHER = 1, 0, 2


def find_concerned(connection: Connection, program_id: str, order_id: str) -> Concerned:
    """Return whose accounts an order touches; nobody for an unknown order."""
    rows = connection.execute(_CONCERNED, {"program_id": program_id, "order_id": order_id}).all()
    member = next((name for what, name in rows if what == _THE_MEMBER), None)
    redeemers, vouchers = (
        [name for what, name in rows if what == kind] for kind in (_REDEEMER, _VOUCHER)
    )
    return Concerned(member, redeemers, vouchers)


_HAS_ORDER: Select[Any] = select(literal_column("1")).where(
    ORDER.c.program_id == bindparam("program_id"), ORDER.c.external_id == bindparam("order_id")
)


def has_order(connection: Connection, program_id: str, order_id: str) -> bool:
    """Whether an order is on record."""
    found = connection.scalar(_HAS_ORDER, {"program_id": program_id, "order_id": order_id})
    return found is not None


def lock_order(connection: Connection, program_id: str, order_id: str) -> RowMapping | None:
    """Lock an order and return it."""
    return (
        connection.execute(
            select(ORDER)
            .where(ORDER.c.program_id == program_id, ORDER.c.external_id == order_id)
            .with_for_update()
        )
        .mappings()
        .first()
    )


def list_refunds(connection: Connection, order_id: str) -> Sequence[RowMapping]:
    """Return all refunds and cancels of an order, oldest first."""
    return (
        connection.execute(
            select(REFUND).where(REFUND.c.order_id == order_id).order_by(REFUND.c.id)
        )
        .mappings()
        .all()
    )


def list_recent_orders(
    connection: Connection, member_ids: Collection[str], *, since: datetime | None, last: int
) -> Sequence[AnyRow]:
    """Return (member id, placed at, basis) of orders: those since, or each member's last few."""
    place = func.row_number().over(
        partition_by=ORDER.c.member_id, order_by=(ORDER.c.placed_at.desc(), ORDER.c.id.desc())
    )
    ranked = (
        select(ORDER.c.member_id, ORDER.c.placed_at, ORDER.c.basis, place.label("place"))
        .where(ORDER.c.member_id.in_(list(member_ids)))
        .subquery()
    )
    wanted = ranked.c.place <= last
    if since is not None:
        wanted = wanted | (ranked.c.placed_at > since)
    return connection.execute(
        select(ranked.c.member_id, ranked.c.placed_at, ranked.c.basis).where(wanted)
    ).all()


def list_rule_uses(
    connection: Connection, member_ids: Collection[str], rule_ids: Collection[str]
) -> Sequence[AnyRow]:
    """Return (member id, rule id, points, at) of limited rules."""
    return connection.execute(
        select(RULE_USE.c.member_id, RULE_USE.c.rule_id, RULE_USE.c.points, RULE_USE.c.at).where(
            RULE_USE.c.member_id.in_(list(member_ids)), RULE_USE.c.rule_id.in_(list(rule_ids))
        )
    ).all()


def list_activity(
    connection: Connection, member_ids: Collection[str], *, since: datetime | None
) -> Sequence[AnyRow]:
    """Return (member id, at, points, spend, orders) of what counts towards a tier."""
    orders = select(
        ORDER.c.member_id,
        ORDER.c.placed_at.label("at"),
        (ORDER.c.granted - ORDER.c.clawed - ORDER.c.forgiven).label("points"),
        (ORDER.c.total - ORDER.c.refunded).label("spend"),
        literal(1).label("orders"),
    ).where(ORDER.c.member_id.in_(list(member_ids)), ORDER.c.state == "paid")
    actions = select(
        ACTION.c.member_id, ACTION.c.occurred_at, ACTION.c.granted, literal(0), literal(0)
    ).where(ACTION.c.member_id.in_(list(member_ids)))
    if since is not None:
        orders = orders.where(ORDER.c.placed_at > since)
        actions = actions.where(ACTION.c.occurred_at > since)
    return connection.execute(union_all(orders, actions)).all()


def find_action(connection: Connection, program_id: str, action_id: str) -> RowMapping | None:
    """Return a recorded action by the shop's id."""
    return (
        connection.execute(
            select(ACTION, MEMBER.c.external_id.label("member"))
            .join(MEMBER, MEMBER.c.id == ACTION.c.member_id)
            .where(ACTION.c.program_id == program_id, ACTION.c.external_id == action_id)
        )
        .mappings()
        .first()
    )


def list_programs_with_lapsing_tiers(connection: Connection, now: datetime) -> Sequence[str]:
    """Return the programs with a member whose tier is due for review, by each program's clock."""
    present = func.coalesce(PROGRAM.c.test_now, literal(now, PROGRAM.c.test_now.type))
    lapsing = exists().where(MEMBER.c.program_id == PROGRAM.c.id, MEMBER.c.tier_until <= present)
    return connection.scalars(select(PROGRAM.c.id).where(lapsing)).all()


def claim_lapsing_members(
    connection: Connection, program_id: str, *, now: datetime, limit: int
) -> Sequence[AnyRow]:
    """Lock up to `limit` members whose tier is due for review; return id, tier, until when.

    Those that someone else has locked are left to them.
    """
    return connection.execute(
        select(MEMBER.c.id, MEMBER.c.tier, MEMBER.c.tier_until)
        .where(MEMBER.c.program_id == program_id, MEMBER.c.tier_until <= now)
        .order_by(MEMBER.c.tier_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
