"""Referrals, and the keyed hashes that tell people apart.

Why: members who bring others are rewarded together with them, once something real was bought;
who refers themselves is noticed without keeping what was noticed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
BIG = sa.BigInteger()
STATES = ("pending", "flagged", "qualified", "rejected", "voided")
SIGNALS = ("ip", "device", "payment", "address", "phone")


def upgrade():
    op.add_column(
        "member",
        sa.Column(
            "referral_pending", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    op.create_table(
        "referral",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("advocate_id", ID, nullable=False),
        sa.Column("referee_id", ID, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("order_ref", sa.String(length=255), nullable=True),
        sa.Column("order_left", BIG, nullable=True),
        sa.Column("placed_at", TIME, nullable=True),
        sa.Column("min_order", BIG, nullable=True),
        sa.Column("terms_version", sa.Integer(), nullable=True),
        sa.Column("qualified_at", TIME, nullable=True),
        sa.Column("available_at", TIME, nullable=True),
        sa.Column("decision", sa.String(length=8), nullable=True),
        sa.Column("decided_by", sa.String(length=128), nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        *_of_side("advocate"),
        *_of_side("referee"),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(f"state IN {STATES}", name=op.f("ck_referral_state")),
        sa.CheckConstraint(
            "advocate_id <> referee_id OR state IN ('rejected', 'voided')",
            name=op.f("ck_referral_two"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('qualified', 'voided') OR order_ref IS NOT NULL",
            name=op.f("ck_referral_bought"),
        ),
        sa.CheckConstraint(
            "(order_ref IS NULL) = (order_left IS NULL) AND order_left >= 0",
            name=op.f("ck_referral_order"),
        ),
        sa.CheckConstraint(
            "advocate_clawed + advocate_forgiven <= advocate_points",
            name=op.f("ck_referral_advocate_taken"),
        ),
        sa.CheckConstraint(
            "referee_clawed + referee_forgiven <= referee_points",
            name=op.f("ck_referral_referee_taken"),
        ),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_referral_program_id"),
        sa.ForeignKeyConstraint(["advocate_id"], ["member.id"], name="fk_referral_advocate_id"),
        sa.ForeignKeyConstraint(["referee_id"], ["member.id"], name="fk_referral_referee_id"),
        sa.ForeignKeyConstraint(
            ["advocate_voucher_id"], ["voucher.id"], name="fk_referral_advocate_voucher_id"
        ),
        sa.ForeignKeyConstraint(
            ["referee_voucher_id"], ["voucher.id"], name="fk_referral_referee_voucher_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_referral"),
    )
    op.create_index(
        "uq_referral_referee",
        "referral",
        ["program_id", "referee_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'rejected'"),
        sqlite_where=sa.text("state <> 'rejected'"),
    )
    op.create_index("ix_referral_program_id_id", "referral", ["program_id", "id"])
    op.create_index("ix_referral_program_id_state_id", "referral", ["program_id", "state", "id"])
    op.create_index("ix_referral_advocate_id_id", "referral", ["advocate_id", "id"])
    op.create_index("ix_referral_referee_id", "referral", ["referee_id"])
    op.create_index(
        "ix_referral_order",
        "referral",
        ["program_id", "order_ref"],
        postgresql_where=sa.text("order_ref IS NOT NULL"),
        sqlite_where=sa.text("order_ref IS NOT NULL"),
    )
    _create_signals()


def downgrade():
    raise NotImplementedError(
        "Going back would forget who was rewarded for whom; restore a backup instead."
    )


def _of_side(side):
    return (
        sa.Column(f"{side}_points", BIG, nullable=False),
        sa.Column(f"{side}_clawed", BIG, nullable=False),
        sa.Column(f"{side}_forgiven", BIG, nullable=False),
        sa.Column(f"{side}_voucher_id", ID, nullable=True),
        sa.Column(f"{side}_units_taken", BIG, nullable=True),
    )


def _create_signals():
    op.create_table(
        "referral_signal",
        sa.Column("member_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(f"kind IN {SIGNALS}", name=op.f("ck_referral_signal_kind")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_referral_signal_member_id"),
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name="fk_referral_signal_program_id"
        ),
        sa.PrimaryKeyConstraint("member_id", "kind", "digest", name="pk_referral_signal"),
    )
    op.create_index(
        "ix_referral_signal_program_id_digest", "referral_signal", ["program_id", "digest"]
    )
