"""Showing vouchers: their state is worked out from their account, never kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.ledger.state import Account
from loyalty.vouchers import codes, queries
from loyalty.vouchers.models import STORED_VALUE

ISSUED, RESERVED, PARTIALLY_REDEEMED = "issued", "reserved", "partially_redeemed"
REDEEMED, EXPIRED, REVOKED = "redeemed", "expired", "revoked"
STATES = (ISSUED, RESERVED, PARTIALLY_REDEEMED, REDEEMED, EXPIRED, REVOKED, "pending_approval")
"""The last is the gesture's that a voucher waits for; no voucher that exists is in it."""

_AS_THEY_ARE = (
    *("id", "kind", "class", "currency", "amount", "percent", "max_discount", "uses"),
    *("uses_per_member", "min_order", "skus", "categories", "starts_at", "expires_at"),
    *("revoked_at", "created_at", "metadata"),
)


def shown(
    row: Mapping[str, Any],
    account: Account,
    now: datetime,
    *,
    member: str | None = None,
    expired_units: int = 0,
) -> dict[str, Any]:
    """Return a voucher in the API's shape.

    `row` has the table's columns, `account` is settled up to `now`, `member` is the shop's id of
    whom it is bound to, `expired_units` what had expired before the account was read.
    """
    state = state_of(row, account, now, expired_units=expired_units)
    left = 0 if state in (EXPIRED, REVOKED) else account.available + account.pending
    return {
        **{name: row[name] for name in _AS_THEY_ARE},
        "code": row["written"],
        "state": state,
        "remaining": {"amount" if row["kind"] == STORED_VALUE else "uses": left},
        "member": member,
        "source": {"type": row["source_type"], "id": row["source_id"]},
        "batch": row["batch_id"],
    }


def shown_as_found(found: queries.LockedVoucher, now: datetime) -> dict[str, Any]:
    """Return a voucher that was found without a lock in the API's shape, as it is at `now`."""
    return shown(
        found.voucher,
        found.account_at(now),
        now,
        member=found.member,
        expired_units=found.expired_units,
    )


def named(code: str) -> dict[str, list[str]]:
    """Return how `queries` are asked for what a caller named: a code, or the voucher's id."""
    if code.startswith("vch_"):  # no code has an underscore
        return {"ids": [code]}
    return {"codes": [codes.canonical(code)]}


def issued_units(row: Mapping[str, Any]) -> int:
    """Return what a voucher had at first: minor units of stored value, or uses."""
    return int(row["amount"] if row["kind"] == STORED_VALUE else row["uses"])


def state_of(
    row: Mapping[str, Any], account: Account, now: datetime, *, expired_units: int = 0
) -> str:
    """Return the state of a voucher whose account is settled up to `now`."""
    left = account.available + account.pending
    expired = expired_units + sum(lot.expired for lot in account.changed_lots.values())
    if row["revoked_at"] is not None:
        return REVOKED
    if account.held:
        return RESERVED
    if expired and row["expires_at"] is not None and row["expires_at"] <= now:
        return EXPIRED
    if not left:
        return REDEEMED
    return ISSUED if left == issued_units(row) else PARTIALLY_REDEEMED
