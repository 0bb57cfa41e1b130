"""Showing follow-ups, completing them, and telling once that one became due.

A follow-up is `open` until its time, then `due`, and `completed` with a result. Who is not
satisfied is asked again: a new follow-up is due at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from loyalty.foundation import audit, db, events, idempotency
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.members.models import ERASED
from loyalty.programs import service as programs
from loyalty.recovery.follow_ups import opening, queries
from loyalty.recovery.follow_ups.models import REOPENING, FollowUp
from loyalty.recovery.follow_ups.queries import Place, Row

STATES = ("open", "due", "completed")
CUSTOMER = "customer"
_ANSWER = ("result", "satisfaction", "note")


class FollowUpNotFound(Problem):
    """No such follow-up in this program."""

    code = "follow_up_not_found"
    status = 404
    title = "There is no such follow-up"
    about = "No follow-up of this program has that id. `GET /v1/follow_ups` lists them."


class FollowUpCompleted(Problem):
    """It was answered otherwise already."""

    code = "follow_up_completed"
    status = 409
    title = "This follow-up is completed already"
    about = (
        "A follow-up is answered once, by the customer or by staff. Repeating the same answer is "
        "harmless; another one belongs to the follow-up that a reopened case brings."
    )


def list_follow_ups(
    call: Call,
    *,
    state: str | None,
    member: str | None,
    gesture_id: str | None,
    beyond: Place | None,
    limit: int,
) -> list[Row]:
    """Return up to `limit` follow-ups as they are shown."""
    now = queries.get_program(call.program_id)["test_now"] or call.now
    rows = queries.list_follow_ups(
        call.program_id,
        state=state,
        member=member,
        gesture_id=gesture_id,
        now=now,
        beyond=beyond,
        limit=limit,
    )
    return _with_cases(rows, now)


def get_follow_up(call: Call, follow_up_id: str) -> Row:
    """Return a follow-up as it is shown. Raises `FollowUpNotFound`."""
    row = _of_program(queries.find_follow_up(follow_up_id), call.program_id, follow_up_id)
    return _with_cases([row], row["test_now"] or call.now)[0]


def complete_follow_up(
    call: Call,
    follow_up_id: str,
    *,
    result: str,
    satisfaction: int | None = None,
    note: str | None = None,
) -> Row:
    """Complete a follow-up with what the member said, and show it; a repetition changes nothing.

    Raises `FollowUpNotFound`, `FollowUpCompleted`.
    """
    row = _of_program(queries.lock_follow_up(follow_up_id), call.program_id, follow_up_id)
    idempotency.concerns(row["member_id"])
    answer = {"result": result, "satisfaction": satisfaction, "note": note}
    if row["completed_at"] is None:
        _complete(call, row, answer, row["test_now"] or call.now)
    elif any(row[name] != answer[name] for name in _ANSWER):
        raise FollowUpCompleted(
            f"It was completed as {row['result']!r} on {row['completed_at']:%Y-%m-%d}.",
            result=row["result"],
        )
    return get_follow_up(call, follow_up_id)


def find_for_customer(follow_up_id: str, *, expires_at: datetime, now: datetime) -> Row | None:
    """Return what a customer's link shows, or None if it leads nowhere any more."""
    return _for_customer(queries.find_follow_up(follow_up_id), expires_at, now)


def answer_as_customer(
    follow_up_id: str,
    *,
    expires_at: datetime,
    request_id: str | None,
    now: datetime,
    **answer: Any,
) -> Row | None:
    """Record what the customer answered by their link; only the first answer counts.

    Returns what the link shows, or None if it leads nowhere any more.
    """
    row = _for_customer(queries.lock_follow_up(follow_up_id), expires_at, now)
    if row is not None and row["completed_at"] is None:
        call = Call(row["program_id"], CUSTOMER, request_id, now)
        _complete(call, row, answer, row["test_now"] or now)
    return row


def list_due_programs(now: datetime) -> Sequence[str]:
    """Return the ids of programs where a follow-up became due; `now` is the system's time."""
    return queries.list_programs_with_untold(now)


def tell_due(call: Call, *, limit: int) -> Counter[str]:
    """Write the event of up to `limit` follow-ups that became due; returns how many."""
    now = queries.get_program(call.program_id)["test_now"] or call.now
    changes, done = Changes(), Counter[str]()
    for row in queries.claim_untold(call.program_id, now=now, limit=limit):
        changes.update(FollowUp, {"id": row["id"], "told_at": now})
        _tell(changes, call, "follow_up.due", row, now=now, data={"channel": row["channel"]})
        done["follow_ups"] += 1
    changes.write(db.connection())
    return done


def state_of(row: Row, now: datetime) -> str:
    """Return what a follow-up is at a moment."""
    if row["completed_at"] is not None:
        return "completed"
    return "due" if row["due_at"] <= now else "open"


def _complete(call: Call, row: Row, answer: Row, now: datetime) -> None:
    changes = Changes()
    done = {"completed_at": now, "completed_by": call.actor, **answer}
    changes.update(FollowUp, {"id": row["id"], **done})
    told = {"result": answer["result"], "satisfaction": answer["satisfaction"]}
    _tell(changes, call, "follow_up.completed", row, now=now, data=told)
    subject = ("follow_up", row["id"])
    audit.record(changes, call, "follow_up.completed", subject=subject, now=now, data=told)
    if answer["result"] in REOPENING:
        opening.reopen(
            changes, follow_up=row, contact=row["contact"], now=now, request_id=call.request_id
        )
    changes.write(db.connection())


def _tell(
    changes: Changes, call: Call, name: str, row: Row, *, now: datetime, data: dict[str, Any]
) -> None:
    events.record(
        changes,
        name,
        program_id=row["program_id"],
        member_id=row["member_id"],
        data={"follow_up": row["id"], "gesture": row["gesture_id"], **data},
        request_id=call.request_id,
        occurred_at=now,
        now=now,
    )


def _of_program(row: Row | None, program_id: str, follow_up_id: str) -> Row:
    if row is None or row["program_id"] != program_id:
        raise FollowUpNotFound(f"There is no follow-up {follow_up_id!r} in this program.")
    return row


def _for_customer(row: Row | None, expires_at: datetime, now: datetime) -> Row | None:
    if row is None or row["member_status"] == ERASED or (row["test_now"] or now) >= expires_at:
        return None
    document = programs.terms(row["program_id"], row["version"]).document
    return {**row, "shop": document["program"]["name"]}


def _with_cases(rows: list[Row], now: datetime) -> list[Row]:
    cases: dict[str, list[Row]] = {row["id"]: [] for row in rows}
    for gesture in queries.list_gestures_of_cases(cases) if rows else ():
        cases[gesture["follow_up_id"]].append(gesture)
    return [
        {**row, "state": state_of(row, now), "gestures": cases[row["id"]], "now": now}
        for row in rows
    ]
