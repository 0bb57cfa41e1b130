"""The file of one recorded order: under lock, counted anew, written back.

Whatever happens to an order after it was recorded ends here: the pinned terms
are applied to what is left of it (`entitled`), and the difference to what the
member still has of the grant is clawed back or given back. What redeemed
points paid for follows in the same proportion, whoever redeemed them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from loyalty.checkout import queries as checkout_queries
from loyalty.checkout.models import POINTS, STORED_VALUE
from loyalty.earning import kernel as earning
from loyalty.earning.facts import Basket, Facts, Line, Refunded
from loyalty.foundation import db, events, idempotency
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger import queries as ledger_queries
from loyalty.ledger import undoing
from loyalty.ledger.book import Book, stamp_of
from loyalty.ledger.state import Account, Lot, Posting
from loyalty.ledger.undoing import Clawed
from loyalty.members import accounts
from loyalty.members.accounts import MemberAccount
from loyalty.members.models import Member
from loyalty.orders import queries, views
from loyalty.orders.models import Order
from loyalty.orders.problems import OrderNotFound
from loyalty.orders.service.redeemed import Redeemed
from loyalty.orders.standings import Standings
from loyalty.orders.terms import OrderTerms, order_terms
from loyalty.programs import service as programs
from loyalty.referrals.service import following
from loyalty.vouchers import queries as vouchers
from loyalty.vouchers.queries import LockedVoucher

Row = Mapping[str, Any]
NOTHING = Clawed(0, 0, 0, 0)
_BASKET = (
    "total",
    "tax",
    "shipping",
    "gift_cards",
    "paid_with_points",
    "paid_with_stored_value",
    "channel",
    "country",
    "placed_at",
    "currency",
)
_CHANGING = (
    *("id", "state", "refunded", "paid_with_points", "paid_with_stored_value"),
    *("entitled", "clawed", "forgiven"),
)


class Cause(NamedTuple):
    """Why an order is counted anew: words for the customer, and what its entries are named for."""

    text: str
    source_type: str
    source_id: str


@dataclass(slots=True)
class File:
    """An order under lock with all that may change with it.

    `member` and `account` are None for a guest; `redeemed` is what was captured for
    the order, each with the account it came from. `vouchers` are those it may have
    come from, by id.
    """

    call: Call
    now: datetime
    terms: OrderTerms
    book: Book
    changes: Changes
    order: dict[str, Any]
    refunds: list[dict[str, Any]]
    member: MemberAccount | None
    account: Account | None
    lot: Lot | None
    vouchers: dict[str, LockedVoucher]
    redeemed: list[Redeemed]

    @property
    def refunded(self) -> Refunded:
        """What was refunded so far, undone cancels left out."""
        lines: dict[str, int] = {}
        active = [refund for refund in self.refunds if refund["undone_at"] is None]
        for refund in active:
            for line_id, amount in refund["lines"].items():
                lines[line_id] = lines.get(line_id, 0) + amount
        return Refunded(sum(refund["amount"] for refund in active), lines)

    def paid_with(self, tender: str) -> int:
        """Return what points or stored value paid for, in minor units."""
        found = (one.reservation for one in self.redeemed)
        return sum(one.captured_minor for one in found if one.tender == tender)


def open_file(call: Call, order_id: str) -> File:
    """Lock members and vouchers with their accounts, then the order, and read the rest.

    Raises `OrderNotFound`.
    """
    connection = db.connection()
    concerned = queries.find_concerned(connection, call.program_id, order_id)
    names = {name for name in (concerned.member, *concerned.redeemers) if name is not None}
    found = accounts.lock(connection, call.program_id, names)
    locked = vouchers.lock_vouchers(connection, call.program_id, ids=set(concerned.vouchers))
    order = queries.lock_order(connection, call.program_id, order_id)
    if order is None:
        raise OrderNotFound(f"There is no order {order_id!r} in this program.")
    anyone = next(iter(found.values()), None)
    now = anyone.test_now or call.now if anyone else programs.current(call.program_id, call.now).now
    terms = order_terms(call.program_id, order["terms_version"])
    file = File(
        call=call,
        now=now,
        terms=terms,
        book=Book(connection, stamp_of(call, now, terms.program.document)),
        changes=Changes(),
        order=dict(order),
        refunds=[dict(refund) for refund in queries.list_refunds(connection, order["id"])],
        member=found.get(concerned.member) if concerned.member else None,
        account=None,
        lot=None,
        vouchers={one.id: one for one in locked},
        redeemed=[],
    )
    file.book.adopt(one.account for one in found.values())
    file.book.adopt(one.account for one in locked)
    _open_accounts(file, names)
    return file


def recount(file: File, cause: Cause) -> Clawed:
    """Bring the grant to what the pinned terms give for the rest; return what was clawed back."""
    order = file.order
    was, entitled = _recount(file)
    if entitled < was:
        return _claw_back(file, entitled, cause)
    if entitled > was:
        forgiven = min(entitled - was, order["forgiven"])
        units = min(entitled - was - forgiven, order["clawed"])
        _reinstate(file, cause, units=units, forgiven=forgiven, taken={})
    return NOTHING


def restore(file: File, cancel: Row, cause: Cause) -> None:
    """Let an order count again as it did before a cancel, which took from and gave to lots."""
    _recount(file)
    units = cancel["clawed_pending"] + cancel["clawed_available"] + cancel["clawed_debt"]
    taken: dict[int, int] = {}
    if units and file.account is not None:
        moved = ledger_queries.find_moved_lots(
            file.book.connection,
            file.account.id,
            kind="clawback",
            source=(cause.source_type, cause.source_id),
        )
        taken = {number: -change for number, change in moved.items()}
        file.book.read(lots=[(file.account.id, number) for number in taken])
    _reinstate(file, cause, units=units, forgiven=cancel["forgiven"], taken=taken)


def write(file: File) -> None:
    """Write everything that was decided, and review the member's tier."""
    file.changes.update(Order, {name: file.order[name] for name in _CHANGING})
    if file.member is not None:
        file.changes.update(Member, {"id": file.member.id, "spend": file.member.spend})
    following.order_changed(file.book, file.changes, file.call, file.order, file.now)
    file.book.write_into(file.changes)
    file.changes.write(file.book.connection)
    if file.member is not None:
        _review_tier(file, file.member)


def view(file: File) -> dict[str, Any]:
    """Return the order as it is now."""
    return views.order(file.order, file.member.external_id if file.member else None, file.now)


def tell(file: File, name: str, data: dict[str, Any], member_id: str | None = None) -> None:
    """Write an event, about the order's member unless another is named."""
    events.record(
        file.changes,
        name,
        program_id=file.call.program_id,
        member_id=member_id or (file.member.id if file.member else None),
        data=data,
        request_id=file.call.request_id,
        occurred_at=file.now,
        now=file.now,
    )


def _open_accounts(file: File, names: Collection[str]) -> None:
    order_id, account_id = file.order["external_id"], None
    paid = checkout_queries.list_captured_for(
        file.book.connection, file.call.program_id, [order_id]
    )
    redeemers = {one.member for one in paid if one.is_points}
    used = {one.voucher_id for one in paid if not one.is_points}
    if not (redeemers <= set(names) and used <= file.vouchers.keys()):
        raise db.LostUpdate("something was redeemed on the order while it was waited for")
    captured = {one.id: one for one in paid if one.account_id in file.book.accounts}
    if file.member is not None:
        account_id = file.member.account_id
    file.book.read(
        lots_of=list(file.book.accounts),
        sources=[(account_id, "order", order_id)] if account_id else [],
        holds=sorted(captured),
    )
    for reservation_id in sorted(captured):
        pair = file.book.find_hold(reservation_id)
        if pair is not None:
            file.redeemed.append(Redeemed(*pair, captured[reservation_id]))
    if account_id:
        file.account = file.book.accounts[account_id]
        file.lot = file.book.find_lot(account_id, "order", order_id)
        idempotency.concerns(file.member.id if file.member else None)


def _recount(file: File) -> tuple[int, int]:
    """Count what is left of the order; return what it was entitled to, and is now."""
    order, before = file.order, file.order["refunded"]
    order["refunded"] = file.refunded.amount
    order["state"] = _state(file)
    order["paid_with_points"] = file.paid_with(POINTS)
    order["paid_with_stored_value"] = file.paid_with(STORED_VALUE)
    if file.member is None or order["facts"] is None:
        return 0, 0
    file.member.spend += before - order["refunded"]
    was, order["entitled"] = order["entitled"], _entitled(file)
    return was, order["entitled"]


def _state(file: File) -> str:
    active = [refund for refund in file.refunds if refund["undone_at"] is None]
    if any(refund["kind"] == "cancel" for refund in active):
        return "cancelled"
    order = file.order
    return "refunded" if active and order["refunded"] == order["total"] else "paid"


def _entitled(file: File) -> int:
    order = file.order
    if order["state"] == "cancelled":
        return 0
    basket = Basket(
        lines=tuple(Line(**line) for line in order["lines"]),
        metadata=order["metadata"] or {},
        **{name: order[name] for name in _BASKET},
    )
    facts = Facts.from_json(order["facts"])
    award = earning.award(file.terms.earning, basket, facts, file.refunded)
    granted: int = order["granted"]
    return min(award.points, granted)


def _claw_back(file: File, entitled: int, cause: Cause) -> Clawed:
    order = file.order
    assert file.account is not None  # noqa: S101 - a guest's order earned nothing
    expired = file.lot.expired if file.lot else 0
    has = order["granted"] - order["clawed"] - order["forgiven"] - expired
    if has <= entitled:
        return NOTHING
    posting = _posting(file, "clawback", cause, has - entitled, "taken back")
    forgive = file.terms.earning.on_shortfall == "forgive"
    clawed = undoing.clawback(file.account, file.lot, has - entitled, posting, forgive=forgive)
    order["clawed"] += clawed.taken
    order["forgiven"] += clawed.forgiven
    if clawed.taken:
        data = {"order": order["external_id"], "points": clawed.taken, "debt": clawed.debt}
        tell(file, "points.clawed_back", data)
    return clawed


def _reinstate(
    file: File, cause: Cause, *, units: int, forgiven: int, taken: Mapping[int, int]
) -> None:
    """Give back what was taken, by lots if known; what was forgiven is not owed now."""
    file.order["forgiven"] -= forgiven
    if not units or file.account is None or file.lot is None:
        return
    file.order["clawed"] -= units
    posting = _posting(file, "reinstate", cause, units, "given back")
    _, fresh_until = file.terms.earning.schedule(file.now)
    undoing.reinstate(file.account, file.lot, units, posting, taken=taken, fresh_until=fresh_until)
    tell(file, "points.earned", {"order": file.order["external_id"], "points": units})


def _posting(file: File, kind: str, cause: Cause, units: int, what: str) -> Posting:
    return Posting(
        kind,
        cause.source_type,
        cause.source_id,
        f"{cause.text} {file.book.stamp.count(units)} {what}.",
        file.now,
        terms_version=file.order["terms_version"],
    )


def _review_tier(file: File, member: MemberAccount) -> None:
    """See whether the member still stands where they stood, by the tiers in force now."""
    tiers = order_terms(file.call.program_id, member.version).tiers
    before = (member.tier, member.tier_until)
    Standings(tiers, file.now).read(file.book.connection, [member])
    if (member.tier, member.tier_until) == before:
        return
    file.changes.update(
        Member, {"id": member.id, "tier": member.tier, "tier_until": member.tier_until}
    )
    if member.tier != before[0]:
        tell(file, "tier.changed", {"from": before[0], "to": member.tier})
    file.changes.write(file.book.connection)
