"""Handing over what a gesture promises: a voucher, points, or the order to refund money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loyalty.foundation import clock
from loyalty.foundation.money import written
from loyalty.ledger import kernel
from loyalty.ledger.state import Posting
from loyalty.members.accounts import MemberAccount
from loyalty.recovery import follow_ups
from loyalty.recovery.models import FEE_WAIVER, ISSUED, POINTS, REFUND, REQUESTED, STORED_VALUE
from loyalty.recovery.service.desk import Desk
from loyalty.recovery.terms import Reason
from loyalty.vouchers.models import GOODWILL
from loyalty.vouchers.service import issuing

Give = Callable[[Desk, Mapping[str, Any], MemberAccount, Reason], dict[str, Any]]

_KINDS = {STORED_VALUE: STORED_VALUE, FEE_WAIVER: FEE_WAIVER}


def hand_over(
    desk: Desk, row: Mapping[str, Any], member: MemberAccount, contact: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Give what a gesture's row says to a member under lock, and open the follow-up.

    Returns the columns of the row that this fills, with the `code` of a voucher. What is written
    is in the desk's changes and book. Raises BalanceTooLarge.
    """
    reason = _reason_of(desk, row)
    give = _GIVES.get(row["kind"], _issue_voucher)
    filled: dict[str, Any] = {"state": ISSUED, "issued_at": desk.now}
    filled |= give(desk, row, member, reason)
    told = {"voucher": filled.get("voucher_id"), "entry": filled.get("entry_id")}
    desk.event("gesture.issued", row, {**told, "agent": row["agent"]})
    follow_ups.open_for(
        desk.changes,
        gesture=row,
        follow_up_after=reason.follow_up_after,
        contact=contact,
        now=desk.now,
        zone=desk.terms.zone,
        request_id=desk.call.request_id,
    )
    return filled


def _issue_voucher(
    desk: Desk, row: Mapping[str, Any], member: MemberAccount, _reason: Reason
) -> dict[str, Any]:
    terms = {
        "kind": _KINDS.get(row["kind"], "amount"),
        "class_": GOODWILL,
        "currency": row["currency"],
        "amount": row["amount"],
        "expires_at": clock.add(row["life"], desk.now, desk.terms.zone),
    }
    issued = issuing.issue(
        desk.book,
        desk.changes,
        desk.call,
        terms,
        member_id=member.id,
        source=("gesture", row["id"]),
        now=desk.now,
    )
    return {"voucher_id": issued["id"], "code": issued["written"]}


def _give_points(
    desk: Desk, row: Mapping[str, Any], member: MemberAccount, reason: Reason
) -> dict[str, Any]:
    desk.book.read()
    account = desk.book.accounts[member.account_id]
    text = f"{desk.book.stamp.count(row['points'])} as goodwill: {reason.name}."
    posting = Posting("goodwill", "gesture", row["id"], text, desk.now)
    _, expires_at = desk.terms.earning.schedule(desk.now)
    kernel.grant(account, row["points"], posting, available_at=desk.now, expires_at=expires_at)
    entry = next(one for one in account.entries if one["source_id"] == row["id"])
    return {"entry_id": entry["id"]}


def _order_refund(
    desk: Desk, row: Mapping[str, Any], _member: MemberAccount, _reason: Reason
) -> dict[str, Any]:
    """Ask for money to go back; whoever moves it hears of it by the event."""
    text = written(row["amount"], row["currency"])
    data = {"order": row["order_ref"], "amount": row["amount"], "text": text}
    desk.event("gesture.refund_requested", row, data)
    return {"refund_state": REQUESTED}


def _reason_of(desk: Desk, row: Mapping[str, Any]) -> Reason:
    """Return the reason's terms; one that the program gave up since keeps its code as its name."""
    found = desk.terms.reasons.get(row["reason"])
    return found or Reason(row["reason"], row["reason"], None, desk.terms.follow_up_after)


_GIVES: dict[str, Give] = {POINTS: _give_points, REFUND: _order_refund}
