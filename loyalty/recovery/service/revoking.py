"""Revoking gestures: what is unspent comes back, and the caps have room for it again."""

from __future__ import annotations

from typing import Any, NamedTuple

from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.ledger import undoing
from loyalty.ledger.state import Posting
from loyalty.recovery import queries
from loyalty.recovery.caps.facts import Freed
from loyalty.recovery.models import CALLED_OFF, ISSUED, POINTS, REFUND, REQUESTED, REVOKED
from loyalty.recovery.service import reading
from loyalty.recovery.service.agents import Giver, require_to_undo
from loyalty.recovery.service.desk import Desk, facts_of, freed_columns, open_desk
from loyalty.vouchers.models import STORED_VALUE
from loyalty.vouchers.queries import lock_vouchers
from loyalty.vouchers.service import refusing


class GestureNotIssued(Problem):
    """There is nothing to revoke."""

    code = "gesture_not_issued"
    status = 409
    title = "Only what was issued can be revoked"
    about = (
        "A gesture that waits for approval is withdrawn or rejected instead. `state` says what "
        "became of it."
    )


class GestureSpent(Problem):
    """Nothing of it is left."""

    code = "gesture_spent"
    status = 409
    title = "Nothing of the gesture is left to take back"
    about = (
        "Only what is unspent is taken back. This gesture was used up, has expired, or its money "
        "has gone out already."
    )


class _Taken(NamedTuple):
    """What came back, in minor units; `held` says that a checkout holds some of the rest."""

    value: int
    held: bool = False
    refund_state: str | None = None


def revoke_gesture(
    call: Call, gesture_id: str, *, who: Giver, note: str | None = None
) -> dict[str, Any]:
    """Take back what is unspent of a gesture; return it in the API's shape.

    Raises GestureNotFound, GestureNotIssued, GestureSpent, AgentMayNot.
    """
    desk = open_desk(call, who)
    row = queries.find_gesture(desk.gate.connection, call.program_id, gesture_id)
    if row is None:
        raise reading.not_found(gesture_id)
    state = reading.state_of(row, desk.now)
    if state != ISSUED:
        raise GestureNotIssued(f"The gesture is {state}.", state=state)
    require_to_undo(who, row)
    take = {POINTS: _take_points, REFUND: _call_off}.get(row["kind"], _take_voucher)
    taken = take(desk, row)
    if not taken.value and not taken.held:
        raise GestureSpent("All of the gesture was spent, or has expired.")
    _free(desk, row, taken, note)
    data = {"taken_back": taken.value, "agent": who.agent}
    desk.event("gesture.revoked", row, data)
    desk.audit("gesture.revoked", row, data)
    desk.write()
    return reading.shown(row, desk.now)


def _take_voucher(desk: Desk, row: dict[str, Any]) -> _Taken:
    [locked] = lock_vouchers(desk.gate.connection, desk.call.program_id, ids=[row["voucher_id"]])
    desk.book.adopt([locked.account])
    desk.book.read(lots_of=[locked.account_id])
    account = desk.book.accounts[locked.account_id]
    if not account.available and not account.pending and not account.held:
        return _Taken(0)
    units = refusing.revoke(desk.book, desk.changes, desk.call, locked, now=desk.now)
    value = units if locked.voucher["kind"] == STORED_VALUE else bool(units) * row["value_minor"]
    return _Taken(value, held=account.held > 0)


def _take_points(desk: Desk, row: dict[str, Any]) -> _Taken:
    """Take what is left of the lot; the worth of a part is rounded down."""
    member = desk.member(row["member"])
    source = ("gesture", row["id"])
    desk.book.read(sources=[(member.account_id, *source)])
    lot = desk.book.find_lot(member.account_id, *source)
    if lot is None or not lot.remaining:
        return _Taken(0)
    account, points = desk.book.accounts[member.account_id], lot.remaining
    text = f"{desk.book.stamp.count(points)} taken back: the gesture was revoked."
    posting = Posting("revoke", *source, text, desk.now)
    undoing.clawback(account, lot, points, posting, forgive=True)
    return _Taken(row["value_minor"] * points // row["points"])


def _call_off(_desk: Desk, row: dict[str, Any]) -> _Taken:
    if row["refund_state"] != REQUESTED:
        return _Taken(0)
    return _Taken(row["value_minor"], refund_state=CALLED_OFF)


def _free(desk: Desk, row: dict[str, Any], taken: _Taken, note: str | None) -> None:
    """Let what came back count no more; what was spent goes on counting."""
    whole = taken.value == row["value_minor"]
    if taken.value:
        facts = facts_of(row, value=taken.value)
        desk.gate.free([Freed(row["id"], facts, row["at"], still_counts=not whole)])
    freed = freed_columns(row, desk.now) if whole else {"freed_minor": taken.value}
    by = desk.who.agent if desk.who else None
    called_off = {"refund_state": taken.refund_state} if taken.refund_state else {}
    desk.change(
        row,
        state=REVOKED,
        revoked_at=desk.now,
        revoked_by=by,
        revocation_note=note,
        **freed,
        **called_off,
    )
