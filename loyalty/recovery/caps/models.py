"""The gate of a program, and what is used under its caps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id


class RecoveryGate(Base):
    """One row per program, locked by whoever gives: gestures are given one after the other.

    `last_at` is when the last one was given; `kept` are the fingerprints of the caps whose rows of
    `CapUsage` have counted every gesture since they were made.
    """

    __tablename__ = "recovery_gate"

    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"), primary_key=True)
    last_at: Mapped[datetime]
    kept: Mapped[list[Any]]


class CapUsage(Base):
    """What was given after `since` to (or by) whom `key` names, of what the cap looks at.

    The row of a rolling window is brought forward by whoever touches it; there is none until then.
    """

    __tablename__ = "cap_usage"
    __table_args__ = (CheckConstraint("used_value >= 0 AND used_count >= 0", name="used"),)

    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"), primary_key=True)
    cap: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    used_value: Mapped[int] = mapped_column(BigInt)
    used_count: Mapped[int] = mapped_column(BigInt)
    since: Mapped[datetime]
