"""The ground: programs, keys, members, the ledger, orders and reservations.

Why: the first tables. Entries and program versions are immutable, which triggers enforce on both
engines.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
IMMUTABLE = ("entry", "program_version")


def upgrade():
    op.create_table(
        "program",
        sa.Column("id", ID, nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("test_now", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "mode = 'test' OR test_now IS NULL", name=op.f("ck_program_clock_of_test_only")
        ),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_program_mode")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_program_version")),
        sa.PrimaryKeyConstraint("id", name="pk_program"),
        sa.UniqueConstraint("slug", name="uq_program_slug"),
    )
    op.create_table(
        "account",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("earned", sa.BigInteger(), nullable=False),
        sa.Column("peak", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("lot_count", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("next_due", TIME, nullable=True),
        sa.CheckConstraint("available >= 0", name=op.f("ck_account_available")),
        sa.CheckConstraint("debt = 0 OR available = 0", name=op.f("ck_account_debt_is_paid_first")),
        sa.CheckConstraint("debt >= 0", name=op.f("ck_account_debt")),
        sa.CheckConstraint("entry_count >= 0 AND lot_count >= 0", name=op.f("ck_account_counts")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_account_held")),
        sa.CheckConstraint("pending >= 0", name=op.f("ck_account_pending")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_account_program_id"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("owner_id", "unit", name="uq_account_owner_id_unit"),
    )
    op.create_index(
        "ix_account_due",
        "account",
        ["program_id", "next_due"],
        postgresql_where=sa.text("next_due IS NOT NULL"),
        sqlite_where=sa.text("next_due IS NOT NULL"),
    )

    op.create_table(
        "api_key",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("agent", sa.String(length=100), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_api_key_digest")),
        sa.CheckConstraint(
            "revoked_at IS NULL OR revoked_at >= created_at", name=op.f("ck_api_key_revoked")
        ),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_api_key_program_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("digest", name="uq_api_key_digest"),
    )
    op.create_index("ix_api_key_program_id_id", "api_key", ["program_id", "id"])

    op.create_table(
        "event",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("member_id", ID, nullable=True),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=True),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_event_program_id"),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_member_id_id", "event", ["member_id", "id"])
    op.create_index("ix_event_program_id_id", "event", ["program_id", "id"])

    op.create_table(
        "idempotency_key",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("member_id", ID, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name="fk_idempotency_key_program_id"
        ),
        sa.PrimaryKeyConstraint("program_id", "owner", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"])
    op.create_index("ix_idempotency_key_member_id", "idempotency_key", ["member_id"])

    op.create_table(
        "import_progress",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("file", sa.String(length=64), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.Column("repeated", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("rejected_bytes", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint(
            "recorded + repeated + rejected = row_count", name=op.f("ck_import_progress_all_rows")
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name="fk_import_progress_program_id"
        ),
        sa.PrimaryKeyConstraint("program_id", "file", name="pk_import_progress"),
    )
    op.create_table(
        "member",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("email_key", sa.String(length=320), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("birthday", sa.Date(), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("joined_at", TIME, nullable=False),
        sa.Column("referral_code", sa.String(length=32), nullable=True),
        sa.Column("contact", sa.JSON(), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=True),
        sa.Column("tier", sa.String(length=63), nullable=True),
        sa.Column("tier_until", TIME, nullable=True),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("spend", sa.BigInteger(), nullable=False),
        sa.Column("last_order_at", TIME, nullable=True),
        sa.Column("merged_into", ID, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint(
            "merged_into IS NULL OR status <> 'active'", name=op.f("ck_member_active")
        ),
        sa.CheckConstraint(
            "status <> 'erased' OR (email IS NULL AND email_key IS NULL AND name IS NULL AND phone IS NULL AND birthday IS NULL AND locale IS NULL AND country IS NULL AND referral_code IS NULL AND contact IS NULL AND metadata IS NULL)",
            name=op.f("ck_member_erased"),
        ),
        sa.CheckConstraint(
            "status <> 'merged' OR merged_into IS NOT NULL", name=op.f("ck_member_merged")
        ),
        sa.CheckConstraint(
            "status IN ('active', 'merged', 'erased')", name=op.f("ck_member_status")
        ),
        sa.CheckConstraint(
            "(email IS NULL) = (email_key IS NULL)", name=op.f("ck_member_email_key")
        ),
        sa.CheckConstraint("merged_into <> id", name=op.f("ck_member_merged_into_another")),
        sa.CheckConstraint("orders >= 0 AND spend >= 0", name=op.f("ck_member_stats")),
        sa.ForeignKeyConstraint(["merged_into"], ["member.id"], name="fk_member_merged_into"),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_member_program_id"),
        sa.PrimaryKeyConstraint("id", name="pk_member"),
        sa.UniqueConstraint("program_id", "external_id", name="uq_member_program_id_external_id"),
        sa.UniqueConstraint("program_id", "referral_code", name="uq_member_referral_code"),
    )
    op.create_index("ix_member_email_key", "member", ["program_id", "email_key", "id"])
    op.create_index("ix_member_listed", "member", ["program_id", "id"])
    op.create_index("ix_member_merged_into", "member", ["merged_into"])
    op.create_index(
        "ix_member_tier_until",
        "member",
        ["program_id", "tier_until"],
        postgresql_where=sa.text("tier_until IS NOT NULL"),
        sqlite_where=sa.text("tier_until IS NOT NULL"),
    )

    op.create_table(
        "program_version",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_program_version_version")),
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name="fk_program_version_program_id"
        ),
        sa.PrimaryKeyConstraint("program_id", "version", name="pk_program_version"),
    )
    op.create_table(
        "action",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("member_id", ID, nullable=False),
        sa.Column("type", sa.String(length=63), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("breakdown", sa.JSON(), nullable=False),
        sa.Column("available_at", TIME, nullable=True),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_action_member_id"),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_action_program_id"),
        sa.PrimaryKeyConstraint("id", name="pk_action"),
        sa.UniqueConstraint("program_id", "external_id", name="uq_action_program_id_external_id"),
    )
    op.create_index(
        "ix_action_member_id_type_occurred_at", "action", ["member_id", "type", "occurred_at"]
    )

    op.create_table(
        "entry",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("counterpart", sa.String(length=64), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("lots", sa.JSON(), nullable=False),
        sa.Column("source_type", sa.String(length=16), nullable=False),
        sa.Column("source_id", sa.String(length=600), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("breakdown", sa.JSON(), nullable=True),
        sa.Column("terms_version", sa.Integer(), nullable=True),
        sa.Column("reverses", ID, nullable=True),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=True),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('earn', 'bonus', 'referral', 'action', 'goodwill', 'adjust', 'redeem', 'redeem_return', 'clawback', 'expire', 'reinstate', 'opening', 'transfer_in', 'transfer_out')",
            name=op.f("ck_entry_kind"),
        ),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_entry_seq")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_entry_account_id"),
        sa.PrimaryKeyConstraint("account_id", "seq", name="pk_entry"),
        sa.UniqueConstraint(
            "account_id", "kind", "source_type", "source_id", name="uq_entry_natural"
        ),
        sa.UniqueConstraint("id", name="uq_entry_id"),
    )
    op.create_table(
        "hold",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("lots", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_hold_closed")),
        sa.CheckConstraint(
            "state IN ('open', 'captured', 'voided', 'expired')", name=op.f("ck_hold_state")
        ),
        sa.CheckConstraint("captured >= 0 AND captured <= units", name=op.f("ck_hold_captured")),
        sa.CheckConstraint("returned >= 0 AND returned <= captured", name=op.f("ck_hold_returned")),
        sa.CheckConstraint("units > 0", name=op.f("ck_hold_units")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_hold_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_hold"),
    )
    op.create_index("ix_hold_account_id", "hold", ["account_id"])
    op.create_index(
        "ix_hold_open",
        "hold",
        ["account_id"],
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )

    op.create_table(
        "lot",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("available_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("source_type", sa.String(length=16), nullable=False),
        sa.Column("source_id", sa.String(length=600), nullable=False),
        sa.CheckConstraint("expired >= 0", name=op.f("ck_lot_expired")),
        sa.CheckConstraint("granted > 0", name=op.f("ck_lot_granted")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_lot_held")),
        sa.CheckConstraint("remaining >= 0", name=op.f("ck_lot_remaining")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_lot_account_id"),
        sa.PrimaryKeyConstraint("account_id", "number", name="pk_lot"),
    )
    op.create_index(
        "ix_lot_account_id_source_type_source_id", "lot", ["account_id", "source_type", "source_id"]
    )
    op.create_index(
        "ix_lot_open",
        "lot",
        ["account_id"],
        postgresql_where=sa.text("remaining > 0 OR held > 0"),
        sqlite_where=sa.text("remaining > 0 OR held > 0"),
    )

    op.create_table(
        "opening",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_opening_points")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_opening_account_id"),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_opening_program_id"),
        sa.PrimaryKeyConstraint("program_id", "external_id", name="pk_opening"),
    )
    op.create_table(
        "orders",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("member_id", ID, nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("shipping", sa.BigInteger(), nullable=False),
        sa.Column("gift_cards", sa.BigInteger(), nullable=False),
        sa.Column("paid_with_points", sa.BigInteger(), nullable=False),
        sa.Column("basis", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("referral_code", sa.String(length=32), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=True),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=True),
        sa.Column("breakdown", sa.JSON(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("entitled", sa.BigInteger(), nullable=False),
        sa.Column("clawed", sa.BigInteger(), nullable=False),
        sa.Column("forgiven", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("available_at", TIME, nullable=True),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("placed_at", TIME, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint(
            "state IN ('paid', 'refunded', 'cancelled')", name=op.f("ck_orders_state")
        ),
        sa.CheckConstraint("clawed + forgiven <= granted", name=op.f("ck_orders_taken_once")),
        sa.CheckConstraint("clawed >= 0 AND forgiven >= 0", name=op.f("ck_orders_clawed")),
        sa.CheckConstraint(
            "gift_cards >= 0 AND paid_with_points >= 0", name=op.f("ck_orders_tenders")
        ),
        sa.CheckConstraint(
            "granted >= 0 AND entitled >= 0 AND entitled <= granted",
            name=op.f("ck_orders_entitled"),
        ),
        sa.CheckConstraint("refunded >= 0 AND refunded <= total", name=op.f("ck_orders_refunded")),
        sa.CheckConstraint(
            "total >= 0 AND tax >= 0 AND shipping >= 0", name=op.f("ck_orders_amounts")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_orders_member_id"),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_orders_program_id"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("program_id", "external_id", name="uq_orders_program_id_external_id"),
    )
    op.create_index("ix_orders_member", "orders", ["member_id", "placed_at"])

    op.create_table(
        "rule_use",
        sa.Column("member_id", ID, nullable=False),
        sa.Column("rule_id", sa.String(length=63), nullable=False),
        sa.Column("source_id", sa.String(length=300), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_rule_use_points")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_rule_use_member_id"),
        sa.PrimaryKeyConstraint("member_id", "rule_id", "source_id", name="pk_rule_use"),
    )
    op.create_table(
        "entry_note",
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_entry_note_account_id"),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_entry_note_entry_id"),
        sa.PrimaryKeyConstraint("entry_id", name="pk_entry_note"),
    )
    op.create_index("ix_entry_note_account_id", "entry_note", ["account_id"])

    op.create_table(
        "refund",
        sa.Column("id", ID, nullable=False),
        sa.Column("order_id", ID, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("clawed_pending", sa.BigInteger(), nullable=False),
        sa.Column("clawed_available", sa.BigInteger(), nullable=False),
        sa.Column("clawed_debt", sa.BigInteger(), nullable=False),
        sa.Column("forgiven", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("undone_at", TIME, nullable=True),
        sa.CheckConstraint(
            "amount > 0 OR (kind = 'cancel' AND amount = 0)", name=op.f("ck_refund_amount")
        ),
        sa.CheckConstraint("kind = 'cancel' OR undone_at IS NULL", name=op.f("ck_refund_undone")),
        sa.CheckConstraint("kind IN ('refund', 'cancel')", name=op.f("ck_refund_kind")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_refund_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_refund"),
        sa.UniqueConstraint("order_id", "external_id", name="uq_refund_order_id_external_id"),
    )
    op.create_table(
        "reservation",
        sa.Column("id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("member_id", ID, nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("order_ref", sa.String(length=255), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "captured_minor >= 0 AND captured_minor <= discount_minor",
            name=op.f("ck_reservation_captured"),
        ),
        sa.CheckConstraint("discount_minor > 0", name=op.f("ck_reservation_discount")),
        sa.ForeignKeyConstraint(["id"], ["hold.id"], name="fk_reservation_id"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name="fk_reservation_member_id"),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name="fk_reservation_program_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reservation"),
    )
    op.create_index("ix_reservation_member_id", "reservation", ["member_id"])
    op.create_index("ix_reservation_order", "reservation", ["program_id", "order_ref"])

    for table in IMMUTABLE:
        _refuse_changes(table)


def downgrade():
    raise NotImplementedError(
        "Going back would delete all points that customers own; restore a backup instead."
    )


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
