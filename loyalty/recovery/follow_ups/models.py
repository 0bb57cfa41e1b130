"""The follow-up's row: when to ask, by which channel, and what was answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, Id

SATISFIED, UNSATISFIED, NO_ANSWER, REOPENED = "satisfied", "unsatisfied", "no_answer", "reopened"
RESULTS = (SATISFIED, UNSATISFIED, NO_ANSWER, REOPENED)
REOPENING = (UNSATISFIED, REOPENED)
MOST_SATISFACTION = 5

_OPEN = text("completed_at IS NULL")
_UNTOLD = text("told_at IS NULL AND completed_at IS NULL")


class FollowUp(Base):
    """One question to a member about one gesture.

    It is due from `due_at` on; `told_at` is when its event was written. Without a channel the
    member is not written to, and staff alone see it. `reopens` names the follow-up whose answer
    opened this one.
    """

    __tablename__ = "follow_up"
    __table_args__ = (
        Index("ix_follow_up_listed", "program_id", "due_at", "id"),
        Index(
            "ix_follow_up_open",
            *("program_id", "due_at", "id"),
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        Index(
            "ix_follow_up_untold",
            *("program_id", "due_at"),
            postgresql_where=_UNTOLD,
            sqlite_where=_UNTOLD,
        ),
        Index("ix_follow_up_member_id", "member_id", "id"),
        Index("ix_follow_up_gesture_id", "gesture_id"),
        CheckConstraint("channel IN ('email', 'sms', 'phone', 'post')", name="channel"),
        CheckConstraint(
            "result IN ('satisfied', 'unsatisfied', 'no_answer', 'reopened')", name="result"
        ),
        CheckConstraint("(completed_at IS NULL) = (result IS NULL)", name="completed"),
        CheckConstraint("(completed_at IS NULL) = (completed_by IS NULL)", name="completed_by"),
        CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction"),
        CheckConstraint(
            "completed_at IS NOT NULL OR (satisfaction IS NULL AND note IS NULL)", name="answer"
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    member_id: Mapped[str] = mapped_column(Id, ForeignKey("member.id"))
    gesture_id: Mapped[str] = mapped_column(Id, ForeignKey("gesture.id"))
    reopens: Mapped[str | None] = mapped_column(Id, ForeignKey("follow_up.id"), unique=True)
    channel: Mapped[str | None] = mapped_column(String(8))
    due_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    completed_by: Mapped[str | None] = mapped_column(String(128))
    result: Mapped[str | None] = mapped_column(String(16))
    satisfaction: Mapped[int | None]
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
