"""Referrals as they are listed and counted: with the shop's ids and the vouchers' codes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.engine import Connection

from loyalty.foundation.db import table_of
from loyalty.members.models import ERASED, Member
from loyalty.referrals.models import QUALIFIED, REWARDED, SIDES
from loyalty.referrals.queries import REFERRAL, Row
from loyalty.vouchers.models import Voucher

_MEMBERS = {side: table_of(Member).alias(side) for side in SIDES}
_VOUCHERS = {side: table_of(Voucher).alias(f"{side}_voucher") for side in SIDES}


def count_by_state(connection: Connection, advocate_id: str, *, now: datetime) -> dict[str, int]:
    """Return how many referrals an advocate has in each of STATES at an instant."""
    come = func.sum(case((REFERRAL.c.available_at <= now, 1), else_=0))
    rows = connection.execute(
        select(REFERRAL.c.state, func.count(), come)
        .where(REFERRAL.c.advocate_id == advocate_id)
        .group_by(REFERRAL.c.state)
    )
    counts = {}
    for state, count, due in rows:
        counts[state] = count
        if state == QUALIFIED:
            counts |= {QUALIFIED: count - int(due), REWARDED: int(due)}
    return counts


def list_shown(
    connection: Connection,
    program_id: str,
    *,
    now: datetime,
    limit: int,
    before: str | None = None,
    ids: Collection[str] | None = None,
    state: str | None = None,
    advocate: str | None = None,
    referee: str | None = None,
) -> list[Row]:
    """Return referrals as `views` shows them, newest first, from below an id.

    `state` is one of STATES at `now`; `advocate` and `referee` are the shop's ids.
    """
    query = select(
        REFERRAL,
        *(_external_id(side) for side in SIDES),
        *(_VOUCHERS[side].c.written.label(f"{side}_voucher") for side in SIDES),
    ).where(REFERRAL.c.program_id == program_id)
    for side in SIDES:
        member, voucher = _MEMBERS[side], _VOUCHERS[side]
        query = query.join(member, member.c.id == REFERRAL.c[f"{side}_id"])
        query = query.outerjoin(voucher, voucher.c.id == REFERRAL.c[f"{side}_voucher_id"])
    if ids is not None:
        query = query.where(REFERRAL.c.id.in_(list(ids)))
    if state is not None:
        query = _in_state(query, state, now)
    for side, external_id in zip(SIDES, (advocate, referee), strict=True):
        if external_id is not None:
            query = query.where(_MEMBERS[side].c.external_id == external_id)
    if before is not None:
        query = query.where(REFERRAL.c.id < before)
    rows = connection.execute(query.order_by(REFERRAL.c.id.desc()).limit(limit)).mappings()
    return [dict(row) for row in rows]


def _in_state(query: Select[Any], state: str, now: datetime) -> Select[Any]:
    if state == REWARDED:
        return query.where(REFERRAL.c.state == QUALIFIED, REFERRAL.c.available_at <= now)
    query = query.where(REFERRAL.c.state == state)
    return query.where(REFERRAL.c.available_at > now) if state == QUALIFIED else query


def _external_id(side: str) -> Any:
    """Return the shop's id; of an erased member none is known."""
    member = _MEMBERS[side]
    return case((member.c.status != ERASED, member.c.external_id)).label(side)
