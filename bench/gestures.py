"""A year of gestures behind a program, for those that are measured."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from bench.shops import Shop, application
from loyalty.foundation import clock, db, ids
from loyalty.foundation.db import table_of
from loyalty.members.models import Member
from loyalty.recovery.models import Gesture

GESTURE = table_of(Gesture)
AGENTS = ("kim", "lee", "sam", "alex", "robin")
AT_ONCE = 5_000


def fill(shop: Shop, many: int) -> None:
    """Spread gestures over the year before, as rows: giving them one by one would take minutes."""
    now, between = clock.system_now(), timedelta(days=365) / many
    with application(shop.database_url).app_context(), db.transaction():
        named = select(Member.id).where(Member.program_id == shop.program_id)
        members = list(db.connection().scalars(named))
        for start in range(0, many, AT_ONCE):
            numbers = range(start, min(many, start + AT_ONCE))
            rows = [_row(shop, random.choice(members), now - between * (many - n)) for n in numbers]
            db.connection().execute(insert(GESTURE), rows)


def _row(shop: Shop, member_id: str, at: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(column.name for column in GESTURE.c),
        "id": ids.new_id("gst"),
        "program_id": shop.program_id,
        "member_id": member_id,
        "type": "recovery",
        "reason": random.choice(("late", "broken")),
        "kind": "voucher",
        "amount": random.choice((500, 1000, 2000)),
        "currency": "EUR",
        "value_minor": random.choice((500, 1000, 2000)),
        "agent": random.choice(AGENTS),
        "role": "agent",
        "exception": False,
        "state": "issued",
        "caps": [],
        "precedent": {},
        "at": at,
        "issued_at": at,
        "freed_minor": 0,
        "actor": "bench",
    }
