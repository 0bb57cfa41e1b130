"""The member's row: profile, running statistics, and the pointer a merge leaves behind."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id

ACTIVE, MERGED, ERASED = "active", "merged", "erased"
PERSONAL = (
    "email",
    "email_key",
    "name",
    "phone",
    "birthday",
    "locale",
    "country",
    "referral_code",
    "contact",
    "metadata",
)


class Member(Base):
    """A customer of one program.

    `orders`, `spend` (minor units, net of refunds) and `last_order_at` are kept
    by the orders. `referral_pending` says that the member was referred and has yet to buy what
    makes it count. A merged member points at the one it became, which is never
    merged itself. An erased one has nothing personal left.
    """

    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("program_id", "external_id"),
        UniqueConstraint("program_id", "referral_code", name="uq_member_referral_code"),
        Index("ix_member_email_key", "program_id", "email_key", "id"),
        Index("ix_member_listed", "program_id", "id"),
        Index("ix_member_merged_into", "merged_into"),
        Index(
            "ix_member_tier_until",
            "program_id",
            "tier_until",
            postgresql_where=text("tier_until IS NOT NULL"),
            sqlite_where=text("tier_until IS NOT NULL"),
        ),
        CheckConstraint("status IN ('active', 'merged', 'erased')", name="status"),
        CheckConstraint("status <> 'merged' OR merged_into IS NOT NULL", name="merged"),
        CheckConstraint("merged_into IS NULL OR status <> 'active'", name="active"),
        CheckConstraint("merged_into <> id", name="merged_into_another"),
        CheckConstraint(
            "status <> 'erased' OR (" + " AND ".join(f"{name} IS NULL" for name in PERSONAL) + ")",
            name="erased",
        ),
        CheckConstraint("(email IS NULL) = (email_key IS NULL)", name="email_key"),
        CheckConstraint("orders >= 0 AND spend >= 0", name="stats"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    external_id: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(8))
    email: Mapped[str | None] = mapped_column(String(320))
    email_key: Mapped[str | None] = mapped_column(String(320))
    name: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(40))
    birthday: Mapped[date | None]
    locale: Mapped[str | None] = mapped_column(String(35))
    country: Mapped[str | None] = mapped_column(String(2))
    joined_at: Mapped[datetime]
    referral_code: Mapped[str | None] = mapped_column(String(32))
    contact: Mapped[dict[str, Any] | None]
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    tier: Mapped[str | None] = mapped_column(String(63))
    tier_until: Mapped[datetime | None]
    orders: Mapped[int]
    spend: Mapped[int] = mapped_column(BigInt)
    last_order_at: Mapped[datetime | None]
    referral_pending: Mapped[bool] = mapped_column(server_default=text("false"))
    merged_into: Mapped[str | None] = mapped_column(Id, ForeignKey("member.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
