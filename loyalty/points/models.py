"""What people write beside an entry; kept apart, so that it can be erased."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, Id


class EntryNote(Base):
    """The reason (shown to the member) and the note (never shown) of an adjustment."""

    __tablename__ = "entry_note"

    entry_id: Mapped[str] = mapped_column(Id, ForeignKey("entry.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    reason: Mapped[str] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(Text)
