"""What a key may be allowed to do. A scope is `<things>:<verb>`; `*` is all of them."""

from __future__ import annotations

EVERYTHING = "*"

SCOPES: dict[str, str] = {
    "program:read": "Read the program document and its versions.",
    "program:write": "Replace the program document.",
    "clock:write": "Read and set the clock of a test program.",
    "members:read": "Read, find and export members.",
    "members:write": "Enrol, change, merge and erase members.",
    "tokens:write": "Mint short-lived tokens that show members their own account.",
    "orders:read": "Read orders and preview what an order would earn.",
    "orders:write": "Record orders, refunds, cancellations and actions.",
    "balances:read": "Read balances, entries and rewards.",
    "ledger:write": "Adjust balances and transfer points between members.",
    "reservations:write": "Reserve, capture and void points at checkout, and redeem rewards.",
    "vouchers:read": "Read vouchers and check what they are worth for an order.",
    "vouchers:write": "Issue and revoke vouchers.",
    "gestures:read": "Read gestures and follow-ups, and preview gestures.",
    "gestures:write": "Give gestures within the caps, and complete follow-ups.",
    "gestures:approve": "Decide on gestures that wait for approval.",
    "referrals:read": "Read referrals and their codes.",
    "referrals:write": "Record and decide referrals.",
    "events:read": "Read the stream of events.",
    "audit:read": "Read who did what: the audit trail.",
    "webhooks:write": "Manage webhook endpoints and their deliveries.",
    "reports:read": "Read reports.",
}


def unknown(scopes: list[str]) -> list[str]:
    """Return those of the given scopes that do not exist."""
    return [scope for scope in scopes if scope != EVERYTHING and scope not in SCOPES]


def allows(granted: frozenset[str], scope: str) -> bool:
    """Whether the granted scopes include this one."""
    return scope in granted or EVERYTHING in granted
