"""Gestures, the gate of each program, and what is used under its caps.

Why: what support gives is bounded by caps, which add up gestures by member, agent, role, reason,
order and program over windows of time; each of these sums has an index of what still counts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
COUNTS = sa.text("freed_at IS NULL")
WAITS = sa.text("state = 'pending_approval'")
IS_PRECEDENT = "freed_at IS NULL AND state = 'issued' AND exception = {}"
INDEXES = (
    ("listed", ("program_id", "id"), None),
    ("member_listed", ("member_id", "id"), None),
    ("by_program", ("program_id", "at"), COUNTS),
    ("by_member", ("program_id", "member_id", "at"), COUNTS),
    ("by_agent", ("program_id", "agent", "at"), COUNTS),
    ("by_role", ("program_id", "role", "at"), COUNTS),
    ("by_reason", ("program_id", "reason", "at"), COUNTS),
    ("by_order", ("program_id", "order_ref", "at"), COUNTS),
    ("waiting", ("program_id", "expires_at"), WAITS),
)


def upgrade():
    _create_gestures()
    _create_caps()


def downgrade():
    raise NotImplementedError(
        "Going back would delete the record of what was given to customers; restore a backup "
        "instead."
    )


def _create_gestures():
    op.create_table(
        "gesture",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("member_id", ID, nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.Column("life", sa.String(length=64), nullable=True),
        sa.Column("order_ref", sa.String(length=255), nullable=True),
        sa.Column("case_ref", sa.String(length=255), nullable=True),
        sa.Column("agent", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("note_internal", sa.Text(), nullable=True),
        sa.Column("message_to_customer", sa.Text(), nullable=True),
        sa.Column("exception", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("voucher_id", ID, nullable=True),
        sa.Column("entry_id", ID, nullable=True),
        sa.Column("refund_state", sa.String(length=16), nullable=True),
        sa.Column("caps", sa.JSON(), nullable=False),
        sa.Column("precedent", sa.JSON(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column("issued_at", TIME, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("revoked_by", sa.String(length=100), nullable=True),
        sa.Column("revocation_note", sa.Text(), nullable=True),
        sa.Column("freed_at", TIME, nullable=True),
        sa.Column("freed_minor", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.CheckConstraint("type IN ('recovery', 'proactive')", name=op.f("ck_gesture_type")),
        sa.CheckConstraint(
            "kind IN ('voucher', 'points', 'stored_value', 'fee_waiver', 'refund')",
            name=op.f("ck_gesture_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('pending_approval', 'issued', 'rejected', 'expired', 'withdrawn', "
            "'revoked')",
            name=op.f("ck_gesture_state"),
        ),
        sa.CheckConstraint(
            "refund_state IN ('requested', 'done', 'called_off')",
            name=op.f("ck_gesture_refund_state"),
        ),
        sa.CheckConstraint(
            "(kind = 'points') = (points IS NOT NULL)", name=op.f("ck_gesture_points")
        ),
        sa.CheckConstraint("(kind = 'points') = (amount IS NULL)", name=op.f("ck_gesture_amount")),
        sa.CheckConstraint(
            "value_minor > 0 AND points > 0 AND amount > 0", name=op.f("ck_gesture_positive")
        ),
        sa.CheckConstraint(
            "freed_minor >= 0 AND freed_minor <= value_minor", name=op.f("ck_gesture_freed")
        ),
        sa.CheckConstraint(
            "state NOT IN ('rejected', 'expired', 'withdrawn') OR freed_at IS NOT NULL",
            name=op.f("ck_gesture_given_up"),
        ),
        sa.CheckConstraint(
            "state IN ('issued', 'revoked') OR (voucher_id IS NULL AND entry_id IS NULL)",
            name=op.f("ck_gesture_given"),
        ),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_gesture_program_id"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_gesture_member_id"),
        sa.ForeignKeyConstraint(["voucher_id"], ["voucher.id"], name="fk_gesture_voucher_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gesture"),
    )
    for name, columns, where in INDEXES:
        op.create_index(
            f"ix_gesture_{name}",
            "gesture",
            list(columns),
            sqlite_where=where,
            postgresql_where=where,
        )
    op.create_index(
        "ix_gesture_precedent",
        "gesture",
        ["program_id", "reason", "at"],
        sqlite_where=sa.text(IS_PRECEDENT.format("0")),
        postgresql_where=sa.text(IS_PRECEDENT.format("false")),
    )


def _create_caps():
    op.create_table(
        "recovery_gate",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("kept", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_recovery_gate_program_id"),
        sa.PrimaryKeyConstraint("program_id", name="pk_recovery_gate"),
    )
    op.create_table(
        "cap_usage",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("cap", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("used_value", sa.BigInteger(), nullable=False),
        sa.Column("used_count", sa.BigInteger(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.CheckConstraint("used_value >= 0 AND used_count >= 0", name=op.f("ck_cap_usage_used")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_cap_usage_program_id"),
        sa.PrimaryKeyConstraint("program_id", "cap", "key", name="pk_cap_usage"),
    )
