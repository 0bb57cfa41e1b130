"""What the ledger keeps about a person: entries, which stay, and the notes beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.ledger.queries import ACCOUNT, ENTRY
from loyalty.members.parts import Part
from loyalty.points.queries import NOTE

_BUCKETS = ("available", "pending", "held", "debt")
_SHOWN = ("id", "kind", "points", "explanation", "occurred_at", "recorded_at")


def export(_call: Call, member_ids: Sequence[str]) -> dict[str, Any]:
    """Return the balances as last written and all entries with reason and note, oldest first."""
    connection = db.connection()
    accounts = connection.execute(
        select(ACCOUNT.c.unit, *(ACCOUNT.c[name] for name in _BUCKETS)).where(
            ACCOUNT.c.owner_id.in_(member_ids)
        )
    ).mappings()
    entries = connection.execute(
        select(*(ENTRY.c[name] for name in _SHOWN), NOTE.c.reason, NOTE.c.note)
        .join(ACCOUNT, ACCOUNT.c.id == ENTRY.c.account_id)
        .outerjoin(NOTE, NOTE.c.entry_id == ENTRY.c.id)
        .where(ACCOUNT.c.owner_id.in_(member_ids))
        .order_by(ENTRY.c.recorded_at, ENTRY.c.account_id, ENTRY.c.seq)
    ).mappings()
    return {
        "accounts": [dict(row) for row in accounts],
        "entries": [dict(row) for row in entries],
    }


def erase(_call: Call, member_ids: Sequence[str]) -> None:
    """Remove reasons and notes; people write names into them."""
    own = select(ACCOUNT.c.id).where(ACCOUNT.c.owner_id.in_(member_ids))
    db.connection().execute(delete(NOTE).where(NOTE.c.account_id.in_(own)))


PART = Part("points", export=export, erase=erase)
