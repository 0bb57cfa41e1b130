"""Opening a follow-up: with the gesture it asks about, or when an answer reopens the case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.foundation import clock, events, ids
from loyalty.foundation.bulk import Changes
from loyalty.recovery.follow_ups.models import FollowUp

NO_CHANNEL = "none"


def open_for(
    changes: Changes,
    *,
    gesture: Mapping[str, Any],
    follow_up_after: str,
    contact: Mapping[str, Any] | None,
    now: datetime,
    zone: str,
    request_id: str | None = None,
) -> dict[str, Any]:
    """Add the follow-up of a gesture to the changes, due a delay after `now`; return its row.

    `gesture` needs `id`, `program_id` and `member_id`; `contact` is the member's preference, None
    if they never stated one: then they are asked by email.
    """
    due_at = clock.add(follow_up_after, now, zone)
    return _add(changes, gesture, contact, due_at=due_at, now=now, request_id=request_id)


def reopen(
    changes: Changes,
    *,
    follow_up: Mapping[str, Any],
    contact: Mapping[str, Any] | None,
    now: datetime,
    request_id: str | None,
) -> dict[str, Any]:
    """Add a follow-up that is due at once, as an answer said that all is not well; return it."""
    gesture = {**follow_up, "id": follow_up["gesture_id"]}
    return _add(
        changes,
        gesture,
        contact,
        due_at=now,
        now=now,
        request_id=request_id,
        reopens=follow_up["id"],
    )


def _add(
    changes: Changes,
    gesture: Mapping[str, Any],
    contact: Mapping[str, Any] | None,
    *,
    due_at: datetime,
    now: datetime,
    request_id: str | None,
    reopens: str | None = None,
) -> dict[str, Any]:
    row = {
        "id": ids.new_id("fup"),
        "program_id": gesture["program_id"],
        "member_id": gesture["member_id"],
        "gesture_id": gesture["id"],
        "reopens": reopens,
        "channel": channel_of(contact),
        "due_at": due_at,
        "told_at": None,
        "completed_at": None,
        "completed_by": None,
        "result": None,
        "satisfaction": None,
        "note": None,
        "created_at": now,
    }
    changes.insert(FollowUp, row)
    told = {"follow_up": row["id"], "gesture": gesture["id"], "channel": row["channel"]}
    events.record(
        changes,
        "follow_up.reopened" if reopens else "follow_up.opened",
        program_id=row["program_id"],
        member_id=row["member_id"],
        data=told,
        request_id=request_id,
        occurred_at=now,
        now=now,
    )
    return row


def channel_of(contact: Mapping[str, Any] | None) -> str | None:
    """Return the channel a member wants to be reached by, None for not at all."""
    channel = (contact or {}).get("channel", "email")
    return None if channel == NO_CHANNEL else str(channel)
