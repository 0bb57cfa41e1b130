"""What a reservation adds to the ledger's hold: its worth, and the order it pays for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id


class Reservation(Base):
    """Points for a discount; state, units and expiry are those of the hold with the same id."""

    __tablename__ = "reservation"
    __table_args__ = (
        CheckConstraint("discount_minor > 0", name="discount"),
        CheckConstraint(
            "captured_minor >= 0 AND captured_minor <= discount_minor", name="captured"
        ),
        Index("ix_reservation_order", "program_id", "order_ref"),
        Index(None, "member_id"),
    )

    id: Mapped[str] = mapped_column(Id, ForeignKey("hold.id"), primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    member_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"))
    discount_minor: Mapped[int] = mapped_column(BigInt)
    captured_minor: Mapped[int] = mapped_column(BigInt)
    currency: Mapped[str] = mapped_column(String(3))
    order_ref: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime]
