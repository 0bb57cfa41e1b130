"""Showing referrals, and what a member has to pass on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.members import queries as member_queries
from loyalty.members import service as members
from loyalty.programs import service as programs
from loyalty.referrals import lists, queries
from loyalty.referrals.flags import TEXTS
from loyalty.referrals.models import FLAGGED, PENDING, QUALIFIED, REWARDED, SIDES
from loyalty.referrals.terms import ReferralTerms, referral_terms

_AS_THEY_ARE = (
    *("id", "advocate", "referee", "code", "min_order", "qualified_at", "available_at"),
    *("decision", "decided_by", "decided_at", "note", "created_at"),
)


class ReferralNotFound(Problem):
    """No such referral in this program."""

    code = "referral_not_found"
    status = 404
    title = "There is no such referral"
    about = "No referral of this program has that id; `GET /v1/referrals` lists them."


def get_referral(call: Call, referral_id: str) -> dict[str, Any]:
    """Return a referral as it is now. Raises `ReferralNotFound`."""
    return show(call, referral_id, programs.current(call.program_id, call.now).now)


def list_referrals(
    call: Call,
    *,
    state: str | None,
    advocate: str | None,
    referee: str | None,
    before: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return up to `limit` referrals, newest first, from below an id."""
    now = programs.current(call.program_id, call.now).now
    found = lists.list_shown(
        db.connection(), call.program_id, now=now, limit=limit, before=before, state=state,
        advocate=advocate, referee=referee,
    )  # fmt: skip
    return [_shown(row, now) for row in found]


def get_member_referral(call: Call, external_id: str) -> dict[str, Any]:
    """Return a member's code and link, and how many they brought. Raises as `get_member`."""
    member = members.get_active_member(call, external_id)
    current = programs.current(call.program_id, call.now)
    terms = referral_terms(call.program_id, current.terms.version)
    counts = lists.count_by_state(db.connection(), member["id"], now=current.now)
    return {
        "member": member["external_id"],
        "code": member["referral_code"],
        "link": terms.link_with(member["referral_code"]) if terms else None,
        "rewarded": counts.get(REWARDED, 0),
        "pending": sum(counts.get(state, 0) for state in (PENDING, FLAGGED, QUALIFIED)),
        "limit": _limit(terms, member, current.now),
    }


def show(call: Call, referral_id: str, now: datetime) -> dict[str, Any]:
    """Return a referral as it is at the program's time. Raises `ReferralNotFound`."""
    found = lists.list_shown(db.connection(), call.program_id, now=now, limit=1, ids=[referral_id])
    if not found:
        raise ReferralNotFound(f"There is no referral {referral_id!r} in this program.")
    return _shown(found[0], now)


def state_of(row: Mapping[str, Any], now: datetime) -> str:
    """Return the state at an instant: what qualified is rewarded once its time has come."""
    if row["state"] == QUALIFIED and row["available_at"] <= now:
        return REWARDED
    return str(row["state"])


def _shown(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        **{name: row[name] for name in _AS_THEY_ARE},
        "state": state_of(row, now),
        "order_id": row["order_ref"],
        "flags": [{"code": flag, "text": TEXTS[flag]} for flag in row["flags"]],
        "rewards": {side: _reward(row, side) for side in SIDES},
    }


def _reward(row: Mapping[str, Any], side: str) -> dict[str, Any] | None:
    if not row[f"{side}_points"] and row[f"{side}_voucher_id"] is None:
        return None
    return {
        "points": row[f"{side}_points"],
        "taken_back": row[f"{side}_clawed"],
        "voucher": row[f"{side}_voucher"],
    }


def _limit(
    terms: ReferralTerms | None, member: member_queries.Row, now: datetime
) -> dict[str, Any] | None:
    if terms is None or terms.limit is None:
        return None
    start = terms.window_start(now)
    used = queries.count_rewarded(db.connection(), [member["id"]], since=start)
    count = terms.limit["count"]
    used_up = used.get(member["id"], 0)
    return {
        "count": count,
        "per": terms.limit.get("per"),
        "used": used_up,
        "remaining": max(0, count - used_up),
    }
