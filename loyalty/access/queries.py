"""Reading API keys."""

from __future__ import annotations

from sqlalchemy import select

from loyalty.access.models import ApiKey
from loyalty.foundation import db
from loyalty.foundation.tenancy import Program


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
