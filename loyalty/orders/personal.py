"""What orders keep about a person: shown, stripped of what is personal, or moved by a merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.members.parts import Part
from loyalty.orders import views
from loyalty.orders.queries import ACTION, ORDER, REFUND, RULE_USE


def export(call: Call, member_ids: Sequence[str]) -> dict[str, Any]:
    """Return all orders with their refunds, and all actions, oldest first."""
    connection = db.connection()
    orders = connection.execute(
        select(ORDER).where(ORDER.c.member_id.in_(member_ids)).order_by(ORDER.c.placed_at)
    ).mappings()
    refunds = connection.execute(
        select(REFUND, ORDER.c.external_id.label("order"))
        .join(ORDER, ORDER.c.id == REFUND.c.order_id)
        .where(ORDER.c.member_id.in_(member_ids))
        .order_by(REFUND.c.occurred_at)
    ).mappings()
    actions = connection.execute(
        select(ACTION).where(ACTION.c.member_id.in_(member_ids)).order_by(ACTION.c.occurred_at)
    ).mappings()
    return {
        "orders": [
            {**views.order(row, None, call.now), "referral_code": row["referral_code"]}
            for row in orders
        ],
        "refunds": [
            {name: row[name] for name in ("order", "external_id", "kind", "amount", "occurred_at")}
            for row in refunds
        ],
        "actions": [views.action(row, "", call.now) for row in actions],
    }


def erase(_call: Call, member_ids: Sequence[str]) -> None:
    """Remove what people may have written; amounts and points stay."""
    db.connection().execute(
        update(ORDER)
        .where(ORDER.c.member_id.in_(member_ids))
        .values(metadata=None, referral_code=None, facts=None)
    )


def merge(_call: Call, source_id: str, target_id: str) -> None:
    """Let orders, actions and used limits count for the member that stays."""
    for table in (ORDER, ACTION, RULE_USE):
        db.connection().execute(
            update(table).where(table.c.member_id == source_id).values(member_id=target_id)
        )


PART = Part("purchases", export=export, erase=erase, merge=merge)
