"""Staff, follow-ups, contacts and proactive gifts.

Why: people decide on gestures, so they are persons with roles; each gesture is followed up by the
member's own channel; members say how and how often they want to be written to; and what is given
unasked is given once per occasion.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade():
    _add_staff()
    _add_follow_ups()
    op.create_table(
        "contact_made",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("member_id", ID, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "channel IN ('email', 'sms', 'phone', 'post')", name=op.f("ck_contact_made_channel")
        ),
        sa.CheckConstraint(
            "purpose IN ('marketing', 'service', 'follow_up', 'referral')",
            name=op.f("ck_contact_made_purpose"),
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_contact_made_member_id"),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_contact_made_program_id"),
        sa.PrimaryKeyConstraint("id", name="pk_contact_made"),
    )
    op.create_index("ix_contact_made_member", "contact_made", ["member_id", "occurred_at"])
    _add_proactive()


def downgrade():
    raise NotImplementedError(
        "Going back would forget who the staff are and what members answered; "
        "restore a backup instead."
    )


def _add_staff():
    op.create_table(
        "staff",
        sa.Column("id", ID, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_key", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_staff_status")),
        sa.PrimaryKeyConstraint("id", name="pk_staff"),
        sa.UniqueConstraint("email_key", name="uq_staff_email_key"),
    )
    op.create_table(
        "staff_role",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("agent", sa.String(length=100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "role IN ('agent', 'supervisor', 'admin', 'analyst')", name=op.f("ck_staff_role_role")
        ),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_staff_role_program_id"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_staff_role_staff_id"),
        sa.PrimaryKeyConstraint("program_id", "staff_id", name="pk_staff_role"),
        sa.UniqueConstraint("program_id", "agent", name="uq_staff_role_program_id_agent"),
    )


def _add_follow_ups():
    op.create_table(
        "follow_up",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("member_id", ID, nullable=False),
        sa.Column("gesture_id", ID, nullable=False),
        sa.Column("reopens", ID, nullable=True),
        sa.Column("channel", sa.String(length=8), nullable=True),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("told_at", TIME, nullable=True),
        sa.Column("completed_at", TIME, nullable=True),
        sa.Column("completed_by", sa.String(length=128), nullable=True),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("satisfaction", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "(completed_at IS NULL) = (completed_by IS NULL)",
            name=op.f("ck_follow_up_completed_by"),
        ),
        sa.CheckConstraint(
            "(completed_at IS NULL) = (result IS NULL)", name=op.f("ck_follow_up_completed")
        ),
        sa.CheckConstraint(
            "channel IN ('email', 'sms', 'phone', 'post')", name=op.f("ck_follow_up_channel")
        ),
        sa.CheckConstraint(
            "completed_at IS NOT NULL OR (satisfaction IS NULL AND note IS NULL)",
            name=op.f("ck_follow_up_answer"),
        ),
        sa.CheckConstraint(
            "result IN ('satisfied', 'unsatisfied', 'no_answer', 'reopened')",
            name=op.f("ck_follow_up_result"),
        ),
        sa.CheckConstraint(
            "satisfaction BETWEEN 1 AND 5", name=op.f("ck_follow_up_satisfaction")
        ),
        sa.ForeignKeyConstraint(["gesture_id"], ["gesture.id"], name="fk_follow_up_gesture_id"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_follow_up_member_id"),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_follow_up_program_id"),
        sa.ForeignKeyConstraint(["reopens"], ["follow_up.id"], name="fk_follow_up_reopens"),
        sa.PrimaryKeyConstraint("id", name="pk_follow_up"),
        sa.UniqueConstraint("reopens", name="uq_follow_up_reopens"),
    )
    op.create_index("ix_follow_up_listed", "follow_up", ["program_id", "due_at", "id"])
    op.create_index("ix_follow_up_member_id", "follow_up", ["member_id", "id"])
    op.create_index("ix_follow_up_gesture_id", "follow_up", ["gesture_id"])
    _add_partial_index(
        "ix_follow_up_open", ["program_id", "due_at", "id"], "completed_at IS NULL"
    )
    _add_partial_index(
        "ix_follow_up_untold",
        ["program_id", "due_at"],
        "told_at IS NULL AND completed_at IS NULL",
    )


def _add_partial_index(name, columns, where):
    op.create_index(
        name,
        "follow_up",
        columns,
        postgresql_where=sa.text(where),
        sqlite_where=sa.text(where),
    )


def _add_proactive():
    op.create_table(
        "proactive_gift",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("proactive_id", sa.String(length=64), nullable=False),
        sa.Column("member_id", ID, nullable=False),
        sa.Column("occasion", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("gesture_id", ID, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "(state = 'given') = (gesture_id IS NOT NULL)", name=op.f("ck_proactive_gift_gesture")
        ),
        sa.CheckConstraint(
            "(state = 'skipped') = (reason IS NOT NULL)", name=op.f("ck_proactive_gift_reason")
        ),
        sa.CheckConstraint(
            "state IN ('given', 'skipped')", name=op.f("ck_proactive_gift_state")
        ),
        sa.ForeignKeyConstraint(
            ["gesture_id"], ["gesture.id"], name="fk_proactive_gift_gesture_id"
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_proactive_gift_member_id"),
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name="fk_proactive_gift_program_id"
        ),
        sa.PrimaryKeyConstraint(
            "program_id", "proactive_id", "member_id", "occasion", name="pk_proactive_gift"
        ),
    )
    op.create_index("ix_proactive_gift_member_id", "proactive_gift", ["member_id"])
    op.create_index("ix_proactive_gift_gesture_id", "proactive_gift", ["gesture_id"])
    op.create_table(
        "proactive_round",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("proactive_id", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("after_member", ID, nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name="fk_proactive_round_program_id"
        ),
        sa.PrimaryKeyConstraint("program_id", "proactive_id", name="pk_proactive_round"),
    )
