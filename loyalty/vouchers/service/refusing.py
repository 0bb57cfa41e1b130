"""Why a voucher cannot be used: one refusal for all that the shopper must not tell apart.

The true cause is in the log, and what staff see by reading the voucher.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from loyalty.foundation import audit, events
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.ledger import kernel, undoing
from loyalty.ledger.book import Book
from loyalty.ledger.state import Account, Posting
from loyalty.vouchers.models import Voucher
from loyalty.vouchers.queries import LockedVoucher

log = structlog.get_logger()


class VoucherNotUsable(Problem):
    """The uniform refusal."""

    code = "voucher_not_usable"
    status = 422
    title = "This voucher cannot be used"
    about = (
        "The code is unknown, another customer's, not valid yet, expired, revoked or used up. "
        "Which of these is not told, so that codes cannot be found by trying; staff see it when "
        "they read the voucher."
    )

    def __init__(self) -> None:
        """Say the same whatever the cause."""
        super().__init__("This voucher cannot be used here; check the code, or use another one.")


class VoucherUsedUp(Problem):
    """All of it is set aside by other checkouts: 409, or 422 if it never had as much."""

    code = "voucher_used_up"
    status = 409
    other_statuses = (422,)
    title = "The voucher is used up"
    about = (
        "Other checkouts hold all that is left of the voucher, or more was asked for than it has. "
        "What is held comes back if those checkouts are abandoned. The status is 422 where the "
        "voucher never had as much."
    )


class VoucherNotApplicable(Problem):
    """The voucher is good, but not for this order."""

    code = "voucher_not_applicable"
    status = 422
    title = "The voucher does not fit this order"
    about = (
        "The voucher can be used, but not for this order. `reason` is `below_minimum`, "
        "`no_eligible_line`, `other_currency` or `nothing_to_discount`; `detail` says what would "
        "be right."
    )

    def __init__(self, reason: str, detail: str) -> None:
        """Give the reason as a word, and in a sentence."""
        super().__init__(detail, reason=reason)


def require_usable(
    found: LockedVoucher | None,
    *,
    member_id: str | None,
    account: Account | None,
    now: datetime,
) -> None:
    """Raise VoucherNotUsable unless this member, or None for a guest, can use the voucher now.

    `account` is the voucher's, settled up to now. Raises VoucherUsedUp where all that is left is
    held by other checkouts.
    """
    if found is None or account is None:
        raise _refused("unknown", None)
    voucher = found.voucher
    cause = None
    if voucher["revoked_at"] is not None:
        cause = "revoked"
    elif voucher["member_id"] is not None and voucher["member_id"] != member_id:
        cause = "someone else's"
    elif voucher["uses_per_member"] is not None and member_id is None:
        cause = "needs a member"
    elif voucher["starts_at"] is not None and now < voucher["starts_at"]:
        cause = "not started"
    elif voucher["expires_at"] is not None and voucher["expires_at"] <= now:
        cause = "expired"
    elif not account.available and not account.held:
        cause = "used up"
    if cause is not None:
        raise _refused(cause, found.id)
    if not account.available:
        raise VoucherUsedUp("Other checkouts hold all that is left of this voucher.")


def refuse_spent_by_member(found: LockedVoucher) -> VoucherNotUsable:
    """Return the refusal for a member who used the voucher as often as one may."""
    return _refused("used up by this member", found.id)


def revoke(
    book: Book, changes: Changes, call: Call, locked: LockedVoucher, *, now: datetime
) -> int:
    """Take back what is neither spent nor held, and let the voucher be unusable for good.

    The book must have the account with its lots. Returns the units taken: uses, or minor units.
    What checkouts hold stays held and can still be captured; what of it comes back later is
    taken by calling this again.
    """
    account = book.accounts[locked.account_id]
    units = _take_back(account, locked.id, now)
    newly = locked.voucher["revoked_at"] is None
    if newly:
        locked.voucher["revoked_at"] = now
        changes.update(Voucher, {"id": locked.id, "revoked_at": now})
    if newly or units:
        data = {"voucher": locked.id, "unit": account.unit, "units": units, "held": account.held}
        audit.record(
            changes, call, "voucher.revoked", subject=("voucher", locked.id), now=now, data=data
        )
        events.record(
            changes,
            "voucher.revoked",
            program_id=call.program_id,
            member_id=locked.voucher["member_id"],
            data=data,
            request_id=call.request_id,
            occurred_at=now,
            now=now,
        )
    return units


def _take_back(account: Account, voucher_id: str, now: datetime) -> int:
    """Take all that is available or pending; a voucher has one lot, which is either."""
    available, pending = account.available, account.pending
    if available:
        kernel.take(account, available, _revocation(account, voucher_id, available, now))
    for lot in [lot for lot in account.known_lots() if not lot.settled and lot.remaining]:
        posting = _revocation(account, voucher_id, lot.remaining, now)
        undoing.clawback(account, lot, lot.remaining, posting, forgive=True)
    return available + pending


def _revocation(account: Account, voucher_id: str, units: int, now: datetime) -> Posting:
    text = f"{account.stamp.count(units)} taken back: the voucher was revoked."
    source_id = f"{voucher_id}.{account.entry_count + 1}"  # what a hold gives back is taken later
    return Posting("revoke", "voucher", source_id, text, now)


def _refused(cause: str, voucher_id: str | None) -> VoucherNotUsable:
    log.info("a voucher was refused", cause=cause, voucher=voucher_id)
    return VoucherNotUsable()
