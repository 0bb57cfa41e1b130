"""The past of members as the earning rules want it: kept in memory while a batch is recorded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from statistics import median
from typing import Any

from sqlalchemy.engine import Connection

from loyalty.earning.facts import Facts, Headroom
from loyalty.earning.terms import EarningTerms, LimitNeed
from loyalty.foundation import clock
from loyalty.members.accounts import MemberAccount
from loyalty.orders import queries

USUAL_OF = 50  # the usual order is the median of so many last ones …
USUAL_FROM = 3  # … and known from so many on


@dataclass(slots=True)
class Past:
    """One member's recorded orders (placed at, basis) and uses of limited rules (at, points)."""

    orders: list[tuple[datetime, int]] = field(default_factory=list)
    uses: dict[str, list[tuple[datetime, int]]] = field(default_factory=dict)


class History:
    """The pasts of the members of a request, read in at most two statements."""

    def __init__(self, terms: EarningTerms, limits: Sequence[LimitNeed] | None = None) -> None:
        self._terms = terms
        self._limits = terms.needs.limits if limits is None else limits
        self._pasts: dict[str, Past] = {}

    def read(self, connection: Connection, member_ids: Collection[str], earliest: datetime) -> None:
        """Read what the rules need of these members; `earliest` is the first order's time."""
        needs = self._terms.needs
        if not member_ids:
            return
        if needs.history_windows or needs.usual:
            starts = [self._before(window, earliest) for window in needs.history_windows]
            last = USUAL_OF if needs.usual else 0
            for member_id, at, basis in queries.list_recent_orders(
                connection, member_ids, since=min(starts, default=None), last=last
            ):
                self._of(member_id).orders.append((at, basis))
        if self._limits:
            rule_ids = {limit.rule_id for limit in self._limits}
            for member_id, rule_id, points, at in queries.list_rule_uses(
                connection, member_ids, rule_ids
            ):
                self._of(member_id).uses.setdefault(rule_id, []).append((at, points))

    def facts(self, member: MemberAccount, at: datetime) -> Facts:
        """Return the facts for an order (or action) of a member at a time."""
        past = self._of(member.id)
        needs = self._terms.needs
        return Facts(
            nth=member.orders + 1,
            within={
                window: 1
                + sum(self._before(window, at) < placed <= at for placed, _ in past.orders)
                for window in needs.history_windows
            },
            usual=_usual(past) if needs.usual else None,
            tier=member.tier,
            member={name: _about(member, name) for name in needs.member},
            headroom={limit.rule_id: self._headroom(past, limit, at) for limit in self._limits},
        )

    def add_order(self, member: MemberAccount, placed_at: datetime, basis: int) -> None:
        """Let an order of this request count for those after it."""
        self._of(member.id).orders.append((placed_at, basis))

    def add_use(self, member: MemberAccount, rule_id: str, at: datetime, points: int) -> None:
        """Let a use of a limited rule count for those after it."""
        self._of(member.id).uses.setdefault(rule_id, []).append((at, points))

    def _of(self, member_id: str) -> Past:
        return self._pasts.setdefault(member_id, Past())

    def _before(self, window: str, at: datetime) -> datetime:
        return clock.subtract(window, at, self._terms.timezone)

    def _headroom(self, past: Past, limit: LimitNeed, at: datetime) -> Headroom:
        start = None if limit.window is None else self._before(limit.window, at)
        uses = past.uses.get(limit.rule_id, ())
        used = [n for when, n in uses if start is None or start < when <= at]
        return Headroom(
            count=None if limit.count is None else max(0, limit.count - len(used)),
            points=None if limit.points is None else max(0, limit.points - sum(used)),
        )


def _usual(past: Past) -> Fraction | None:
    bought = [basis for _, basis in sorted(past.orders)[-USUAL_OF:] if basis > 0]
    return Fraction(median(map(Fraction, bought))) if len(bought) >= USUAL_FROM else None


def _about(member: MemberAccount, name: str) -> Any:
    if name.startswith("metadata."):
        return (member.metadata or {}).get(name.removeprefix("metadata."))
    value = getattr(member, name)
    return value.isoformat() if isinstance(value, datetime) else value
