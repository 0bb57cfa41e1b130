"""The gesture's row: what was asked for and by whom, what was decided, and what it counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id

RECOVERY, PROACTIVE = "recovery", "proactive"
TYPES = (RECOVERY, PROACTIVE)
VOUCHER, POINTS, STORED_VALUE = "voucher", "points", "stored_value"
FEE_WAIVER, REFUND = "fee_waiver", "refund"
KINDS = (VOUCHER, POINTS, STORED_VALUE, FEE_WAIVER, REFUND)
PENDING, ISSUED, REJECTED = "pending_approval", "issued", "rejected"
EXPIRED, WITHDRAWN, REVOKED = "expired", "withdrawn", "revoked"
STATES = (PENDING, ISSUED, REJECTED, EXPIRED, WITHDRAWN, REVOKED)
REQUESTED, DONE, CALLED_OFF = "requested", "done", "called_off"
REFUND_STATES = (REQUESTED, DONE, CALLED_OFF)

_COUNTS = text("freed_at IS NULL")
_WAITS = text("state = 'pending_approval'")
_IS_PRECEDENT = "freed_at IS NULL AND state = 'issued' AND exception = {}"


def _counting(name: str, *columns: str) -> Index:
    return Index(f"ix_gesture_by_{name}", *columns, postgresql_where=_COUNTS, sqlite_where=_COUNTS)


class Gesture(Base):
    """What support gave, or asks to give, to a member.

    `at` is when it was asked for, by the gate's time; it counts against the caps from then on
    with `value_minor` less `freed_minor`, until `freed_at`. `life` is how long its voucher lives
    once it is issued. `caps` and `precedent` are the arithmetic at the time of the request.
    """

    __tablename__ = "gesture"
    __table_args__ = (
        Index("ix_gesture_listed", "program_id", "id"),
        Index("ix_gesture_member_listed", "member_id", "id"),
        _counting("program", "program_id", "at"),
        _counting("member", "program_id", "member_id", "at"),
        _counting("agent", "program_id", "agent", "at"),
        _counting("role", "program_id", "role", "at"),
        _counting("reason", "program_id", "reason", "at"),
        _counting("order", "program_id", "order_ref", "at"),
        Index(
            "ix_gesture_waiting",
            *("program_id", "expires_at"),
            postgresql_where=_WAITS,
            sqlite_where=_WAITS,
        ),
        Index(
            "ix_gesture_precedent",
            *("program_id", "reason", "at"),
            postgresql_where=text(_IS_PRECEDENT.format("false")),
            sqlite_where=text(_IS_PRECEDENT.format("0")),
        ),
        CheckConstraint(f"type IN {TYPES}", name="type"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint(f"refund_state IN {REFUND_STATES}", name="refund_state"),
        CheckConstraint("(kind = 'points') = (points IS NOT NULL)", name="points"),
        CheckConstraint("(kind = 'points') = (amount IS NULL)", name="amount"),
        CheckConstraint("value_minor > 0 AND points > 0 AND amount > 0", name="positive"),
        CheckConstraint("freed_minor >= 0 AND freed_minor <= value_minor", name="freed"),
        CheckConstraint(
            "state NOT IN ('rejected', 'expired', 'withdrawn') OR freed_at IS NOT NULL",
            name="given_up",
        ),
        CheckConstraint(
            "state IN ('issued', 'revoked') OR (voucher_id IS NULL AND entry_id IS NULL)",
            name="given",
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    member_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"))
    type: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    points: Mapped[int | None] = mapped_column(BigInt)
    amount: Mapped[int | None] = mapped_column(BigInt)
    currency: Mapped[str] = mapped_column(String(3))
    value_minor: Mapped[int] = mapped_column(BigInt)
    life: Mapped[str | None] = mapped_column(String(64))
    order_ref: Mapped[str | None] = mapped_column(String(255))
    case_ref: Mapped[str | None] = mapped_column(String(255))
    agent: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(16))
    note_internal: Mapped[str | None] = mapped_column(Text)
    message_to_customer: Mapped[str | None] = mapped_column(Text)
    exception: Mapped[bool]
    state: Mapped[str] = mapped_column(String(16))
    voucher_id: Mapped[str | None] = mapped_column(Id, ForeignKey("voucher.id"))
    entry_id: Mapped[str | None] = mapped_column(Id)
    refund_state: Mapped[str | None] = mapped_column(String(16))
    caps: Mapped[list[Any]]
    precedent: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(100))
    decision_note: Mapped[str | None] = mapped_column(Text)
    issued_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(100))
    revocation_note: Mapped[str | None] = mapped_column(Text)
    freed_at: Mapped[datetime | None]
    freed_minor: Mapped[int] = mapped_column(BigInt)
    actor: Mapped[str] = mapped_column(String(128))
