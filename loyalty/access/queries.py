"""Reading API keys, the staff and the audit trail."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select

from loyalty.access.models import ApiKey, Staff, StaffRole
from loyalty.foundation import db
from loyalty.foundation.audit import AuditRecord
from loyalty.foundation.tenancy import Program

AUDIT = db.table_of(AuditRecord)


def find_key(digest: str, mode: str) -> ApiKey | None:
    """Return the key with this digest, unless it is revoked or its program is of the other mode."""
    return db.session.scalar(
        select(ApiKey)
        .join(Program, Program.id == ApiKey.program_id)
        .where(ApiKey.digest == digest, ApiKey.revoked_at.is_(None), Program.mode == mode)
    )


def get_key(key_id: str) -> ApiKey | None:
    """Return a key, locked for change."""
    return db.session.get(ApiKey, key_id, with_for_update=True, populate_existing=True)


def list_keys(program_id: str | None) -> list[tuple[ApiKey, str]]:
    """Return the keys of one program, or of all, each with its program's slug."""
    query = (
        select(ApiKey, Program.slug)
        .join(Program, Program.id == ApiKey.program_id)
        .order_by(Program.slug, ApiKey.id)
    )
    if program_id is not None:
        query = query.where(ApiKey.program_id == program_id)
    return [(key, slug) for key, slug in db.session.execute(query)]


def find_role_by_agent(program_id: str, agent: str) -> tuple[StaffRole, Staff] | None:
    """Return who works in a program under this name or with this address, in small letters."""
    query = (
        select(StaffRole, Staff)
        .join(Staff, Staff.id == StaffRole.staff_id)
        .where(
            StaffRole.program_id == program_id,
            or_(StaffRole.agent == agent, Staff.email == agent),
        )
        .order_by(StaffRole.agent != agent)
        .limit(1)
        .execution_options(populate_existing=True)
    )
    row = db.session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def find_staff(email_key: str) -> Staff | None:
    """Return the person with this mailbox, locked for change."""
    return db.session.scalar(
        select(Staff)
        .where(Staff.email_key == email_key)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def list_roles_of(staff_id: str) -> list[StaffRole]:
    """Return what a person is, by program."""
    query = select(StaffRole).where(StaffRole.staff_id == staff_id).order_by(StaffRole.program_id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def find_agent_holder(program_id: str, agent: str) -> str | None:
    """Return the id of the person who has this name in a program."""
    return db.session.scalar(
        select(StaffRole.staff_id).where(
            StaffRole.program_id == program_id, StaffRole.agent == agent
        )
    )


def list_staff(program_id: str | None) -> list[tuple[Staff, StaffRole, str]]:
    """Return the staff of one program, or of all, each with role and the program's slug."""
    query = (
        select(Staff, StaffRole, Program.slug)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .join(Program, Program.id == StaffRole.program_id)
        .order_by(Program.slug, StaffRole.agent)
    )
    if program_id is not None:
        query = query.where(StaffRole.program_id == program_id)
    return [(person, role, slug) for person, role, slug in db.session.execute(query)]


def list_audit(
    program_id: str,
    *,
    subject: str | None,
    actor: str | None,
    action: str | None,
    before: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return acts, newest first, from below an id."""
    query = select(AUDIT).where(AUDIT.c.program_id == program_id)
    for column, wanted in (
        (AUDIT.c.subject_id, subject),
        (AUDIT.c.actor, actor),
        (AUDIT.c.action, action),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        query = query.where(AUDIT.c.id < before)
    rows = db.connection().execute(query.order_by(AUDIT.c.id.desc()).limit(limit))
    return [dict(row) for row in rows.mappings()]
