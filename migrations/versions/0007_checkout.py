"""Reservations of vouchers, and stored value among what paid for an order.

Why: a voucher is held at the checkout and captured with its order just as points are, also for
somebody nobody knows; what stored value paid for earns nothing where gift cards do not.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
TENDERS = ("points", "stored_value", "discount")


def upgrade():
    with op.batch_alter_table("reservation") as reservation:
        reservation.alter_column("member_id", existing_type=ID, nullable=True)
        reservation.add_column(sa.Column("voucher_id", ID, nullable=True))
        reservation.add_column(
            sa.Column("tender", sa.String(length=16), server_default="points", nullable=False)
        )
        reservation.add_column(sa.Column("person", sa.String(length=320), nullable=True))
        reservation.add_column(sa.Column("stack_slot", sa.String(length=64), nullable=True))
        reservation.add_column(sa.Column("actor", sa.String(length=128), nullable=True))
    with op.batch_alter_table("reservation") as reservation:
        reservation.alter_column(
            "tender", existing_type=sa.String(length=16), server_default=None, nullable=False
        )
        reservation.create_foreign_key(
            "fk_reservation_voucher_id", "voucher", ["voucher_id"], ["id"]
        )
        reservation.create_unique_constraint(
            "uq_reservation_slot", ["program_id", "order_ref", "stack_slot"]
        )
        reservation.create_check_constraint(op.f("ck_reservation_tender"), f"tender IN {TENDERS}")
        reservation.create_check_constraint(
            op.f("ck_reservation_voucher"), "(tender = 'points') = (voucher_id IS NULL)"
        )
        reservation.create_check_constraint(
            op.f("ck_reservation_member"), "tender <> 'points' OR member_id IS NOT NULL"
        )
        reservation.create_index("ix_reservation_voucher_id", ["voucher_id"])
    with op.batch_alter_table("orders") as orders:
        orders.add_column(
            sa.Column("paid_with_stored_value", sa.BigInteger(), server_default="0", nullable=False)
        )
    with op.batch_alter_table("orders") as orders:
        orders.alter_column(
            "paid_with_stored_value",
            existing_type=sa.BigInteger(),
            server_default=None,
            nullable=False,
        )
        orders.drop_constraint(op.f("ck_orders_tenders"), type_="check")
        orders.create_check_constraint(
            op.f("ck_orders_tenders"),
            "gift_cards >= 0 AND paid_with_points >= 0 AND paid_with_stored_value >= 0",
        )


def downgrade():
    raise NotImplementedError(
        "Going back would lose which vouchers paid for orders; restore a backup instead."
    )
