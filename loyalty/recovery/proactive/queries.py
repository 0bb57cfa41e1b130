"""Finding members with an occasion, what they were given for it, and the rounds of the day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, extract, false, select

from loyalty.foundation import clock, db
from loyalty.foundation.db import table_of
from loyalty.foundation.tenancy import Program
from loyalty.members.models import ACTIVE, Member
from loyalty.recovery.caps.models import RecoveryGate
from loyalty.recovery.proactive import days as calendar
from loyalty.recovery.proactive.models import ProactiveGift, ProactiveRound

Row = dict[str, Any]

GATE = table_of(RecoveryGate)
GIFT = table_of(ProactiveGift)
MEMBER = table_of(Member)
PROGRAM = table_of(Program)
ROUND = table_of(ProactiveRound)
CANCELLED = "cancelled"
BOUGHT_WITHIN = "P1Y"


def list_programs() -> list[Row]:
    """Return all programs: id, version and test clock."""
    return _all(select(PROGRAM.c.id, PROGRAM.c.version, PROGRAM.c.test_now))


def list_rounds(program_ids: Collection[str]) -> list[Row]:
    """Return the rounds of programs."""
    return _all(select(ROUND).where(ROUND.c.program_id.in_(list(program_ids))))


def lock_rounds(program_id: str) -> dict[str, Row]:
    """Lock a program's rounds, so that one worker at a time makes them; by the gift's id."""
    query = select(ROUND).where(ROUND.c.program_id == program_id).order_by(ROUND.c.proactive_id)
    return {row["proactive_id"]: row for row in _all(query.with_for_update())}


def lock_gate(program_id: str) -> None:
    """Lock the program's gate before any account, as everybody does who gives."""
    _all(select(GATE.c.program_id).where(GATE.c.program_id == program_id).with_for_update())


def list_candidates(
    program_id: str,
    gift: Mapping[str, Any],
    days: Sequence[date],
    *,
    zone: str,
    after: str,
    limit: int,
) -> list[Row]:
    """Return members who may have the occasion on one of these days, from above an id."""
    return _all(
        select(
            *(MEMBER.c[name] for name in ("id", "external_id", "birthday", "joined_at", "contact"))
        )
        .where(MEMBER.c.program_id == program_id, MEMBER.c.status == ACTIVE, MEMBER.c.id > after)
        .where(*_may_have(gift, days, zone))
        .order_by(MEMBER.c.id)
        .limit(limit)
    )


def list_gifts(program_id: str, proactive_id: str, member_ids: Iterable[str]) -> set[Any]:
    """Return member and occasion of what is settled already."""
    rows = db.connection().execute(
        select(GIFT.c.member_id, GIFT.c.occasion).where(
            GIFT.c.program_id == program_id,
            GIFT.c.proactive_id == proactive_id,
            GIFT.c.member_id.in_(list(member_ids)),
        )
    )
    return {(row.member_id, row.occasion) for row in rows}


def _may_have(
    gift: Mapping[str, Any], days: Sequence[date], zone: str
) -> list[ColumnElement[bool]]:
    occasion = gift["occasion"]
    if occasion == calendar.BIRTHDAY:
        return [_is_on(MEMBER.c.birthday, days)]
    if occasion == calendar.ANNIVERSARY:  # the day in UTC is at most one off; the rest is refined
        around = [day + timedelta(days=off) for day in days for off in (-1, 0, 1)]
        return [_is_on(MEMBER.c.joined_at, around)]
    if occasion == calendar.NTH_ORDER:
        since = _begin(days[-1], zone)
        return [
            MEMBER.c.orders >= gift["nth"],
            MEMBER.c.last_order_at >= since,
            _nth_order(gift["nth"]).scalar_subquery() >= since,
        ]
    day = calendar.thanking_day(gift, days)
    if day is None:
        return [false()]
    since = clock.subtract(BOUGHT_WITHIN, _begin(day, zone), zone)
    return [MEMBER.c.orders > 0, MEMBER.c.last_order_at >= since]


def _is_on(column: ColumnElement[Any], days: Sequence[date]) -> ColumnElement[bool]:
    number = extract("month", column) * 100 + extract("day", column)
    return number.in_(sorted(calendar.months_and_days(days)))


def _nth_order(nth: int) -> Select[Any]:
    """Return when the nth order of a member was placed, of those that were not cancelled."""
    order = db.metadata.tables[
        "orders"
    ]  # of the story beside this one, whose code is not known here
    return (
        select(order.c.placed_at)
        .where(order.c.member_id == MEMBER.c.id, order.c.state != CANCELLED)
        .order_by(order.c.placed_at, order.c.id)
        .offset(nth - 1)
        .limit(1)
        .correlate(MEMBER)
    )


def _begin(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone))


def _all(query: Select[Any]) -> list[Row]:
    return [dict(row) for row in db.connection().execute(query).mappings()]
