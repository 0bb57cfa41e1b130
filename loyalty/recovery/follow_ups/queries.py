"""Reading follow-ups with the gesture they ask about and the case it belongs to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select, tuple_

from loyalty.foundation import db
from loyalty.foundation.db import table_of
from loyalty.foundation.tenancy import Program
from loyalty.members.models import ERASED, Member
from loyalty.recovery.follow_ups.models import FollowUp
from loyalty.recovery.models import ISSUED, REVOKED, Gesture

Row = dict[str, Any]
Place = tuple[datetime, str]
"""Where a page ends: when its last row was due, and its id."""

FOLLOW_UP = table_of(FollowUp)
GESTURE = table_of(Gesture)
MEMBER = table_of(Member)
PROGRAM = table_of(Program)
_NEXT = FOLLOW_UP.alias("next")
_OF_CASE = GESTURE.alias("of_case")

_SHOWN = (
    select(
        FOLLOW_UP,
        MEMBER.c.external_id.label("member"),
        MEMBER.c.status.label("member_status"),
        MEMBER.c.contact,
        GESTURE.c.type.label("gesture_type"),
        GESTURE.c.reason,
        GESTURE.c.case_ref,
        GESTURE.c.order_ref,
        GESTURE.c.message_to_customer,
        PROGRAM.c.version,
        PROGRAM.c.test_now,
        _NEXT.c.id.label("reopened_by"),
    )
    .join(MEMBER, MEMBER.c.id == FOLLOW_UP.c.member_id)
    .join(GESTURE, GESTURE.c.id == FOLLOW_UP.c.gesture_id)
    .join(PROGRAM, PROGRAM.c.id == FOLLOW_UP.c.program_id)
    .outerjoin(_NEXT, _NEXT.c.reopens == FOLLOW_UP.c.id)
)


def find_follow_up(follow_up_id: str) -> Row | None:
    """Return a follow-up of any program."""
    return _one(_SHOWN.where(FOLLOW_UP.c.id == follow_up_id))


def lock_follow_up(follow_up_id: str) -> Row | None:
    """Return the same, locked."""
    return _one(_SHOWN.where(FOLLOW_UP.c.id == follow_up_id).with_for_update(of=FOLLOW_UP))


def list_follow_ups(
    program_id: str,
    *,
    state: str | None,
    member: str | None,
    gesture_id: str | None,
    now: datetime,
    beyond: Place | None,
    limit: int,
) -> list[Row]:
    """Return follow-ups: what is to be done in the order of time, what was done backwards."""
    query = _SHOWN.where(FOLLOW_UP.c.program_id == program_id)
    if state is not None:
        query = query.where(*_in_state(state, now))
    if member is not None:
        query = query.where(MEMBER.c.external_id == member)
    if gesture_id is not None:
        query = query.where(FOLLOW_UP.c.gesture_id == gesture_id)
    place = (FOLLOW_UP.c.due_at, FOLLOW_UP.c.id)
    is_to_do = state in {"open", "due"}
    if beyond is not None:
        there = tuple_(literal(beyond[0], FOLLOW_UP.c.due_at.type), literal(beyond[1]))
        query = query.where(tuple_(*place) > there if is_to_do else tuple_(*place) < there)
    order = place if is_to_do else tuple(column.desc() for column in place)
    return _all(query.order_by(*order).limit(limit))


def list_gestures_of_cases(follow_up_ids: Collection[str]) -> list[Row]:
    """Return what was given in the case of each of these follow-ups, oldest first.

    A case is what has the same reference, else the same order, else the one gesture.
    """
    same_case = or_(
        _OF_CASE.c.id == GESTURE.c.id,
        _OF_CASE.c.case_ref == GESTURE.c.case_ref,
        GESTURE.c.case_ref.is_(None) & (_OF_CASE.c.order_ref == GESTURE.c.order_ref),
    )
    return _all(
        select(
            FOLLOW_UP.c.id.label("follow_up_id"),
            *(
                _OF_CASE.c[name]
                for name in ("id", "type", "reason", "kind", "points", "amount", "currency")
            ),
            *(_OF_CASE.c[name] for name in ("state", "agent", "issued_at")),
        )
        .join(GESTURE, GESTURE.c.id == FOLLOW_UP.c.gesture_id)
        .join(_OF_CASE, (_OF_CASE.c.member_id == GESTURE.c.member_id) & same_case)
        .where(FOLLOW_UP.c.id.in_(list(follow_up_ids)), _OF_CASE.c.state.in_((ISSUED, REVOKED)))
        .order_by(_OF_CASE.c.issued_at, _OF_CASE.c.id)
    )


def list_programs_with_untold(now: datetime) -> Sequence[str]:
    """Return the programs with a follow-up that became due untold, by each program's clock."""
    present = func.coalesce(PROGRAM.c.test_now, literal(now, PROGRAM.c.test_now.type))
    untold = exists().where(
        FOLLOW_UP.c.program_id == PROGRAM.c.id, _is_untold(), FOLLOW_UP.c.due_at <= present
    )
    return db.connection().scalars(select(PROGRAM.c.id).where(untold)).all()


def claim_untold(program_id: str, *, now: datetime, limit: int) -> list[Row]:
    """Lock up to `limit` follow-ups that became due untold, and that nobody else works on."""
    return _all(
        select(FOLLOW_UP)
        .join(MEMBER, MEMBER.c.id == FOLLOW_UP.c.member_id)
        .where(FOLLOW_UP.c.program_id == program_id, _is_untold(), FOLLOW_UP.c.due_at <= now)
        .where(MEMBER.c.status != ERASED)
        .order_by(FOLLOW_UP.c.due_at)
        .limit(limit)
        .with_for_update(of=FOLLOW_UP, skip_locked=True)
    )


def get_program(program_id: str) -> Row:
    """Return the tenant's version and clock."""
    row = db.connection().execute(
        select(PROGRAM.c.version, PROGRAM.c.test_now).where(PROGRAM.c.id == program_id)
    )
    return dict(row.mappings().one())


def _is_untold() -> ColumnElement[bool]:
    return FOLLOW_UP.c.told_at.is_(None) & FOLLOW_UP.c.completed_at.is_(None)


def _in_state(state: str, now: datetime) -> list[ColumnElement[bool]]:
    if state == "completed":
        return [FOLLOW_UP.c.completed_at.is_not(None)]
    is_due = FOLLOW_UP.c.due_at <= now
    return [FOLLOW_UP.c.completed_at.is_(None), is_due if state == "due" else ~is_due]


def _all(query: Select[Any]) -> list[Row]:
    return [dict(row) for row in db.connection().execute(query).mappings()]


def _one(query: Select[Any]) -> Row | None:
    row = db.connection().execute(query).mappings().one_or_none()
    return None if row is None else dict(row)
