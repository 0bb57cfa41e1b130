"""What happens to a referral when its order changes: rewards follow the order, and net once.

Orders call this for refunds, cancels, reopening and captures, with whatever became of the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger.book import Book
from loyalty.referrals import queries
from loyalty.referrals.models import QUALIFIED, VOIDED
from loyalty.referrals.queries import Side
from loyalty.referrals.service import qualifying, rewards, rows
from loyalty.referrals.service.rows import Row, Work
from loyalty.referrals.terms import ReferralTerms, is_enough, money_left, referral_terms

ORDER = "the order it was given for was refunded or cancelled."
ONE_PERSON = "advocate and referee turned out to be one person."


def order_changed(
    book: Book, changes: Changes, call: Call, order_row: Mapping[str, Any], now: datetime
) -> None:
    """Take both rewards back while the order does not count, and give them back when it does.

    Call it after the order was counted anew and before the book is written, with the members'
    accounts locked. A guest's order never counted, so nothing is read for one.
    """
    if order_row["member_id"] is None:
        return
    program_id = call.program_id
    found = queries.lock_of_order(book.connection, program_id, order_row["external_id"])
    work, left = Work(book, changes, call, now), money_left(order_row)
    for row in found:
        if row["order_left"] != left:
            rows.change(work, row, {"order_left": left})
        if row["state"] in (QUALIFIED, VOIDED):
            settle(work, row)


def settle(work: Work, row: Row) -> None:
    """Bring the rewards of a qualified or voided referral to where its order is."""
    terms = referral_terms(work.call.program_id, row["terms_version"])
    counts = is_enough(row["order_left"], row["min_order"])
    if terms is None or counts == (row["state"] == QUALIFIED):
        return
    if not counts:
        void(work, row, lock(work, row), terms, why=ORDER)
    elif row["advocate_id"] != row["referee_id"]:
        restore(work, row, lock(work, row), terms)


def void(
    work: Work, row: Row, sides: Mapping[str, Side], terms: ReferralTerms, *, why: str
) -> None:
    """Take both rewards back, whatever of them is left."""
    forgive = terms.earning.on_shortfall == "forgive"
    changed = rewards.take_back(work, row, sides, why=why, forgive=forgive)
    rows.change(work, row, {"state": VOIDED, **changed})
    rows.tell(work, "voided", row, {"order": row["order_ref"]})


def restore(work: Work, row: Row, sides: Mapping[str, Side], terms: ReferralTerms) -> None:
    """Give both rewards back, or for the first time if they never were given."""
    if row["available_at"] is None:
        qualifying.qualify(work, row, sides, terms)
        return
    changed = rewards.give_back(work, row, sides, terms)
    rows.change(work, row, {"state": QUALIFIED, **changed})
    rows.tell(work, "restored", row, {"order": row["order_ref"]})


def lock(work: Work, row: Row) -> dict[str, Side]:
    """Lock both sides, and take the accounts that are not in the book yet into it."""
    sides = queries.lock_sides(work.book.connection, {row["advocate_id"], row["referee_id"]})
    new = {one.account_id: one for one in sides.values()}
    work.book.adopt(one.account for key, one in new.items() if key not in work.book.accounts)
    return sides
