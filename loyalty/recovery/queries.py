"""Reading gestures, whom they concern, and what was given for the same reason before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.engine import Connection

from loyalty.foundation.db import metadata, table_of
from loyalty.foundation.tenancy import Program
from loyalty.members.models import Member
from loyalty.recovery.models import EXPIRED, ISSUED, PENDING, REFUND, REQUESTED, Gesture
from loyalty.vouchers.models import Voucher

GESTURE = table_of(Gesture)
MEMBER = table_of(Member)
PROGRAM = table_of(Program)
VOUCHER = table_of(Voucher)

Row = dict[str, Any]

MEDIAN, HIGH = 50, 90
MOST_COUNTED = 1_000
"""Precedent is the latest so many gestures, so that a large shop does not read a season."""


def _shown() -> Select[Any]:
    return (
        select(
            GESTURE,
            MEMBER.c.external_id.label("member"),
            VOUCHER.c.written.label("code"),
            PROGRAM.c.version,
            PROGRAM.c.test_now,
        )
        .select_from(GESTURE)
        .join(MEMBER, MEMBER.c.id == GESTURE.c.member_id)
        .join(PROGRAM, PROGRAM.c.id == GESTURE.c.program_id)
        .outerjoin(VOUCHER, VOUCHER.c.id == GESTURE.c.voucher_id)
        .where(GESTURE.c.program_id == bindparam("program_id"))
    )


_ONE = _shown().where(GESTURE.c.id == bindparam("id"))


def find_gesture(connection: Connection, program_id: str, gesture_id: str) -> Row | None:
    """Return a gesture with the shop's id of its member and its voucher's code, or None.

    The tenant's version and clock come along.
    """
    found = connection.execute(_ONE, {"program_id": program_id, "id": gesture_id})
    row = found.mappings().one_or_none()
    return None if row is None else dict(row)


def list_gestures(
    connection: Connection,
    program_id: str,
    *,
    filters: Mapping[str, str],
    before: str | None,
    limit: int,
    now: datetime,
) -> list[Row]:
    """Return gestures as `find_gesture` does, newest first, from below an id.

    `filters` may name `member_id`, `reason`, `agent` and `state`, which is the state at the
    program's time, `now` without a test clock.
    """
    parameters: Row = {"program_id": program_id, "limit": limit, **filters}
    if before is not None:
        parameters["before"] = before
    if filters.get("state") in (PENDING, EXPIRED):
        parameters["now"] = now
    statement = _listing(frozenset(filters) - {"state"}, filters.get("state"), before is not None)
    parameters.pop("state", None)
    return [dict(row) for row in connection.execute(statement, parameters).mappings()]


@lru_cache(maxsize=128)
def _listing(names: frozenset[str], state: str | None, goes_on: bool) -> Select[Any]:  # noqa: FBT001
    query = _shown()
    for name in sorted(names):
        query = query.where(GESTURE.c[name] == bindparam(name))
    if state is not None:
        query = query.where(_is_in(state))
    if goes_on:
        query = query.where(GESTURE.c.id < bindparam("before"))
    return query.order_by(GESTURE.c.id.desc()).limit(bindparam("limit"))


def _is_in(state: str) -> ColumnElement[bool]:
    """Tell the state as `reading.state_of` does: what nobody decided in time has expired."""
    now = func.coalesce(PROGRAM.c.test_now, bindparam("now", type_=PROGRAM.c.test_now.type))
    waits = GESTURE.c.state == PENDING
    if state == PENDING:
        return and_(waits, GESTURE.c.expires_at > now)
    if state == EXPIRED:
        return or_(GESTURE.c.state == EXPIRED, and_(waits, GESTURE.c.expires_at <= now))
    return GESTURE.c.state == state


_DUE = select(GESTURE).where(
    GESTURE.c.program_id == bindparam("program_id"),
    GESTURE.c.state == literal_column(f"'{PENDING}'"),
    GESTURE.c.expires_at <= bindparam("now", type_=GESTURE.c.expires_at.type),
)


def list_undecided(connection: Connection, program_id: str, now: datetime) -> list[Row]:
    """Return the gestures that nobody decided in time and that still count."""
    found = connection.execute(_DUE, {"program_id": program_id, "now": now})
    return [dict(row) for row in found.mappings()]


def list_programs_with_undecided(
    connection: Connection, now: datetime, *, limit: int
) -> Sequence[str]:
    """Return programs where gestures wait that nobody decided in time."""
    at = func.coalesce(PROGRAM.c.test_now, now)
    found = connection.execute(
        select(PROGRAM.c.id)
        .where(
            select(GESTURE.c.id)
            .where(
                GESTURE.c.program_id == PROGRAM.c.id,
                GESTURE.c.state == literal_column(f"'{PENDING}'"),
                GESTURE.c.expires_at <= at,
            )
            .exists()
        )
        .order_by(PROGRAM.c.id)
        .limit(limit)
    )
    return list(found.scalars())


def _counts_as_precedent() -> ColumnElement[bool]:
    return and_(
        GESTURE.c.freed_at.is_(None),
        GESTURE.c.state == literal_column(f"'{ISSUED}'"),
        GESTURE.c.exception == false(),
    )


def find_circumstances(
    connection: Connection,
    program_id: str,
    member_id: str,
    order_ref: str | None,
    *,
    since: datetime,
    besides: str | None = None,
) -> Row:
    """Return what giving to a member depends on, in one statement.

    That is how to recognise and reach them, how many gestures were `given` since an instant (a
    thousand at most), and the order with what is left of it and `refunding`: what gestures
    `besides` one promise to refund of it.
    """
    found = connection.execute(
        _circumstances(),
        {
            "program_id": program_id,
            "member_id": member_id,
            "order_ref": order_ref or "",
            "since": since,
            "besides": besides or "",
        },
    )
    return dict(found.mappings().one())


def _given_to_member() -> ColumnElement[int]:
    to_member = (
        select(GESTURE.c.id)
        .where(
            GESTURE.c.program_id == bindparam("program_id"),
            GESTURE.c.member_id == bindparam("member_id"),
            GESTURE.c.at > bindparam("since", type_=GESTURE.c.at.type),
            _counts_as_precedent(),
        )
        .limit(MOST_COUNTED)
        .subquery()
    )
    return select(func.count()).select_from(to_member).scalar_subquery()


def _refunding() -> ColumnElement[int]:
    return (
        select(func.coalesce(func.sum(GESTURE.c.value_minor - GESTURE.c.freed_minor), 0))
        .where(
            GESTURE.c.program_id == bindparam("program_id"),
            GESTURE.c.order_ref == bindparam("order_ref"),
            GESTURE.c.freed_at.is_(None),
            GESTURE.c.kind == literal_column(f"'{REFUND}'"),
            or_(
                GESTURE.c.state == literal_column(f"'{PENDING}'"),
                GESTURE.c.refund_state == literal_column(f"'{REQUESTED}'"),
            ),
            GESTURE.c.id != bindparam("besides"),
        )
        .scalar_subquery()
    )


@lru_cache(maxsize=1)
def _circumstances() -> Select[Any]:
    orders = metadata.tables["orders"]  # of a package on the same floor
    return (
        select(
            MEMBER.c.external_id,
            MEMBER.c.email,
            MEMBER.c.email_key,
            MEMBER.c.contact,
            _given_to_member().label("given"),
            orders.c.total.label("order_total"),
            (orders.c.total - orders.c.refunded).label("order_left"),
            _refunding().label("refunding"),
        )
        .select_from(MEMBER)
        .outerjoin(
            orders,
            and_(
                orders.c.program_id == bindparam("program_id"),
                orders.c.external_id == bindparam("order_ref"),
                orders.c.member_id == MEMBER.c.id,
            ),
        )
        .where(MEMBER.c.id == bindparam("member_id"))
    )


def _precedent() -> Select[*tuple[Any, ...]]:
    latest = (
        select(GESTURE.c.value_minor.label("value"))
        .where(
            GESTURE.c.program_id == bindparam("program_id"),
            GESTURE.c.reason == bindparam("reason"),
            GESTURE.c.at > bindparam("since", type_=GESTURE.c.at.type),
            _counts_as_precedent(),
        )
        .order_by(GESTURE.c.at.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )
    ranked = select(
        latest.c.value,
        func.row_number().over(order_by=latest.c.value).label("place"),
        func.count().over().label("size"),
    ).subquery()

    def percentile(share: int) -> ColumnElement[int]:
        return func.min(case((ranked.c.place * 100 >= ranked.c.size * share, ranked.c.value)))

    return select(
        func.count().label("given"),
        percentile(MEDIAN).label("p50"),
        percentile(HIGH).label("p90"),
    ).select_from(ranked)


_PRECEDENT = _precedent()


def find_precedent(connection: Connection, program_id: str, reason: str, *, since: datetime) -> Row:
    """Return how many gestures were given for a reason since an instant, and percentiles.

    The latest thousand count.
    """
    found = connection.execute(
        _PRECEDENT, {"program_id": program_id, "reason": reason, "since": since}
    )
    return dict(found.mappings().one())
