"""The tenant: one row per program, with its mode, its clock and the version in force.

The document behind a version belongs to `loyalty.programs`; this row is what
every request needs first.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, Id


class Program(Base):
    """A program is the tenant; `test` programs have a clock that can be set."""

    __tablename__ = "program"
    __table_args__ = (
        CheckConstraint("mode IN ('live', 'test')", name="mode"),
        CheckConstraint("mode = 'test' OR test_now IS NULL", name="clock_of_test_only"),
        CheckConstraint("version >= 1", name="version"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    mode: Mapped[str] = mapped_column(String(8))
    version: Mapped[int]
    test_now: Mapped[datetime | None]
    created_at: Mapped[datetime]
