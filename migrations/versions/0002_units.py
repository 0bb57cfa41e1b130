"""Entries for vouchers, and the audit trail.

Why: uses of a voucher and stored value are units of the ledger like points, and are issued and
revoked; what people decide is on record, in rows that never change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
KINDS = (
    *("earn", "bonus", "referral", "action", "goodwill", "adjust", "redeem", "redeem_return"),
    *("clawback", "expire", "reinstate", "opening", "transfer_in", "transfer_out"),
)


def upgrade():
    _allow_kinds((*KINDS, "issue", "revoke"))
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject_type", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=255), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=True),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_audit_program_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_program_id_id", "audit", ["program_id", "id"])
    op.create_index("ix_audit_program_id_actor_id", "audit", ["program_id", "actor", "id"])
    op.create_index(
        "ix_audit_program_id_subject_id_id", "audit", ["program_id", "subject_id", "id"]
    )
    _refuse_changes("audit")


def downgrade():
    raise NotImplementedError(
        "Going back would delete vouchers that customers own; restore a backup instead."
    )


def _allow_kinds(kinds):
    """Change the check; SQLite makes the table anew, and its triggers go with the old one."""
    with op.batch_alter_table("entry") as entry:
        entry.drop_constraint(op.f("ck_entry_kind"), type_="check")
        entry.create_check_constraint(op.f("ck_entry_kind"), f"kind IN {kinds}")
    if op.get_context().dialect.name == "sqlite":
        _refuse_changes("entry")


def _refuse_changes(table):
    sentence = f"rows of {table} are never changed or deleted"
    if op.get_context().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_is_immutable() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{sentence}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuses_changes BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_immutable()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_immutable()"
    )
