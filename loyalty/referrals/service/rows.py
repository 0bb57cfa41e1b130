"""A referral's row, and what is written beside it whenever it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loyalty.foundation import events, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger.book import Book
from loyalty.members.models import Member
from loyalty.referrals.flags import Verdict, in_order
from loyalty.referrals.models import FLAGGED, PENDING, SIDES, Referral

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """The transaction that referrals change in; the caller writes book and changes."""

    book: Book
    changes: Changes
    call: Call
    now: datetime


def add_referral(
    work: Work, *, advocate_id: str, referee_id: str, code: str, verdict: Verdict
) -> Row:
    """Add a new referral to the changes, and return its row."""
    row: Row = {
        "id": ids.new_id("rfl"),
        "program_id": work.call.program_id,
        "advocate_id": advocate_id,
        "referee_id": referee_id,
        "code": code,
        "state": verdict.state,
        "flags": verdict.flags,
        **dict.fromkeys(("order_ref", "order_left", "placed_at", "min_order", "terms_version")),
        **dict.fromkeys(("qualified_at", "available_at")),
        **dict.fromkeys(("decision", "decided_by", "decided_at", "note")),
        **{f"{side}_{name}": 0 for side in SIDES for name in ("points", "clawed", "forgiven")},
        **{f"{side}_{name}": None for side in SIDES for name in ("voucher_id", "units_taken")},
        "turns": 0,
        "created_at": work.now,
    }
    work.changes.insert(Referral, row)
    if row["state"] in (PENDING, FLAGGED):
        work.changes.update(Member, {"id": referee_id, "referral_pending": True})
    tell(work, "recorded", row, {"flags": row["flags"]})
    return row


def change(work: Work, row: Row, values: Mapping[str, Any]) -> None:
    """Change a referral, in memory and among the changes to write."""
    row.update(values)
    work.changes.update(Referral, {"id": row["id"], **values})


def add_flag(work: Work, row: Row, flag: str, state: str) -> None:
    """Note something about a referral that puts it into another state."""
    change(work, row, {"state": state, "flags": in_order({*row["flags"], flag})})
    tell(work, state, row, {"flags": row["flags"]})


def tell(work: Work, verb: str, row: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Write the event that something happened to a referral, about its advocate."""
    about = {"referral": row["id"], "referee": row["referee_id"], "state": row["state"]}
    tell_member(work, f"referral.{verb}", row["advocate_id"], {**about, **data})


def tell_member(work: Work, name: str, member_id: str, data: Mapping[str, Any]) -> None:
    """Write an event about a member."""
    events.record(
        work.changes,
        name,
        program_id=work.call.program_id,
        member_id=member_id,
        data=dict(data),
        request_id=work.call.request_id,
        occurred_at=work.now,
        now=work.now,
    )
