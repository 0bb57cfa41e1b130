"""Refunds, cancels and reopening: as if only the rest had been bought.

After every change the pinned terms are applied to what is left of the order
(`entitled`). The difference to what the member still has of the grant is
clawed back, or given back where more is left again. What redeemed points paid
for returns in the same proportion.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from loyalty.checkout import queries as checkout_queries
from loyalty.earning import kernel as earning
from loyalty.earning.facts import Basket, Facts, Line, Refunded
from loyalty.foundation import db, events, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError
from loyalty.ledger import kernel as ledger
from loyalty.ledger.book import Book, stamp_of
from loyalty.ledger.kernel import Clawed
from loyalty.ledger.state import Account, Hold, Lot, Posting
from loyalty.members import accounts
from loyalty.members.accounts import MemberAccount
from loyalty.members.models import Member
from loyalty.orders import queries, views
from loyalty.orders.models import Order, Refund
from loyalty.orders.problems import (
    OrderCancelled,
    OrderNotCancelled,
    OrderNotFound,
    RefundConflict,
    RefundExceedsOrder,
)
from loyalty.orders.standings import Standings
from loyalty.orders.terms import OrderTerms, order_terms
from loyalty.programs import service as programs

Row = Mapping[str, Any]
NOTHING = Clawed(0, 0, 0, 0)


@dataclass(slots=True)
class File:
    """An order under lock with all that a refund of it touches; `account` is None for a guest."""

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
    holds: list[Hold]

    @property
    def refunded(self) -> Refunded:
        """What was refunded so far, undone cancels left out."""
        lines: dict[str, int] = {}
        active = [refund for refund in self.refunds if refund["undone_at"] is None]
        for refund in active:
            for line_id, amount in refund["lines"].items():
                lines[line_id] = lines.get(line_id, 0) + amount
        return Refunded(sum(refund["amount"] for refund in active), lines)


def refund_order(call: Call, order_id: str, given: Row) -> tuple[dict[str, Any], bool]:
    """Refund a part of an order or all that is left; return the refund and whether it is a repeat.

    `given` has `id`, `amount` (minor units), `lines` and `occurred_at`. Raises
    `OrderNotFound`, `OrderCancelled`, `RefundConflict`, `RefundExceedsOrder`.
    """
    file = _open(call, order_id)
    content = _fingerprint(given)
    before = next((one for one in file.refunds if one["external_id"] == given["id"]), None)
    if before is not None:
        if before["fingerprint"] != content:
            raise RefundConflict(
                f"Refund {given['id']!r} of this order was recorded before with other content."
            )
        return _shown(file, before), True
    if file.order["state"] == "cancelled":
        raise OrderCancelled("The order was cancelled; nothing is left to refund.")
    lines = {line["id"]: line["amount"] for line in given["lines"]}
    _check_amount(file, given["amount"], lines)
    occurred_at = given["occurred_at"] or file.now
    refund = _new(file, given["id"], "refund", amount=given["amount"], occurred_at=occurred_at)
    refund |= {"lines": lines, "fingerprint": content}
    return _apply(file, refund), False


def cancel_order(call: Call, order_id: str) -> tuple[dict[str, Any], bool]:
    """Refund all that is left of an order; cancelling again answers the same."""
    file = _open(call, order_id)
    if file.order["state"] == "cancelled":
        last = [one for one in file.refunds if one["kind"] == "cancel" and not one["undone_at"]]
        return _shown(file, last[-1]), True
    left = file.order["total"] - file.order["refunded"]
    refund = _new(file, ids.new_id("rfd"), "cancel", amount=left, occurred_at=file.now)
    return _apply(file, refund), False


def reopen_order(call: Call, order_id: str) -> tuple[dict[str, Any], bool]:
    """Undo a cancel: the order counts again with what it had; once per cancel.

    Raises `OrderNotCancelled`; reopening again answers the same.
    """
    file = _open(call, order_id)
    cancels = [one for one in file.refunds if one["kind"] == "cancel"]
    if file.order["state"] != "cancelled":
        if not cancels:
            raise OrderNotCancelled("The order is not cancelled, so there is nothing to reopen.")
        return _view(file), True
    cancel = cancels[-1]
    cancel["undone_at"] = file.now
    file.changes.update(Refund, {"id": cancel["id"], "undone_at": file.now})
    _redeem_again(file, cancel)
    _retarget(file, f"Order {order_id} counts again.", f"{order_id}/{cancel['external_id']}")
    _write(file)
    return _view(file), False


def _open(call: Call, order_id: str) -> File:
    """Lock the account, the member and the order, in this order, and read the rest."""
    connection = db.connection()
    member = _lock_member(call, order_id)
    order = queries.lock_order(connection, call.program_id, order_id)
    if order is None:
        raise OrderNotFound(f"There is no order {order_id!r} in this program.")
    now = member.test_now or call.now if member else programs.current(call.program_id, call.now).now
    terms = order_terms(call.program_id, order["terms_version"])
    book = Book(connection, stamp_of(call, now, terms.program.document))
    refunds = [dict(refund) for refund in queries.list_refunds(connection, order["id"])]
    file = File(call, now, terms, book, Changes(), dict(order), refunds, member, None, None, [])
    if member is not None:
        _open_account(file, member)
    return file


def _lock_member(call: Call, order_id: str) -> MemberAccount | None:
    """Lock whom the order counts for today; None for guests and for the erased."""
    connection = db.connection()
    found = queries.find_orders(connection, call.program_id, [order_id]).get(order_id)
    if found is None or found["member"] is None:
        return None
    return accounts.lock(connection, call.program_id, [found["member"]]).get(found["member"])


def _open_account(file: File, member: MemberAccount) -> None:
    order_id, account_id = file.order["external_id"], member.account_id
    file.book.adopt([member.account])
    paid = checkout_queries.list_captured_for(
        file.book.connection, file.call.program_id, [order_id]
    )
    file.book.read(
        lots_of=[account_id],
        sources=[(account_id, "order", order_id)],
        holds=[found.id for found in paid],
    )
    file.account = file.book.accounts[account_id]
    file.lot = file.book.find_lot(account_id, "order", order_id)
    file.holds = [file.account.holds[found.id] for found in paid if found.id in file.account.holds]


def _fingerprint(given: Row) -> str:
    content = orjson.dumps(dict(given), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def _check_amount(file: File, amount: int, lines: Mapping[str, int]) -> None:
    order, before = file.order, file.refunded
    left = order["total"] - order["refunded"]
    if amount > left:
        raise RefundExceedsOrder(
            f"{left} {order['currency']} minor units are left of the order, {amount} were to be "
            "refunded.",
            errors=[FieldError("/amount", f"must be at most {left}")],
            left=left,
        )
    if sum(lines.values()) > amount:
        raise RefundExceedsOrder(
            "The lines of the refund come to more than its amount.",
            errors=[FieldError("/lines", f"must not add up to more than {amount}")],
        )
    bought = {line["id"]: line["amount"] for line in order["lines"]}
    for index, (line_id, part) in enumerate(lines.items()):
        rest = bought.get(line_id, 0) - before.lines.get(line_id, 0)
        if part > rest:
            detail = f"must be at most {rest}" if line_id in bought else "is no line of the order"
            raise RefundExceedsOrder(
                f"Line {line_id!r} {detail}.",
                errors=[
                    FieldError(f"/lines/{index}/{'amount' if line_id in bought else 'id'}", detail)
                ],
            )


def _new(
    file: File, external_id: str, kind: str, *, amount: int, occurred_at: datetime
) -> dict[str, Any]:
    return {
        "id": ids.new_id("rfd"),
        "order_id": file.order["id"],
        "external_id": external_id,
        "kind": kind,
        "amount": amount,
        "lines": {},
        "fingerprint": "",
        "clawed_pending": 0,
        "clawed_available": 0,
        "clawed_debt": 0,
        "forgiven": 0,
        "returned": 0,
        "occurred_at": occurred_at,
        "recorded_at": file.now,
        "undone_at": None,
    }


def _apply(file: File, refund: dict[str, Any]) -> dict[str, Any]:
    """Take the refund into the order, write everything, and return the refund's view."""
    file.refunds.append(refund)
    order_id = file.order["external_id"]
    verb = "cancelled" if refund["kind"] == "cancel" else "refunded"
    clawed = _retarget(file, f"Order {order_id} was {verb}.", f"{order_id}/{refund['external_id']}")
    refund["clawed_pending"] = clawed.pending
    refund["clawed_available"] = clawed.available
    refund["clawed_debt"] = clawed.debt
    refund["forgiven"] = clawed.forgiven
    refund["returned"] = _return_redeemed(file, refund)
    file.changes.insert(Refund, refund)
    _event(
        file,
        "order.refunded",
        {"order": order_id, "refund": refund["external_id"], "amount": refund["amount"]},
    )
    _write(file)
    return _shown(file, refund)


def _retarget(file: File, text: str, source_id: str) -> Clawed:
    """Bring the grant to what the pinned terms give for the rest; return what was clawed back."""
    order, before = file.order, file.order["refunded"]
    order["refunded"] = file.refunded.amount
    order["state"] = _state(file)
    if file.account is None or order["facts"] is None:
        return NOTHING
    entitled = _entitled(file)
    was, order["entitled"] = order["entitled"], entitled
    if file.member is not None:
        file.member.spend += before - order["refunded"]
    if entitled < was:
        return _claw_back(file, entitled, text, source_id)
    if entitled > was:
        _reinstate(file, entitled - was, text, source_id)
    return NOTHING


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
        **{
            name: order[name]
            for name in [
                "total",
                "tax",
                "shipping",
                "gift_cards",
                "paid_with_points",
                "channel",
                "country",
                "placed_at",
                "currency",
            ]
        },
    )
    facts = Facts.from_json(order["facts"])
    award = earning.award(file.terms.earning, basket, facts, file.refunded)
    granted: int = order["granted"]
    return min(award.points, granted)


def _claw_back(file: File, entitled: int, text: str, source_id: str) -> Clawed:
    order = file.order
    assert file.account is not None  # noqa: S101 - a guest's order earned nothing
    expired = file.lot.expired if file.lot else 0
    has = order["granted"] - order["clawed"] - order["forgiven"] - expired
    if has <= entitled:
        return NOTHING
    units = has - entitled
    explanation = f"{text} {file.book.stamp.count(units)} taken back."
    posting = Posting(
        "clawback", "refund", source_id, explanation, file.now, terms_version=order["terms_version"]
    )
    forgive = file.terms.earning.on_shortfall == "forgive"
    clawed = ledger.clawback(file.account, file.lot, units, posting, forgive=forgive)
    order["clawed"] += clawed.taken
    order["forgiven"] += clawed.forgiven
    if clawed.taken:
        data = {"order": order["external_id"], "points": clawed.taken, "debt": clawed.debt}
        _event(file, "points.clawed_back", data)
    return clawed


def _reinstate(file: File, more: int, text: str, source_id: str) -> None:
    """Give back what was taken for a part that counts again; what was forgiven is not owed now."""
    order = file.order
    unforgiven = min(more, order["forgiven"])
    order["forgiven"] -= unforgiven
    units = min(more - unforgiven, order["clawed"])
    if not units or file.account is None or file.lot is None:
        return
    order["clawed"] -= units
    explanation = f"{text} {file.book.stamp.count(units)} given back."
    posting = Posting(
        "reinstate",
        "refund",
        source_id,
        explanation,
        file.now,
        terms_version=order["terms_version"],
    )
    ledger.reinstate(file.account, file.lot, units, posting)
    _event(file, "points.earned", {"order": order["external_id"], "points": units})


def _return_redeemed(file: File, refund: Row) -> int:
    """Return redeemed points in proportion to all that is refunded so far; return how many."""
    order, returned = file.order, 0
    for hold in file.holds:
        if order["state"] == "cancelled" or order["refunded"] == order["total"]:
            target = hold.captured
        else:
            target = hold.captured * order["refunded"] // order["total"]
        units = target - hold.returned
        if units <= 0 or file.account is None:
            continue
        text = (
            f"{file.book.stamp.count(units)} returned: they had paid for a part of order "
            f"{order['external_id']} that was refunded."
        )
        source = f"{order['external_id']}/{refund['external_id']}/{hold.id}"
        posting = Posting("redeem_return", "refund", source, text, file.now)
        ledger.give_back_captured(file.account, hold, units, posting)
        returned += units
    if returned:
        _event(file, "points.returned", {"order": order["external_id"], "points": returned})
    return returned


def _redeem_again(file: File, cancel: Row) -> None:
    """Take back what the cancel had returned; what was spent since becomes debt."""
    left = cancel["returned"]
    for hold in reversed(file.holds):
        units = min(left, hold.returned)
        if not units or file.account is None:
            continue
        left -= units
        hold.returned -= units
        file.account.hold_changed(hold)
        order_id = file.order["external_id"]
        text = f"{file.book.stamp.count(units)} redeemed again: order {order_id} counts again."
        source = f"{order_id}/{cancel['external_id']}/{hold.id}"
        posting = Posting("redeem", "refund", source, text, file.now)
        ledger.clawback(file.account, None, units, posting, forgive=False)


def _write(file: File) -> None:
    order = file.order
    file.changes.update(
        Order,
        {
            name: order[name]
            for name in ("id", "state", "refunded", "entitled", "clawed", "forgiven")
        },
    )
    if file.member is not None:
        file.changes.update(Member, {"id": file.member.id, "spend": file.member.spend})
    file.book.write_into(file.changes)
    file.changes.write(file.book.connection)
    if file.member is not None:
        _review_tier(file, file.member)


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
        _event(file, "tier.changed", {"from": before[0], "to": member.tier})
    file.changes.write(file.book.connection)


def _view(file: File) -> dict[str, Any]:
    return views.order(file.order, file.member.external_id if file.member else None, file.now)


def _shown(file: File, refund: Row) -> dict[str, Any]:
    return views.refund(refund, _view(file))


def _event(file: File, name: str, data: dict[str, Any]) -> None:
    events.record(
        file.changes,
        name,
        program_id=file.call.program_id,
        member_id=file.member.id if file.member else None,
        data=data,
        request_id=file.call.request_id,
        occurred_at=file.now,
        now=file.now,
    )
