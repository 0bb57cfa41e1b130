"""Orders, refunds and actions in the API's shape, from rows of their tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Row = Mapping[Any, Any]


def order(row: Row, member: str | None, now: datetime) -> dict[str, Any]:
    """Return an order as it is now; `member` is the shop's id of who it counts for."""
    return {
        "id": row["external_id"],
        "member": member,
        "state": row["state"],
        "currency": row["currency"],
        "total": row["total"],
        "refunded": row["refunded"],
        "placed_at": row["placed_at"],
        "recorded_at": row["recorded_at"],
        "points": {
            "granted": row["granted"],
            "kept": row["granted"] - row["clawed"] - row["forgiven"],
            "state": points_state(row, now),
            "available_at": row["available_at"],
            "expires_at": row["expires_at"],
        },
        "breakdown": row["breakdown"],
        "explanation": row["explanation"],
        "paid_with_points": row["paid_with_points"],
        "paid_with_stored_value": row["paid_with_stored_value"],
        "terms_version": row["terms_version"],
        "lines": row["lines"],
        "metadata": row["metadata"] or {},
    }


def points_state(row: Row, now: datetime) -> str:
    """Return `none`, `pending`, `available` or `expired` for what an order or action granted."""
    if not row["granted"]:
        return "none"
    if row["expires_at"] is not None and row["expires_at"] <= now:
        return "expired"
    return "pending" if row["available_at"] > now else "available"


def refund(row: Row, order_view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a refund with what it took and gave back, and the order after it."""
    taken = {name: row[f"clawed_{name}"] for name in ("pending", "available", "debt")}
    return {
        "id": row["external_id"],
        "kind": row["kind"],
        "amount": row["amount"],
        "occurred_at": row["occurred_at"],
        "points": {
            "clawed_back": sum(taken.values()),
            "from": taken,
            "forgiven": row["forgiven"],
            "returned": row["returned"],
        },
        "order": order_view,
    }


def action(row: Row, member: str, now: datetime) -> dict[str, Any]:
    """Return an action and what it granted."""
    return {
        "id": row["external_id"],
        "member": member,
        "type": row["type"],
        "occurred_at": row["occurred_at"],
        "points": {
            "granted": row["granted"],
            "state": points_state(row, now),
            "available_at": row["available_at"],
            "expires_at": row["expires_at"],
        },
        "breakdown": row["breakdown"],
    }
