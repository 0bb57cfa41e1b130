"""Events: one row per change of value, written in the transaction of the change.

An event names its member by id only and carries no personal data, so that it
can outlive the person.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation import ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.db import Base, Id


class Event(Base):
    """Something of value happened; `data` holds ids and numbers."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "program_id", "id"), Index(None, "member_id", "id"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    member_id: Mapped[str | None] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(64))
    data: Mapped[dict[str, Any]]
    request_id: Mapped[str | None] = mapped_column(String(128))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


def record(
    changes: Changes,
    name: str,
    *,
    program_id: str,
    member_id: str | None,
    data: dict[str, Any],
    request_id: str | None,
    occurred_at: datetime,
    now: datetime,
) -> None:
    """Add an event to the changes of the running transaction."""
    changes.insert(
        Event,
        {
            "id": ids.new_id("evt"),
            "program_id": program_id,
            "member_id": member_id,
            "name": name,
            "data": data,
            "request_id": request_id,
            "occurred_at": occurred_at,
            "recorded_at": now,
        },
    )
