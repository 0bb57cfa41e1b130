"""Orders as they were recorded, what they earned under which terms, and what came back.

Terms, facts and schedule are pinned beside the order: refunds are worked out
with them, whatever the program says by then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id


class Order(Base):
    """A paid order; amounts in minor units, `member_id` is NULL for a guest.

    `granted` is what it earned when it was recorded, `entitled` what the pinned
    terms give for what is left of it, `clawed` what was taken back so far and
    `forgiven` what should have been but nobody had.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("program_id", "external_id"),
        Index("ix_orders_member", "member_id", "placed_at"),
        CheckConstraint("total >= 0 AND tax >= 0 AND shipping >= 0", name="amounts"),
        CheckConstraint(
            "gift_cards >= 0 AND paid_with_points >= 0 AND paid_with_stored_value >= 0",
            name="tenders",
        ),
        CheckConstraint("refunded >= 0 AND refunded <= total", name="refunded"),
        CheckConstraint("granted >= 0 AND entitled >= 0 AND entitled <= granted", name="entitled"),
        CheckConstraint("clawed >= 0 AND forgiven >= 0", name="clawed"),
        CheckConstraint("clawed + forgiven <= granted", name="taken_once"),
        CheckConstraint("state IN ('paid', 'refunded', 'cancelled')", name="state"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    external_id: Mapped[str] = mapped_column(String(255))
    member_id: Mapped[str | None] = mapped_column(Id, ForeignKey("member.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(9))
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[int] = mapped_column(BigInt)
    tax: Mapped[int] = mapped_column(BigInt)
    shipping: Mapped[int] = mapped_column(BigInt)
    gift_cards: Mapped[int] = mapped_column(BigInt)
    paid_with_points: Mapped[int] = mapped_column(BigInt)
    paid_with_stored_value: Mapped[int] = mapped_column(BigInt)
    basis: Mapped[int] = mapped_column(BigInt)
    lines: Mapped[list[Any]]
    channel: Mapped[str | None] = mapped_column(String(64))
    country: Mapped[str | None] = mapped_column(String(2))
    referral_code: Mapped[str | None] = mapped_column(String(32))
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    terms_version: Mapped[int]
    facts: Mapped[dict[str, Any] | None]
    breakdown: Mapped[list[Any]]
    explanation: Mapped[str | None] = mapped_column(Text)
    granted: Mapped[int] = mapped_column(BigInt)
    entitled: Mapped[int] = mapped_column(BigInt)
    clawed: Mapped[int] = mapped_column(BigInt)
    forgiven: Mapped[int] = mapped_column(BigInt)
    refunded: Mapped[int] = mapped_column(BigInt)
    available_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    placed_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class Refund(Base):
    """One refund, or the cancelling of what was left; an undone cancel stays on record."""

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("order_id", "external_id"),
        CheckConstraint("kind IN ('refund', 'cancel')", name="kind"),
        CheckConstraint("amount > 0 OR (kind = 'cancel' AND amount = 0)", name="amount"),
        CheckConstraint("kind = 'cancel' OR undone_at IS NULL", name="undone"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    order_id: Mapped[str] = mapped_column(Id, ForeignKey("orders.id"))
    external_id: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(6))
    amount: Mapped[int] = mapped_column(BigInt)
    lines: Mapped[dict[str, Any]]
    fingerprint: Mapped[str] = mapped_column(String(64))
    clawed_pending: Mapped[int] = mapped_column(BigInt)
    clawed_available: Mapped[int] = mapped_column(BigInt)
    clawed_debt: Mapped[int] = mapped_column(BigInt)
    forgiven: Mapped[int] = mapped_column(BigInt)
    returned: Mapped[int] = mapped_column(BigInt)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class Action(Base):
    """Something a member did that is no purchase; its own id makes it count once."""

    __tablename__ = "action"
    __table_args__ = (
        UniqueConstraint("program_id", "external_id"),
        Index(None, "member_id", "type", "occurred_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    external_id: Mapped[str] = mapped_column(String(255))
    member_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"))
    type: Mapped[str] = mapped_column(String(63))
    fingerprint: Mapped[str] = mapped_column(String(64))
    granted: Mapped[int] = mapped_column(BigInt)
    breakdown: Mapped[list[Any]]
    available_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class RuleUse(Base):
    """A rule with a limit that gave points to a member, counted against the limit."""

    __tablename__ = "rule_use"
    __table_args__ = (CheckConstraint("points > 0", name="points"),)

    member_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"), primary_key=True)
    rule_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    points: Mapped[int] = mapped_column(BigInt)
    at: Mapped[datetime]
