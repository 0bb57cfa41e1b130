"""What proactive giving keeps about a person: which occasions are settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, exists, select, update

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.members.parts import Part
from loyalty.recovery.proactive.queries import GIFT

_SHOWN = ("proactive_id", "occasion", "state", "reason", "gesture_id", "created_at")


def export(_call: Call, member_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return all occasions that were settled, oldest first."""
    rows = db.connection().execute(
        select(*(GIFT.c[name] for name in _SHOWN))
        .where(GIFT.c.member_id.in_(member_ids))
        .order_by(GIFT.c.created_at, GIFT.c.proactive_id)
    )
    return [dict(row) for row in rows.mappings()]


def merge(_call: Call, source_id: str, target_id: str) -> None:
    """Let occasions be settled for the member that stays; one that both had is settled once."""
    other = GIFT.alias("other")
    had_by_both = exists().where(
        other.c.program_id == GIFT.c.program_id,
        other.c.proactive_id == GIFT.c.proactive_id,
        other.c.occasion == GIFT.c.occasion,
        other.c.member_id == target_id,
    )
    of_source = GIFT.c.member_id == source_id
    db.connection().execute(delete(GIFT).where(of_source, had_by_both))
    db.connection().execute(update(GIFT).where(of_source).values(member_id=target_id))


PART = Part("proactive_gifts", export=export, merge=merge)
