"""What the contact contract keeps about a person: the contacts made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.members.parts import Part
from loyalty.recovery.contact.queries import CONTACT

_SHOWN = (CONTACT.c.channel, CONTACT.c.purpose, CONTACT.c.occurred_at)


def export(_call: Call, member_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return all contacts, oldest first."""
    rows = db.connection().execute(
        select(*_SHOWN)
        .where(CONTACT.c.member_id.in_(member_ids))
        .order_by(CONTACT.c.occurred_at, CONTACT.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def erase(_call: Call, member_ids: Sequence[str]) -> None:
    """Forget when and how they were written to: no sum depends on it."""
    db.connection().execute(delete(CONTACT).where(CONTACT.c.member_id.in_(member_ids)))


def merge(_call: Call, source_id: str, target_id: str) -> None:
    """Let contacts count for the member that stays."""
    db.connection().execute(
        update(CONTACT).where(CONTACT.c.member_id == source_id).values(member_id=target_id)
    )


PART = Part("contacts", export=export, erase=erase, merge=merge)
