"""Tiers of the members of a request: read once, renewed as orders come and go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.engine import Connection

from loyalty.members.accounts import MemberAccount
from loyalty.orders import queries
from loyalty.tiers.kernel import Activity, Standing, Tier, oldest_needed, standing


class Standings:
    """Works out the tier of members from what they did; nothing is read without tiers."""

    def __init__(self, tiers: tuple[Tier, ...], now: datetime) -> None:
        self._tiers = tiers
        self._now = now
        self._activity: dict[str, list[Activity]] = {}

    def read(self, connection: Connection, members: Iterable[MemberAccount]) -> None:
        """Read what counts for these members, and let lapsed tiers lapse."""
        known = {member.id: member for member in members}
        if not self._tiers or not known:
            return
        since = oldest_needed(self._tiers, self._now)
        for row in queries.list_activity(connection, known, since=since):
            self._activity.setdefault(row[0], []).append(Activity(*row[1:]))
        for member in known.values():
            self._renew(member)

    def add(self, member: MemberAccount, activity: Activity) -> bool:
        """Let something count for a member; return whether the tier changed."""
        if not self._tiers:
            return False
        self._activity.setdefault(member.id, []).append(activity)
        return self._renew(member)

    def _renew(self, member: MemberAccount) -> bool:
        before = member.tier
        now = self.of(member.id)
        member.tier, member.tier_until = now.tier, now.until
        return member.tier != before

    def of(self, member_id: str) -> Standing:
        """Return a member's standing now."""
        return standing(self._tiers, self._activity.get(member_id, []), self._now)
