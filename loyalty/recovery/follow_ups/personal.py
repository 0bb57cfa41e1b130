"""What follow-ups keep about a person: what they answered, and notes about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, literal, select, update

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.members.parts import Part
from loyalty.recovery.follow_ups.models import NO_ANSWER
from loyalty.recovery.follow_ups.queries import FOLLOW_UP, get_program

_SHOWN = ("id", "gesture_id", "channel", "due_at", "completed_at", "result", "satisfaction", "note")


def export(_call: Call, member_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return all follow-ups with what was answered, oldest first."""
    rows = db.connection().execute(
        select(*(FOLLOW_UP.c[name] for name in _SHOWN))
        .where(FOLLOW_UP.c.member_id.in_(member_ids))
        .order_by(FOLLOW_UP.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def erase(call: Call, member_ids: Sequence[str]) -> None:
    """Remove notes, and end what is open: there is nobody left to ask."""
    now = get_program(call.program_id)["test_now"] or call.now
    ended = {
        "completed_at": func.coalesce(FOLLOW_UP.c.completed_at, _constant("completed_at", now)),
        "completed_by": func.coalesce(
            FOLLOW_UP.c.completed_by, _constant("completed_by", call.actor)
        ),
        "result": func.coalesce(FOLLOW_UP.c.result, _constant("result", NO_ANSWER)),
    }
    db.connection().execute(
        update(FOLLOW_UP)
        .where(FOLLOW_UP.c.member_id.in_(member_ids))
        .values(note=None, channel=None, **ended)
    )


def merge(_call: Call, source_id: str, target_id: str) -> None:
    """Ask the member that stays."""
    db.connection().execute(
        update(FOLLOW_UP).where(FOLLOW_UP.c.member_id == source_id).values(member_id=target_id)
    )


def _constant(name: str, value: object) -> Any:
    return literal(value, FOLLOW_UP.c[name].type)


PART = Part("follow_ups", export=export, erase=erase, merge=merge)
