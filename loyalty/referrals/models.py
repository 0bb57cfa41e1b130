"""Who brought whom, what became of it, and by which signals people are told apart.

The order that qualified a referral is named by the shop's id, and what is left of it is kept
beside it: orders live on a floor above.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id

PENDING, FLAGGED, QUALIFIED = "pending", "flagged", "qualified"
REJECTED, VOIDED, REWARDED = "rejected", "voided", "rewarded"
STORED = (PENDING, FLAGGED, QUALIFIED, REJECTED, VOIDED)
STATES = (*STORED, REWARDED)
"""A qualified referral is rewarded once `available_at` is past, which nobody has to write down."""

SIDES = ("advocate", "referee")
SIGNALS = ("ip", "device", "payment", "address", "phone")


class Referral(Base):
    """One member brought by another; nobody is brought twice, what was rejected apart.

    `flags` are the codes of what was noticed. `order_left` is what is left of the order that
    qualifies it, money alone, in minor units; `min_order` and `terms_version` are pinned with it.
    For each side: the points granted, those that are taken back or forgiven at present, the
    voucher issued, and its units that are taken back. `turns` counts how often the rewards were
    taken or given back.
    """

    __tablename__ = "referral"
    __table_args__ = (
        Index(
            "uq_referral_referee",
            "program_id",
            "referee_id",
            unique=True,
            postgresql_where=text("state <> 'rejected'"),
            sqlite_where=text("state <> 'rejected'"),
        ),
        Index(None, "program_id", "id"),
        Index(None, "program_id", "state", "id"),
        Index(None, "advocate_id", "id"),
        Index(None, "referee_id"),
        Index(
            "ix_referral_order",
            "program_id",
            "order_ref",
            postgresql_where=text("order_ref IS NOT NULL"),
            sqlite_where=text("order_ref IS NOT NULL"),
        ),
        CheckConstraint(f"state IN {STORED}", name="state"),
        CheckConstraint("advocate_id <> referee_id OR state IN ('rejected', 'voided')", name="two"),
        CheckConstraint(
            "state NOT IN ('qualified', 'voided') OR order_ref IS NOT NULL", name="bought"
        ),
        CheckConstraint(
            "(order_ref IS NULL) = (order_left IS NULL) AND order_left >= 0", name="order"
        ),
        CheckConstraint(
            "advocate_clawed + advocate_forgiven <= advocate_points", name="advocate_taken"
        ),
        CheckConstraint(
            "referee_clawed + referee_forgiven <= referee_points", name="referee_taken"
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    advocate_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"))
    referee_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"))
    code: Mapped[str | None] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(9))
    flags: Mapped[list[Any]]
    order_ref: Mapped[str | None] = mapped_column(String(255))
    order_left: Mapped[int | None] = mapped_column(BigInt)
    placed_at: Mapped[datetime | None]
    min_order: Mapped[int | None] = mapped_column(BigInt)
    terms_version: Mapped[int | None]
    qualified_at: Mapped[datetime | None]
    available_at: Mapped[datetime | None]
    decision: Mapped[str | None] = mapped_column(String(8))
    decided_by: Mapped[str | None] = mapped_column(String(128))
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text)
    advocate_points: Mapped[int] = mapped_column(BigInt)
    advocate_clawed: Mapped[int] = mapped_column(BigInt)
    advocate_forgiven: Mapped[int] = mapped_column(BigInt)
    advocate_voucher_id: Mapped[str | None] = mapped_column(Id, ForeignKey("voucher.id"))
    advocate_units_taken: Mapped[int | None] = mapped_column(BigInt)
    referee_points: Mapped[int] = mapped_column(BigInt)
    referee_clawed: Mapped[int] = mapped_column(BigInt)
    referee_forgiven: Mapped[int] = mapped_column(BigInt)
    referee_voucher_id: Mapped[str | None] = mapped_column(Id, ForeignKey("voucher.id"))
    referee_units_taken: Mapped[int | None] = mapped_column(BigInt)
    turns: Mapped[int]
    created_at: Mapped[datetime]


class ReferralSignal(Base):
    """A keyed hash of something seen with a member; what it was cannot be read from it."""

    __tablename__ = "referral_signal"
    __table_args__ = (
        Index(None, "program_id", "digest"),
        CheckConstraint(f"kind IN {SIGNALS}", name="kind"),
    )

    member_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    created_at: Mapped[datetime]
