"""What vouchers keep about a person: those bound to them, and codes that may hold their name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, null, select, update

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.ledger.queries import ACCOUNT
from loyalty.members.parts import Part
from loyalty.vouchers.queries import VOUCHER

_BUCKETS = ("available", "pending", "held")
_SHOWN = (
    *("id", "kind", "class", "currency", "amount", "percent", "max_discount", "uses"),
    *("min_order", "skus", "categories", "starts_at", "expires_at", "revoked_at", "created_at"),
    *("source_type", "source_id", "metadata"),
)


def export(_call: Call, member_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the vouchers bound to the person with what is left as last written, oldest first."""
    rows = db.connection().execute(
        select(VOUCHER.c.written.label("code"), *(VOUCHER.c[name].label(name) for name in _SHOWN))
        .add_columns(*(ACCOUNT.c[name] for name in _BUCKETS))
        .join(ACCOUNT, ACCOUNT.c.id == VOUCHER.c.account_id)
        .where(VOUCHER.c.member_id.in_(member_ids))
        .order_by(VOUCHER.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def erase(_call: Call, member_ids: Sequence[str]) -> None:
    """Remove metadata, and put something that says nothing in the place of codes.

    Nobody can use the voucher any more: it stays bound to a member who is gone.
    """
    nameless = func.upper(func.replace(func.substr(VOUCHER.c.id, len("vch_") + 1), "-", ""))
    db.connection().execute(
        update(VOUCHER)
        .where(VOUCHER.c.member_id.in_(member_ids))
        .values(code=nameless, written=nameless, metadata=null())
    )


def merge(_call: Call, source_id: str, target_id: str) -> None:
    """Let vouchers be those of the member that stays."""
    db.connection().execute(
        update(VOUCHER).where(VOUCHER.c.member_id == source_id).values(member_id=target_id)
    )


PART = Part("vouchers", export=export, erase=erase, merge=merge)
