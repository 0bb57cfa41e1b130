"""What was given unasked, once per member and occasion, and how far each day's round has come."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, Id

GIVEN, SKIPPED = "given", "skipped"


class ProactiveGift(Base):
    """One occasion of one member: its gesture, or why none was given. It never comes again."""

    __tablename__ = "proactive_gift"
    __table_args__ = (
        Index(None, "member_id"),
        Index(None, "gesture_id"),
        CheckConstraint("state IN ('given', 'skipped')", name="state"),
        CheckConstraint("(state = 'given') = (gesture_id IS NOT NULL)", name="gesture"),
        CheckConstraint("(state = 'skipped') = (reason IS NOT NULL)", name="reason"),
    )

    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"), primary_key=True)
    proactive_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    member_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"), primary_key=True)
    occasion: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(String(64))
    gesture_id: Mapped[str | None] = mapped_column(Id, ForeignKey("gesture.id"))
    created_at: Mapped[datetime]


class ProactiveRound(Base):
    """How far the round of a local day has come among the members, in the order of their ids.

    It looks at the occasions of all days from `since` on, which is when the round before was made.
    """

    __tablename__ = "proactive_round"

    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"), primary_key=True)
    proactive_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[date]
    day: Mapped[date]
    after_member: Mapped[str] = mapped_column(Id)
    is_done: Mapped[bool]
