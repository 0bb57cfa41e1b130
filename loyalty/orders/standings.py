"""Tiers of the members of a request: read once, renewed as orders come and go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from loyalty.orders import queries
from loyalty.tiers.kernel import Activity, Standing, Tier, oldest_needed, standing


class Ranked(Protocol):
    """A member as far as tiers are concerned."""

    id: str
    tier: str | None
    tier_until: datetime | None


class Standings:
    """Works out the tier of members from what they did; nothing is read without tiers."""

    def __init__(self, tiers: tuple[Tier, ...], now: datetime) -> None:
        self._tiers = tiers
        self._now = now
        self._activity: dict[str, list[Activity]] = {}
        self._told: dict[str, str | None] = {}

    def read(self, connection: Connection, members: Iterable[Ranked]) -> None:
        """Read what counts for these members, and let lapsed tiers lapse."""
        known = {member.id: member for member in members}
        if self._tiers and known:
            since = oldest_needed(self._tiers, self._now)
            for row in queries.list_activity(connection, known, since=since):
                self._activity.setdefault(row[0], []).append(Activity(*row[1:]))
        for member in known.values():
            self._told[member.id] = member.tier
            self._renew(member)

    def add(self, member: Ranked, activity: Activity) -> None:
        """Let something count for a member."""
        if self._tiers:
            self._activity.setdefault(member.id, []).append(activity)
            self._renew(member)

    def news(self, member: Ranked) -> dict[str, Any] | None:
        """Return `from` and `to` if the tier is not the one stored or told before."""
        before = self._told.get(member.id)
        self._told[member.id] = member.tier
        return None if member.tier == before else {"from": before, "to": member.tier}

    def _renew(self, member: Ranked) -> None:
        now = self.of(member.id)
        member.tier, member.tier_until = now.tier, now.until

    def of(self, member_id: str) -> Standing:
        """Return a member's standing now."""
        return standing(self._tiers, self._activity.get(member_id, []), self._now)
