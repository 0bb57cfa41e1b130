"""Entries: what is written of each movement, chained by hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from loyalty.foundation import ids
from loyalty.ledger.state import Account, Posting

COUNTERPARTS = {
    "earn": "program:issued",
    "bonus": "program:issued",
    "referral": "program:issued",
    "action": "program:issued",
    "goodwill": "program:issued",
    "opening": "program:issued",
    "reinstate": "program:issued",
    "adjust": "program:adjusted",
    "redeem": "program:redeemed",
    "redeem_return": "program:redeemed",
    "clawback": "program:issued",
    "expire": "program:expired",
    "issue": "program:issued",
    "revoke": "program:issued",
}
EARNED = {"earn", "bonus", "referral", "action", "goodwill", "opening", "reinstate", "clawback"}
HASHED = [
    "account_id",
    "seq",
    "id",
    "kind",
    "points",
    "counterpart",
    "available",
    "pending",
    "held",
    "debt",
    "lots",
    "source_type",
    "source_id",
    "explanation",
    "breakdown",
    "terms_version",
    "reverses",
    "actor",
    "request_id",
    "occurred_at",
    "recorded_at",
]


def post(account: Account, units: int, posting: Posting, lots: Mapping[int, int]) -> str:
    """Write the entry of a movement that the buckets already show; return its id."""
    stamp = account.stamp
    account.entry_count += 1
    entry: dict[str, Any] = {
        "account_id": account.id,
        "seq": account.entry_count,
        "id": ids.new_id("ent"),
        "kind": posting.kind,
        "points": units,
        "counterpart": posting.counterpart or COUNTERPARTS[posting.kind],
        "available": account.available,
        "pending": account.pending,
        "held": account.held,
        "debt": account.debt,
        "lots": {str(number): change for number, change in lots.items()},
        "source_type": posting.source_type,
        "source_id": posting.source_id,
        "explanation": posting.explanation,
        "breakdown": posting.breakdown,
        "terms_version": posting.terms_version,
        "reverses": posting.reverses,
        "actor": stamp.actor,
        "request_id": stamp.request_id,
        "occurred_at": posting.occurred_at,
        "recorded_at": stamp.now,
    }
    entry["hash"] = account.head = entry_hash(account.head, entry)
    if posting.kind in EARNED:
        account.earned += units
    account.peak = max(account.peak, account.available + account.pending + account.held)
    account.entries.append(entry)
    account.touched = True
    return str(entry["id"])


def entry_hash(previous: str, entry: Mapping[str, Any]) -> str:
    """Return the hash that chains an entry to the one before it."""
    values = [_hashable(entry[name]) for name in HASHED]
    content = orjson.dumps([previous, *values], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def _hashable(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
