"""What people write beside an entry, kept apart so that it can be erased, and opening balances."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id


class EntryNote(Base):
    """The reason (shown to the member) and the note (never shown) of an adjustment."""

    __tablename__ = "entry_note"

    entry_id: Mapped[str] = mapped_column(Id, ForeignKey("entry.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    reason: Mapped[str] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(Text)


class Opening(Base):
    """Points that a member brought along from elsewhere; its own id makes it count once."""

    __tablename__ = "opening"
    __table_args__ = (CheckConstraint("points > 0", name="points"),)

    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    account_id: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    points: Mapped[int] = mapped_column(BigInt)
    recorded_at: Mapped[datetime]
