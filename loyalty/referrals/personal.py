"""What referrals keep about a person: whom they brought, who brought them, and keyed hashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.members.parts import Part
from loyalty.referrals.queries import REFERRAL, SIGNAL
from loyalty.referrals.service import joining

_SHOWN = (
    *("id", "code", "state", "flags", "order_ref", "qualified_at", "available_at"),
    *("decision", "decided_at", "note", "created_at"),
)


def export(_call: Call, member_ids: Sequence[str]) -> dict[str, Any]:
    """Return referrals by side, without the other side's id, and which signals are known."""
    connection = db.connection()
    found: dict[str, Any] = {}
    for name, side in (("brought", "advocate"), ("was_brought", "referee")):
        columns = (*_SHOWN, f"{side}_points", f"{side}_clawed")
        rows = connection.execute(
            select(*(REFERRAL.c[column] for column in columns))
            .where(REFERRAL.c[f"{side}_id"].in_(member_ids))
            .order_by(REFERRAL.c.id)
        )
        found[name] = [dict(row) for row in rows.mappings()]
    seen = connection.execute(
        select(SIGNAL.c.kind, SIGNAL.c.created_at)
        .where(SIGNAL.c.member_id.in_(member_ids))
        .order_by(SIGNAL.c.created_at, SIGNAL.c.kind)
    )
    return {**found, "signals": [dict(row) for row in seen.mappings()]}


PART = Part("referrals", export=export, erase=joining.erase_members, merge=joining.merge_members)
