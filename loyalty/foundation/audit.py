"""The audit trail: who did what to what, one immutable row per act of a person or a key.

It covers what people decide (gestures, approvals, revocations, staff, keys, terms); what moves
value is in the ledger as well. Rows name members by id only; `data` holds ids and numbers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation import ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.db import Base, Id


class AuditRecord(Base):
    """One act: `action` is `<thing>.<past participle>`, the subject is what it was done to."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "program_id", "id"),
        Index(None, "program_id", "subject_id", "id"),
        Index(None, "program_id", "actor", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    actor: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(64))
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(255))
    data: Mapped[dict[str, Any]]
    request_id: Mapped[str | None] = mapped_column(String(128))
    recorded_at: Mapped[datetime]


def record(
    changes: Changes,
    call: Call,
    action: str,
    *,
    subject: tuple[str, str],
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Add an act of the call's actor to the changes; `subject` is (type, id)."""
    changes.insert(
        AuditRecord,
        {
            "id": ids.new_id("aud"),
            "program_id": call.program_id,
            "actor": call.actor,
            "action": action,
            "subject_type": subject[0],
            "subject_id": subject[1],
            "data": data or {},
            "request_id": call.request_id,
            "recorded_at": now,
        },
    )
