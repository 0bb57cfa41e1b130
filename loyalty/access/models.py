"""API keys and the staff: who may act in a program, and in which role.

Of a key only a keyed hash is stored and what people recognise it by; of a password its Argon2 hash.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, Id


class ApiKey(Base):
    """A server's key for one program; `digest` is HMAC-SHA256 of the key, in hex."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="digest"),
        CheckConstraint("revoked_at IS NULL OR revoked_at >= created_at", name="revoked"),
        Index(None, "program_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    name: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    prefix: Mapped[str] = mapped_column(String(16))
    last4: Mapped[str] = mapped_column(String(4))
    scopes: Mapped[list[Any]]
    agent: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Staff(Base):
    """A person who works for one shop or several; `email_key` is one for all spellings."""

    __tablename__ = "staff"
    __table_args__ = (CheckConstraint("status IN ('active', 'disabled')", name="status"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str | None] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class StaffRole(Base):
    """What a person is in one program; `agent` is the name under which they give gestures."""

    __tablename__ = "staff_role"
    __table_args__ = (
        CheckConstraint("role IN ('agent', 'supervisor', 'admin', 'analyst')", name="role"),
        UniqueConstraint("program_id", "agent"),
    )

    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(Id, ForeignKey("staff.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    agent: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
