"""Reading the audit trail; writing it is `loyalty.foundation.audit`'s matter."""

from __future__ import annotations

from typing import Any

from loyalty.access import queries
from loyalty.foundation.call import Call


def list_audit(
    call: Call,
    *,
    subject: str | None,
    actor: str | None,
    action: str | None,
    before: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return up to `limit` acts in the program, newest first, from below an id."""
    rows = queries.list_audit(
        call.program_id, subject=subject, actor=actor, action=action, before=before, limit=limit
    )
    return [
        {**row, "subject": {"type": row["subject_type"], "id": row["subject_id"]}} for row in rows
    ]
