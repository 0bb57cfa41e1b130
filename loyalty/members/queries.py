"""Reading and changing members, by the shop's own id, the email's key or the referral code.

Rows are dicts of the table's columns; `merged_into_external_id` is added where
a member is shown. Members with their accounts are `members.accounts`' matter.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import Select, Table, or_, select, update

from loyalty.foundation import db
from loyalty.foundation.tenancy import Program
from loyalty.members.models import ERASED, Member

Row = dict[str, Any]

MEMBER = cast("Table", Member.__table__)
_TARGET = MEMBER.alias("target")
_SHOWN = select(MEMBER, _TARGET.c.external_id.label("merged_into_external_id")).outerjoin(
    _TARGET, _TARGET.c.id == MEMBER.c.merged_into
)


def get_program(program_id: str) -> Program:
    """Return the tenant's row, which holds the test clock."""
    return db.session.get_one(Program, program_id, populate_existing=True)


def find_member(program_id: str, external_id: str) -> Row | None:
    """Return a member as it is shown."""
    return _one(
        _SHOWN.where(MEMBER.c.program_id == program_id, MEMBER.c.external_id == external_id)
    )


def find_external_id(program_id: str, member_id: str) -> str | None:
    """Return the shop's id of a member that is not erased."""
    found: str | None = db.connection().scalar(
        select(MEMBER.c.external_id).where(
            MEMBER.c.id == member_id,
            MEMBER.c.program_id == program_id,
            MEMBER.c.status != ERASED,
        )
    )
    return found


def lock_members(program_id: str, external_ids: Collection[str]) -> dict[str, Row]:
    """Lock members in the order of their ids; return those that exist, by the shop's id."""
    rows = _all(
        select(MEMBER)
        .where(MEMBER.c.program_id == program_id, MEMBER.c.external_id.in_(list(external_ids)))
        .order_by(MEMBER.c.id)
        .with_for_update()
    )
    return {row["external_id"]: row for row in rows}


def lock_person(member_id: str) -> list[Row]:
    """Lock a member and all that were merged into it, in the order of their ids."""
    return _all(
        select(MEMBER)
        .where(or_(MEMBER.c.id == member_id, MEMBER.c.merged_into == member_id))
        .order_by(MEMBER.c.id)
        .with_for_update()
    )


def list_merged(member_id: str) -> list[Row]:
    """Return the members that were merged into one, oldest first."""
    return _all(select(MEMBER).where(MEMBER.c.merged_into == member_id).order_by(MEMBER.c.id))


def find_referral_code_holder(program_id: str, code: str) -> str | None:
    """Return the shop's id of the member whose code this is."""
    found: str | None = db.connection().scalar(
        select(MEMBER.c.external_id).where(
            MEMBER.c.program_id == program_id, MEMBER.c.referral_code == code
        )
    )
    return found


def list_members(
    program_id: str, *, email_key: str | None, before: str | None, limit: int
) -> list[Row]:
    """Return members that are not erased, newest first, from below an id."""
    query = _SHOWN.where(MEMBER.c.program_id == program_id, MEMBER.c.status != ERASED)
    if email_key is not None:
        query = query.where(MEMBER.c.email_key == email_key)
    if before is not None:
        query = query.where(MEMBER.c.id < before)
    return _all(query.order_by(MEMBER.c.id.desc()).limit(limit))


def repoint(old_id: str, new_id: str) -> None:
    """Let all that point at one member point at another, so that every pointer is one step long."""
    db.connection().execute(
        update(MEMBER).where(MEMBER.c.merged_into == old_id).values(merged_into=new_id)
    )


def _all(query: Select[Any]) -> list[Row]:
    return [dict(row) for row in db.connection().execute(query).mappings()]


def _one(query: Select[Any]) -> Row | None:
    row = db.connection().execute(query).mappings().one_or_none()
    return None if row is None else dict(row)
