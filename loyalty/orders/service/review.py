"""Tiers end when their time is over, also for members who do nothing any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loyalty.foundation import db, events
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.members.models import Member
from loyalty.orders import queries
from loyalty.orders.standings import Standings
from loyalty.orders.terms import order_terms
from loyalty.programs import service as programs


@dataclass(slots=True)
class _Reviewed:
    id: str
    tier: str | None
    tier_until: datetime | None


def list_due_programs(now: datetime) -> Sequence[str]:
    """Return the ids of programs where a tier is due for review; `now` is the system's time."""
    return queries.list_programs_with_lapsing_tiers(db.connection(), now)


def review_due_members(call: Call, *, limit: int) -> Counter[str]:
    """Review up to `limit` members whose tier's time is over and whom nobody else works on.

    Returns how many `members` were reviewed, and of how many the tier `changed`;
    nothing, if nobody is due.
    """
    connection, current = db.connection(), programs.current(call.program_id, call.now)
    rows = queries.claim_lapsing_members(connection, call.program_id, now=current.now, limit=limit)
    members = [_Reviewed(*row) for row in rows]
    standings = Standings(order_terms(call.program_id, current.terms.version).tiers, current.now)
    standings.read(connection, members)
    changes, done = Changes(), Counter(members=len(members))
    for member in members:
        row = {"id": member.id, "tier": member.tier, "tier_until": member.tier_until}
        changes.update(Member, row)
        news = standings.news(member)
        if news is not None:
            done["changed"] += 1
            _tell(changes, call, member.id, news, current.now)
    changes.write(connection)
    return done


def _tell(
    changes: Changes, call: Call, member_id: str, news: dict[str, Any], now: datetime
) -> None:
    events.record(
        changes,
        "tier.changed",
        program_id=call.program_id,
        member_id=member_id,
        data=news,
        request_id=call.request_id,
        occurred_at=now,
        now=now,
    )
