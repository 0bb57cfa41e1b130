"""Every version of every program's document, as it was applied. Rows never change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, Id


class ProgramVersion(Base):
    """One version of a program document; `program.version` says which one is in force."""

    __tablename__ = "program_version"
    __table_args__ = (CheckConstraint("version >= 1", name="version"),)

    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]]
    actor: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]
