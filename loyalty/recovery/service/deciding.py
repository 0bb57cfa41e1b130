"""Deciding on gestures that wait: approve, reject, withdraw, or let time pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.recovery import queries
from loyalty.recovery.models import PENDING, REFUND, REJECTED, WITHDRAWN
from loyalty.recovery.service import reading
from loyalty.recovery.service.agents import (
    Giver,
    require_to_decide,
    require_to_give,
    require_to_undo,
)
from loyalty.recovery.service.desk import Desk, freed_columns, freed_of, open_desk
from loyalty.recovery.service.giving import require_room
from loyalty.recovery.service.handing import hand_over

MOST_PROGRAMS = 1000  # looked after in one round of a sweep


class GestureNotPending(Problem):
    """It was decided already, or nobody did in time."""

    code = "gesture_not_pending"
    status = 409
    title = "The gesture does not wait for a decision"
    about = (
        "Only a gesture in the state `pending_approval` can be approved, rejected or withdrawn. "
        "`state` says what became of it."
    )


def approve_gesture(
    call: Call, gesture_id: str, *, who: Giver, note: str | None = None
) -> dict[str, Any]:
    """Give what was asked for, and return the gesture in the API's shape.

    It has counted against the caps since it was asked for, and goes on doing so. Raises
    GestureNotFound, GestureNotPending, AgentMayNot, OwnGesture, GestureRefused, MemberNotFound.
    """
    desk = open_desk(call, who)
    row = _find_pending(desk, gesture_id)
    member = desk.member(row["member"])
    around = desk.circumstances(member.id, row["order_ref"], besides=row["id"])
    require_to_decide(who, row, around)
    require_to_give(who, around)
    if row["kind"] == REFUND:
        require_room(around, row["amount"], row["currency"])
    given = hand_over(desk, {**row, "member_id": member.id}, member, around["contact"])
    _decide(desk, row, note, **given)
    desk.audit("gesture.approved", row, {"requested_by": row["agent"]})
    desk.write()
    return reading.shown(row, desk.now)


def reject_gesture(
    call: Call, gesture_id: str, *, who: Giver, note: str | None = None
) -> dict[str, Any]:
    """Refuse what was asked for and free what it held; return the gesture in the API's shape.

    Raises GestureNotFound, GestureNotPending, AgentMayNot, OwnGesture.
    """
    desk = open_desk(call, who)
    row = _find_pending(desk, gesture_id)
    require_to_decide(who, row, desk.circumstances(row["member_id"], None))
    return _give_up(desk, row, REJECTED, note)


def withdraw_gesture(
    call: Call, gesture_id: str, *, who: Giver, note: str | None = None
) -> dict[str, Any]:
    """Take back what was asked for and free what it held; return the gesture in the API's shape.

    Raises GestureNotFound, GestureNotPending, AgentMayNot.
    """
    desk = open_desk(call, who)
    row = _find_pending(desk, gesture_id)
    require_to_undo(who, row)
    return _give_up(desk, row, WITHDRAWN, note)


def list_due_programs(now: datetime) -> Sequence[str]:
    """Return the ids of programs where nobody decided in time; `now` is the system's time."""
    return queries.list_programs_with_undecided(db.connection(), now, limit=MOST_PROGRAMS)


def expire_undecided(call: Call) -> int:
    """Free what nobody of the call's program decided in time; return how many gestures those were.

    Whoever gives something does it too: this is for programs where nobody does.
    """
    desk = open_desk(call, None)
    expired = desk.expire_undecided()
    desk.write()
    return len(expired)


def _find_pending(desk: Desk, gesture_id: str) -> dict[str, Any]:
    """Return a gesture that waits; behind the gate nobody else decides on it."""
    row = queries.find_gesture(desk.gate.connection, desk.call.program_id, gesture_id)
    if row is None:
        raise reading.not_found(gesture_id)
    state = reading.state_of(row, desk.now)
    if state != PENDING:
        raise GestureNotPending(f"The gesture is {state} already.", state=state)
    return row


def _give_up(desk: Desk, row: dict[str, Any], state: str, note: str | None) -> dict[str, Any]:
    desk.gate.free([freed_of(row)])
    _decide(desk, row, note, state=state, **freed_columns(row, desk.now))
    desk.event(f"gesture.{state}", row, {"agent": row["agent"]})
    desk.audit(f"gesture.{state}", row, {"requested_by": row["agent"]})
    desk.write()
    return reading.shown(row, desk.now)


def _decide(desk: Desk, row: dict[str, Any], note: str | None, **values: Any) -> None:
    by = desk.who.agent if desk.who else None
    desk.change(row, decided_at=desk.now, decided_by=by, decision_note=note, **values)
