"""The contact's row: that a member was written to, when, how and what for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, Id

CHANNELS = ("email", "sms", "phone", "post")
MARKETING, SERVICE, FOLLOW_UP, REFERRAL = "marketing", "service", "follow_up", "referral"
PURPOSES = (MARKETING, SERVICE, FOLLOW_UP, REFERRAL)


class ContactMade(Base):
    """One contact with a member."""

    __tablename__ = "contact_made"
    __table_args__ = (
        Index("ix_contact_made_member", "member_id", "occurred_at"),
        CheckConstraint("channel IN ('email', 'sms', 'phone', 'post')", name="channel"),
        CheckConstraint(
            "purpose IN ('marketing', 'service', 'follow_up', 'referral')", name="purpose"
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    member_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"))
    channel: Mapped[str] = mapped_column(String(8))
    purpose: Mapped[str] = mapped_column(String(16))
    occurred_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]
