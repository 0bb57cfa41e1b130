"""The desk: everything a set of orders needs, read together, and written together.

One order is a set of one. Reading takes the same few statements for a thousand
orders as for one; deciding happens in memory, order by order, and one that is
refused leaves no trace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from loyalty.checkout import queries as checkout_queries
from loyalty.foundation import db, events, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.keyed import plan_each_time
from loyalty.ledger.book import POINTS, Book, stamp_of
from loyalty.members import accounts
from loyalty.members import service as members
from loyalty.members.accounts import MemberAccount
from loyalty.members.models import ACTIVE, Member
from loyalty.orders import queries
from loyalty.orders.facts import History
from loyalty.orders.standings import Standings
from loyalty.orders.terms import OrderTerms, order_terms
from loyalty.programs import service as programs
from loyalty.referrals.service import qualifying
from loyalty.referrals.service.qualifying import Qualifying
from loyalty.vouchers import queries as vouchers

Input = Mapping[str, Any]
KEPT_PLANS = 32
"""For more orders than these, PostgreSQL plans anew, which takes as long as some of them."""


@dataclass(slots=True)
class Desk:
    """The facts of one transaction about the members and orders at hand."""

    call: Call
    terms: OrderTerms
    now: datetime
    book: Book
    changes: Changes
    members: dict[str, MemberAccount]
    seen: queries.Seen
    reservations: dict[str, checkout_queries.Found]
    history: History
    standings: Standings
    referrals: Qualifying

    def serve(self, call: Call) -> None:
        """Work for this call from now on: what is written bears its actor and request."""
        if call is not self.call:
            self.call = call
            self.book.sign(call)

    def newcomer(self, external_id: str) -> MemberAccount:
        """Return someone who would join now; nothing remembers them until they are enrolled."""
        return MemberAccount(
            account=(ids.new_id("acc"),),
            asked_for=external_id,
            id=ids.new_id("mbr"),
            external_id=external_id,
            status=ACTIVE,
            **dict.fromkeys(("country", "locale", "metadata", "tier", "tier_until")),
            joined_at=self.now,
            orders=0,
            spend=0,
            last_order_at=None,
            version=self.terms.program.version,
            test_now=None,
            referral_pending=False,
        )

    def enrol(self, member: MemberAccount, given: Mapping[str, Any]) -> None:
        """Let a newcomer join, unless they are known already."""
        if member.asked_for in self.members:
            return
        self.members[member.asked_for] = member
        program_id = self.call.program_id
        members.enrol(
            self.changes,
            program_id=program_id,
            now=self.now,
            member_id=member.id,
            account_id=member.account_id,
            **given,
        )
        self.book.open_account(
            account_id=member.account_id,
            owner_id=member.id,
            program_id=program_id,
            unit=POINTS,
        )

    def note_member(self, member: MemberAccount) -> None:
        """Have a member's statistics and tier written, and tell if the tier is another."""
        self.changes.update(
            Member,
            {
                "id": member.id,
                "orders": member.orders,
                "spend": member.spend,
                "last_order_at": member.last_order_at,
                "tier": member.tier,
                "tier_until": member.tier_until,
                "updated_at": self.now,
            },
        )
        news = self.standings.news(member)
        if news is not None:
            events.record(
                self.changes,
                "tier.changed",
                program_id=self.call.program_id,
                member_id=member.id,
                data=news,
                request_id=self.call.request_id,
                occurred_at=self.now,
                now=self.now,
            )

    def write(self) -> None:
        """Write everything that was decided."""
        self.book.write_into(self.changes)
        self.changes.write(self.book.connection)


def open_desk(call: Call, orders: Sequence[Input], *, lock: bool) -> Desk:
    """Read all that these orders need; without `lock` for a preview, which writes nothing."""
    connection = db.connection()
    if len(orders) > KEPT_PLANS:
        plan_each_time(connection)
    names = {order["member"]["external_id"] for order in orders if order["member"]}
    take = accounts.lock if lock else accounts.find
    found = take(connection, call.program_id, names)
    terms, now = _terms(call, found)
    seen = queries.find_seen(connection, call.program_id, [order["id"] for order in orders])
    wanted = {one for order in orders for one in order["reservations"]}
    reservations = _reservations(call, wanted)
    book = Book(connection, stamp_of(call, now, terms.program.document))
    book.adopt(member.account for member in found.values())
    book.adopt(_voucher_accounts(call, reservations, lock=lock))
    here = {one.id for one in reservations.values() if one.account_id in book.accounts}
    book.read(holds=here)
    _require_fresh(book, reservations)
    desk = Desk(
        call, terms, now, book, Changes(), found, seen, reservations,
        History(terms.earning), Standings(terms.tiers, now), Qualifying(None),
    )  # fmt: skip
    if lock:
        desk.referrals = qualifying.open_qualifying(
            book, call, version=terms.program.version, now=now, members=found, orders=orders
        )
    known = {member.id for member in found.values()}
    earliest = min((order["placed_at"] or now for order in orders), default=now)
    desk.history.read(connection, known, earliest)
    desk.standings.read(connection, found.values())
    return desk


def fingerprint(given: Input) -> str:
    """Return the hash by which the same content is known again, whatever the order of its keys."""
    content = orjson.dumps(dict(given), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def _terms(call: Call, found: Mapping[str, MemberAccount]) -> tuple[OrderTerms, datetime]:
    member = next(iter(found.values()), None)
    if member is not None:
        return order_terms(call.program_id, member.version), member.test_now or call.now
    current = programs.current(call.program_id, call.now)
    return order_terms(call.program_id, current.terms.version), current.now


def _voucher_accounts(
    call: Call, reservations: Mapping[str, checkout_queries.Found], *, lock: bool
) -> list[tuple[Any, ...]]:
    """Return the accounts of the vouchers that are to be captured; after those of members."""
    wanted = {one.voucher_id for one in reservations.values() if one.voucher_id is not None}
    if not wanted:
        return []
    take = vouchers.lock_vouchers if lock else vouchers.find_vouchers
    return [one.account for one in take(db.connection(), call.program_id, ids=wanted)]


def _require_fresh(book: Book, reservations: Mapping[str, checkout_queries.Found]) -> None:
    """Begin again if a voucher was captured between its reservation's reading and its lock."""
    for found in reservations.values():
        pair = book.find_hold(found.id)
        if pair and found.state == "open" and pair[1].state == "captured":
            raise db.LostUpdate("a voucher was captured while it was waited for")


def _reservations(call: Call, wanted: Collection[str]) -> dict[str, checkout_queries.Found]:
    if not wanted:
        return {}
    return checkout_queries.find_reservations(db.connection(), call.program_id, wanted)
