"""Reading members as people to write to, and the contacts made."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, exists, func, select

from loyalty.foundation import db
from loyalty.foundation.db import table_of
from loyalty.foundation.tenancy import Program
from loyalty.members.models import ERASED, Member
from loyalty.recovery.contact.models import ContactMade
from loyalty.recovery.follow_ups.models import NO_ANSWER, FollowUp
from loyalty.recovery.models import PENDING, RECOVERY, Gesture

ASKED = table_of(Member).alias("asked")
MEMBER = table_of(Member).alias("member")
PROGRAM = table_of(Program)
CONTACT = table_of(ContactMade)
FOLLOW_UP = table_of(FollowUp)
GESTURE = table_of(Gesture)

Row = dict[str, Any]

_PERSON = (
    select(
        MEMBER.c.id,
        MEMBER.c.external_id,
        MEMBER.c.status,
        MEMBER.c.contact,
        PROGRAM.c.version,
        PROGRAM.c.test_now,
    )
    .select_from(ASKED)
    .join(MEMBER, MEMBER.c.id == func.coalesce(ASKED.c.merged_into, ASKED.c.id))
    .join(PROGRAM, PROGRAM.c.id == ASKED.c.program_id)
)


def find_person(program_id: str, external_id: str) -> Row | None:
    """Return a member, or the one it was merged into, with the tenant's version and clock."""
    return _one(_by_external_id(program_id, external_id))


def lock_person(program_id: str, external_id: str) -> Row | None:
    """Return the same with the member's row locked."""
    return _one(_by_external_id(program_id, external_id).with_for_update(of=MEMBER))


def find_counted(member_id: str, count: int, *, until: datetime) -> datetime | None:
    """Return when the `count`th newest contact up to a moment was, or None if there were fewer."""
    found = db.connection().scalar(
        select(CONTACT.c.occurred_at)
        .where(CONTACT.c.member_id == member_id, CONTACT.c.occurred_at <= until)
        .order_by(CONTACT.c.occurred_at.desc())
        .offset(count - 1)
        .limit(1)
    )
    return cast("datetime | None", found)


def get_standing(member_id: str, now: datetime) -> Row:
    """Return whether a case is open, a gesture pending, and what was answered last.

    A gift that was given unasked is followed up too, but it is no case.
    """
    own = FOLLOW_UP.c.member_id == member_id
    of_gesture = (GESTURE.c.id == FOLLOW_UP.c.gesture_id) & (GESTURE.c.type == RECOVERY)
    is_open = exists().where(own, FOLLOW_UP.c.completed_at.is_(None), of_gesture)
    last = (
        select(FOLLOW_UP.c.result)
        .where(own, FOLLOW_UP.c.result.is_not(None), FOLLOW_UP.c.result != NO_ANSWER)
        .order_by(FOLLOW_UP.c.completed_at.desc(), FOLLOW_UP.c.id.desc())
        .limit(1)
    )
    pending = exists().where(
        GESTURE.c.member_id == member_id,
        GESTURE.c.state == PENDING,
        GESTURE.c.expires_at > now,
    )
    found = _one(
        select(
            is_open.label("has_open_case"),
            pending.label("has_pending_gesture"),
            last.scalar_subquery().label("last_result"),
        )
    )
    return cast("Row", found)


def _by_external_id(program_id: str, external_id: str) -> Select[Any]:
    return _PERSON.where(
        ASKED.c.program_id == program_id,
        ASKED.c.external_id == external_id,
        MEMBER.c.status != ERASED,
    )


def _one(query: Select[Any]) -> Row | None:
    row = db.connection().execute(query).mappings().one_or_none()
    return None if row is None else dict(row)
