"""What gestures keep about a person: what was given to them and why, with notes and messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, null, select, update

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.foundation.db import table_of
from loyalty.members.parts import Part
from loyalty.recovery.caps.models import CapUsage, RecoveryGate
from loyalty.recovery.queries import GESTURE

USAGE, GATE = table_of(CapUsage), table_of(RecoveryGate)
_WRITTEN = ("case_ref", "note_internal", "message_to_customer", "decision_note", "revocation_note")
_SHOWN = (
    *("id", "type", "reason", "kind", "points", "amount", "currency", "order_ref", "state"),
    *("exception", "at", "issued_at", "revoked_at", *_WRITTEN),
)


def export(_call: Call, member_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the gestures to the person, oldest first; who gave them is not the person's."""
    rows = db.connection().execute(
        select(*(GESTURE.c[name] for name in _SHOWN))
        .where(GESTURE.c.member_id.in_(member_ids))
        .order_by(GESTURE.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def erase(_call: Call, member_ids: Sequence[str]) -> None:
    """Remove notes, messages and the helpdesk's case; what was given stays, for the caps."""
    db.connection().execute(
        update(GESTURE)
        .where(GESTURE.c.member_id.in_(member_ids))
        .values(dict.fromkeys(_WRITTEN, null()))
    )


def merge(call: Call, source_id: str, target_id: str) -> None:
    """Let gestures be those of the member that stays, and let their caps be added up anew.

    Nobody gives meanwhile: the gate is locked.
    """
    connection = db.connection()
    connection.execute(
        select(GATE.c.last_at).where(GATE.c.program_id == call.program_id).with_for_update()
    )
    moved = connection.execute(
        update(GESTURE).where(GESTURE.c.member_id == source_id).values(member_id=target_id)
    )
    if moved.rowcount:
        connection.execute(
            delete(USAGE).where(
                USAGE.c.program_id == call.program_id, USAGE.c.key.in_([source_id, target_id])
            )
        )


PART = Part("gestures", export=export, erase=erase, merge=merge)
