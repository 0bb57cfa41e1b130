"""Vouchers, and how often codes were guessed.

Why: a voucher's value is in the ledger like points; its terms need a table of their own, and the
failed guesses of codes must be counted for all web processes together.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
TERMS = (
    *("account_id", "kind", "class", "currency", "amount", "percent", "max_discount", "uses"),
    *("uses_per_member", "min_order", "skus", "categories", "starts_at", "expires_at"),
    *("source_type", "source_id", "created_at"),
)


def upgrade():
    op.create_table(
        "voucher",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("written", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("class", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("percent", sa.String(length=32), nullable=True),
        sa.Column("max_discount", sa.BigInteger(), nullable=True),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("uses_per_member", sa.BigInteger(), nullable=True),
        sa.Column("member_id", ID, nullable=True),
        sa.Column("min_order", sa.BigInteger(), nullable=True),
        sa.Column("skus", sa.JSON(), nullable=True),
        sa.Column("categories", sa.JSON(), nullable=True),
        sa.Column("starts_at", TIME, nullable=True),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("source_type", sa.String(length=16), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("batch_id", ID, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('amount', 'percent', 'free_shipping', 'fee_waiver', 'stored_value')",
            name=op.f("ck_voucher_kind"),
        ),
        sa.CheckConstraint(
            "class IN ('goodwill', 'promotional', 'reward', 'purchased')",
            name=op.f("ck_voucher_class"),
        ),
        sa.CheckConstraint(
            "class <> 'purchased' OR kind = 'stored_value'", name=op.f("ck_voucher_purchased")
        ),
        sa.CheckConstraint("uses >= 1", name=op.f("ck_voucher_uses")),
        sa.CheckConstraint("amount > 0 AND max_discount > 0", name=op.f("ck_voucher_amounts")),
        sa.CheckConstraint(
            "kind <> 'percent' OR percent IS NOT NULL", name=op.f("ck_voucher_percent")
        ),
        sa.CheckConstraint(
            "kind NOT IN ('amount', 'stored_value') OR amount IS NOT NULL",
            name=op.f("ck_voucher_amount"),
        ),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_voucher_program_id"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_voucher_account_id"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_voucher_member_id"),
        sa.PrimaryKeyConstraint("id", name="pk_voucher"),
        sa.UniqueConstraint("program_id", "code", name="uq_voucher_code"),
    )
    op.create_index("ix_voucher_listed", "voucher", ["program_id", "id"])
    op.create_index("ix_voucher_account_id", "voucher", ["account_id"], unique=True)
    op.create_index("ix_voucher_member_id_id", "voucher", ["member_id", "id"])
    op.create_index("ix_voucher_batch_id_id", "voucher", ["batch_id", "id"])
    _refuse_other_terms()
    op.create_table(
        "voucher_guess",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("count >= 1", name=op.f("ck_voucher_guess_count")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_voucher_guess_program_id"),
        sa.PrimaryKeyConstraint("program_id", "client", name="pk_voucher_guess"),
    )
    op.create_index("ix_voucher_guess_since", "voucher_guess", ["since"])


def downgrade():
    raise NotImplementedError(
        "Going back would delete vouchers that customers own; restore a backup instead."
    )


def _refuse_other_terms():
    """Let nobody change what a voucher is, or delete it; whose it is and its code may change."""
    sentence = "the terms of a voucher are never changed, and it is never deleted"
    change, refusal = f"UPDATE OF {', '.join(TERMS)}", "voucher_refuses"
    if op.get_context().dialect.name == "sqlite":
        for name, verb in (("other_terms", change), ("delete", "DELETE")):
            op.execute(
                f"CREATE TRIGGER {refusal}_{name} BEFORE {verb} ON voucher "
                f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION voucher_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{sentence}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {refusal}_other_terms BEFORE {change} OR DELETE ON voucher "
        f"FOR EACH ROW EXECUTE FUNCTION voucher_keeps_its_terms()"
    )
