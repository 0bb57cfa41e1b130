"""Showing gestures, one or a page of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.members import accounts
from loyalty.recovery import queries
from loyalty.recovery.caps.kernel import Weighed
from loyalty.recovery.caps.terms import spelled
from loyalty.recovery.models import EXPIRED, PENDING

_AS_THEY_ARE = (
    *("id", "member", "type", "reason", "case_ref", "agent", "role", "note_internal"),
    *("message_to_customer", "exception", "decided_at", "decided_by", "decision_note"),
    *("issued_at", "revoked_at", "revoked_by", "revocation_note", "caps", "precedent"),
)


class GestureNotFound(Problem):
    """No such gesture in this program."""

    code = "gesture_not_found"
    status = 404
    title = "There is no such gesture"
    about = "No gesture of this program has that id."


def get_gesture(call: Call, gesture_id: str) -> dict[str, Any]:
    """Return a gesture in the API's shape. Raises GestureNotFound."""
    found = queries.find_gesture(db.connection(), call.program_id, gesture_id)
    if found is None:
        raise not_found(gesture_id)
    return shown(found, found["test_now"] or call.now)


def list_gestures(
    call: Call,
    *,
    member: str | None = None,
    state: str | None = None,
    reason: str | None = None,
    agent: str | None = None,
    before: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return up to `limit` gestures, newest first, from below an id; none for a stranger."""
    filters = {
        "state": state,
        "reason": reason,
        "agent": None if agent is None else spelled(agent),
    }
    if member is not None:
        found = accounts.find(db.connection(), call.program_id, [member]).get(member)
        if found is None:
            return []
        filters["member_id"] = found.id
    rows = queries.list_gestures(
        db.connection(),
        call.program_id,
        filters={name: value for name, value in filters.items() if value is not None},
        before=before,
        limit=limit,
        now=call.now,
    )
    return [shown(row, row["test_now"] or call.now) for row in rows]


def shown(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return a gesture in the API's shape.

    `row` has the table's columns, `member` (the shop's id) and the `code` of its voucher.
    """
    give = {"kind": row["kind"], "points": row["points"], "amount": row["amount"]}
    currency, voucher = row["currency"], row["voucher_id"]
    return {
        **{name: row[name] for name in _AS_THEY_ARE},
        "state": state_of(row, now),
        "give": {**give, "currency": None if row["amount"] is None else currency},
        "value": {"amount": row["value_minor"], "currency": currency},
        "taken_back": {"amount": row["freed_minor"], "currency": currency}
        if row["revoked_at"]
        else None,
        "order_id": row["order_ref"],
        "voucher": {"id": voucher, "code": row["code"]} if voucher else None,
        "entry": row["entry_id"],
        "refund": {"state": row["refund_state"]} if row["refund_state"] else None,
        "requested_at": row["at"],
        "approval_expires_at": row["expires_at"],
    }


def state_of(row: Mapping[str, Any], now: datetime) -> str:
    """Return the state: what nobody decided in time has expired, whoever notices."""
    if row["state"] == PENDING and row["expires_at"] <= now:
        return EXPIRED
    return str(row["state"])


def caps_shown(weighed: list[Weighed]) -> list[dict[str, Any]]:
    """Return the arithmetic of the caps as it is kept and answered."""
    return [{**one._asdict(), "resets_at": _written(one.resets_at)} for one in weighed]


def not_found(gesture_id: str) -> GestureNotFound:
    """Return the problem that there is no such gesture."""
    return GestureNotFound(f"There is no gesture {gesture_id!r} in this program.")


def _written(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC).isoformat()[:-6]}Z"
