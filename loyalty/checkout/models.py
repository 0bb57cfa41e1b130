"""What a reservation adds to the ledger's hold: its worth, and the order it pays for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id

POINTS, STORED_VALUE, DISCOUNT = "points", "stored_value", "discount"
TENDERS = (POINTS, STORED_VALUE, DISCOUNT)


class Reservation(Base):
    """Points or a voucher for an order; state, units and expiry are those of the hold with its id.

    `tender` says what is held: points and stored value pay, a discount lowers the price. A
    voucher may be held for nobody we know; `person` is the email key of whom it is held for,
    where uses are counted by person. `stack_slot` is taken on the order while a discount is
    captured for it: a second one that stacking does not allow finds it taken. `actor` made it;
    of the oldest it is not known.
    """

    __tablename__ = "reservation"
    __table_args__ = (
        UniqueConstraint("program_id", "order_ref", "stack_slot", name="uq_reservation_slot"),
        CheckConstraint("discount_minor > 0", name="discount"),
        CheckConstraint(
            "captured_minor >= 0 AND captured_minor <= discount_minor", name="captured"
        ),
        CheckConstraint(f"tender IN {TENDERS}", name="tender"),
        CheckConstraint("(tender = 'points') = (voucher_id IS NULL)", name="voucher"),
        CheckConstraint("tender <> 'points' OR member_id IS NOT NULL", name="member"),
        Index("ix_reservation_order", "program_id", "order_ref"),
        Index(None, "member_id"),
        Index(None, "voucher_id"),
    )

    id: Mapped[str] = mapped_column(Id, ForeignKey("hold.id"), primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    member_id: Mapped[str | None] = mapped_column(Id, ForeignKey("member.id"))
    voucher_id: Mapped[str | None] = mapped_column(Id, ForeignKey("voucher.id"))
    tender: Mapped[str] = mapped_column(String(16))
    person: Mapped[str | None] = mapped_column(String(320))
    discount_minor: Mapped[int] = mapped_column(BigInt)
    captured_minor: Mapped[int] = mapped_column(BigInt)
    currency: Mapped[str] = mapped_column(String(3))
    order_ref: Mapped[str | None] = mapped_column(String(255))
    stack_slot: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    actor: Mapped[str | None] = mapped_column(String(128))
