"""The order that makes a referral count: the referee's first one that is large enough.

Orders call this while they are recorded: `open_qualifying` once for all orders of a transaction,
`order_recorded` for each. Nothing is read unless a member was referred or an order names a code,
and the number of statements does not depend on the number of orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger.book import Book
from loyalty.members import identity
from loyalty.members.accounts import MemberAccount
from loyalty.members.models import Member
from loyalty.referrals import flags, queries
from loyalty.referrals.flags import Person, Verdict, judge
from loyalty.referrals.models import FLAGGED, PENDING, QUALIFIED, REJECTED
from loyalty.referrals.queries import Alike, Side
from loyalty.referrals.service import rewards, rows
from loyalty.referrals.service.rows import Row, Work
from loyalty.referrals.terms import ReferralTerms, is_enough, money_left, referral_terms

Input = Mapping[str, Any]


@dataclass(slots=True)
class Qualifying:
    """What was read about the referrals that the orders of a transaction may concern.

    `referrals` are by the referee's id, `advocates` by the id they were asked for by, `holders`
    the advocates' ids by code, `persons` by the shop's id, `alike` by email key, `orders` how many
    each member has so far, and `used` how many referrals count against each advocate's limit.
    """

    terms: ReferralTerms | None
    referrals: dict[str, Row] = field(default_factory=dict)
    advocates: dict[str, Side] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    persons: dict[str, Person] = field(default_factory=dict)
    alike: dict[str, Alike] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    @property
    def accounts_to_lock(self) -> set[str]:
        """The advocates' points accounts; `open_qualifying` has locked them already."""
        return {side.account_id for side in self.advocates.values()}

    def order_recorded(
        self,
        book: Book,
        changes: Changes,
        call: Call,
        *,
        member: MemberAccount,
        order_row: Row,
        now: datetime,
    ) -> None:
        """Let a recorded order count for the referral of its member, if there is one.

        Call it once for each order of a member, after the member was enrolled and before the book
        is written. It refuses nothing: an order that was paid is recorded.
        """
        terms = self.terms
        bought_before = self.orders.get(member.id, 0)
        self.orders[member.id] = bought_before + 1
        if terms is None:
            return
        work = Work(book, changes, call, now)
        row = self.referrals.get(member.id)
        if row is None:
            row = self._refer(work, member, order_row["referral_code"], bought=bool(bought_before))
        if row is None or row["order_ref"] or row["state"] not in (PENDING, FLAGGED):
            return
        left = money_left(order_row)
        if is_enough(left, terms.min_order):
            self._attach(work, row, member, order_row, left)
            self._decide(work, row, member, terms)

    def _refer(
        self, work: Work, member: MemberAccount, code: str | None, *, bought: bool
    ) -> Row | None:
        """Record the referral that an order's code tells of, unless the person was brought before.

        A code that nobody has is left alone: it is no reason to refuse an order.
        """
        advocate_id = self.holders.get(identity.referral_code_key(code)) if code else None
        advocate = self.advocates.get(advocate_id or "")
        if code is None or advocate is None:
            return None
        referee = self.persons.get(member.external_id) or flags.person_of(member.id, None, None)
        referee = referee._replace(id=member.id)
        verdict = self._judge(advocate.person, referee, bought=bought)
        if verdict is None:
            return None
        row = rows.add_referral(
            work,
            advocate_id=advocate.id,
            referee_id=member.id,
            code=identity.referral_code_key(code),
            verdict=verdict,
        )
        self.referrals[member.id] = row
        return row

    def _judge(self, advocate: Person, referee: Person, *, bought: bool) -> Verdict | None:
        alike = [self.alike[key] for key in referee.email_keys if key in self.alike]
        if any(one.referred - {referee.id} for one in alike):
            return None
        same = {"email"} if any(advocate.id in one.member_ids for one in alike) else set()
        others = any(one.buyers - {referee.id} for one in alike)
        return judge(advocate, referee, bought=bought or others, like_advocate=same)

    def _attach(self, work: Work, row: Row, member: MemberAccount, order: Row, left: int) -> None:
        about = {
            "order_ref": order["external_id"],
            "order_left": left,
            "placed_at": order["placed_at"],
            "min_order": self.terms.min_order if self.terms else 0,
            "terms_version": order["terms_version"],
        }
        rows.change(work, row, about)
        member.referral_pending = False
        work.changes.update(Member, {"id": member.id, "referral_pending": False})

    def _decide(self, work: Work, row: Row, member: MemberAccount, terms: ReferralTerms) -> None:
        """Give the rewards, or leave it to a person; one that was flagged waits for them anyway."""
        if row["state"] == FLAGGED:
            return
        advocate = self.advocates.get(row["advocate_id"])
        if advocate is None or not advocate.is_active:
            rows.add_flag(work, row, flags.GONE, REJECTED)
            return
        used = self.used.get(advocate.id, 0)
        if terms.limit and used >= terms.limit["count"] and row["decision"] is None:
            rows.add_flag(work, row, flags.OVER_LIMIT, FLAGGED)
            return
        sides = {row["advocate_id"]: advocate, member.id: _side_of(work, member)}
        if not rewards.has_room(work, row, sides, terms):
            rows.add_flag(work, row, flags.NO_ROOM, FLAGGED)
            return
        self.used[advocate.id] = used + 1
        qualify(work, row, sides, terms)


def open_qualifying(
    book: Book,
    call: Call,
    *,
    version: int,
    now: datetime,
    members: Mapping[str, MemberAccount],
    orders: Sequence[Input],
) -> Qualifying:
    """Read and lock what these orders need, after the members were locked and taken into the book.

    `members` are those that exist, by the id asked for; `orders` are as they came, with `member`
    and `referral_code`. Advocates' accounts are locked here and taken into the book.
    """
    terms = referral_terms(call.program_id, version)
    found = Qualifying(terms, orders={one.id: one.orders for one in members.values()})
    if terms is None:
        return found
    coded = {
        order["member"]["external_id"]: order
        for order in orders
        if order["member"] and order.get("referral_code")
    }
    named = {members[name].id for name in coded if name in members}
    waiting = {one.id for one in members.values() if one.referral_pending}
    if not coded and not waiting:
        return found
    found.referrals = queries.list_of_referees(book.connection, waiting | named)
    _read_codes(found, book, call, members, orders)
    open_ones = [row for row in found.referrals.values() if row["referee_id"] in waiting]
    wanted = {row["advocate_id"] for row in open_ones} | set(found.holders.values())
    found.advocates = queries.lock_sides(book.connection, wanted)
    _take_in(book, found.advocates.values())
    if terms.limit and found.advocates:
        ids = {side.id for side in found.advocates.values()}
        since = terms.window_start(now)
        found.used = queries.count_rewarded(book.connection, ids, since=since)
    return found


def qualify(work: Work, row: Row, sides: Mapping[str, Side], terms: ReferralTerms) -> None:
    """Give both rewards of a referral whose order counts."""
    changed = rewards.grant(work, row, sides, terms)
    rows.change(work, row, {"state": QUALIFIED, "qualified_at": work.now, **changed})
    data = {"order": row["order_ref"], "available_at": row["available_at"]}
    rows.tell(work, "qualified", row, data)


def _read_codes(
    found: Qualifying,
    book: Book,
    call: Call,
    members: Mapping[str, MemberAccount],
    orders: Sequence[Input],
) -> None:
    """Read whose codes the orders name, and who shares a mailbox with those who name them.

    Nothing is read for members of whom it is known how they were brought.
    """
    connection = book.connection
    new = [
        order
        for order in orders
        if order["member"] and order.get("referral_code")
        and not _is_referred(found, members.get(order["member"]["external_id"]))
    ]  # fmt: skip
    codes = {identity.referral_code_key(order["referral_code"]) for order in new}
    holders = queries.find_by_codes(connection, call.program_id, codes)
    found.holders = {code: holder.id for code, holder in holders.items()}
    if not holders:
        return
    names = {order["member"]["external_id"] for order in new}
    known = {name: members[name] for name in names if name in members}
    persons = queries.find_persons(connection, {one.id for one in known.values()})
    found.persons = {one.external_id: persons[one.id] for one in known.values()}
    for order in new:
        name, email = order["member"]["external_id"], order["member"].get("email")
        if name not in known and email:
            found.persons.setdefault(name, flags.person_of("", identity.email_key(email), None))
    keys = {key for person in found.persons.values() for key in person.email_keys}
    found.alike = queries.find_alike(connection, call.program_id, keys)


def _is_referred(found: Qualifying, member: MemberAccount | None) -> bool:
    return member is not None and member.id in found.referrals


def _take_in(book: Book, sides: Iterable[Side]) -> None:
    new = {one.account_id: one for one in sides if one.account_id not in book.accounts}
    book.adopt(one.account for one in new.values())
    book.read()


def _side_of(work: Work, member: MemberAccount) -> Side:
    """Return the referee's side: their account is in the book already."""
    account = work.book.accounts[member.account_id]
    person = flags.person_of(member.id, None, None)
    return Side((account.id,), member.id, member.id, member.status, person)
