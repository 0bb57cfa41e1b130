"""Reserving a voucher for an order: a use of it, or an amount of stored value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from loyalty.checkout import holding, queries, views
from loyalty.checkout.models import DISCOUNT, STORED_VALUE
from loyalty.checkout.queries import Found
from loyalty.foundation import db, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger import kernel
from loyalty.ledger.book import Book, stamp_of
from loyalty.ledger.state import Account, Hold
from loyalty.members import accounts
from loyalty.members.accounts import MemberAccount
from loyalty.redemption.terms import compile_redemption
from loyalty.vouchers import codes, guessing
from loyalty.vouchers import models as voucher_models
from loyalty.vouchers import queries as vouchers
from loyalty.vouchers.discount import discount
from loyalty.vouchers.queries import LockedVoucher
from loyalty.vouchers.service import refusing
from loyalty.vouchers.service.refusing import VoucherUsedUp

USUAL_HOLD = "PT30M"  # where the program's document says nothing


def reserve_voucher(
    call: Call,
    *,
    voucher: str,
    order: Mapping[str, Any],
    client: str,
    member: str | None = None,
    amount: int | None = None,
    expires_in: str | None = None,
) -> dict[str, Any]:
    """Set a use of a voucher, or stored value, aside for an order; return the reservation.

    `voucher` is a code as somebody typed it, `member` the shop's id of who presents it; someone
    it does not know is a guest. `client` is what `guard.client_of` returned. `amount` is a part
    of stored value. Raises `VoucherNotUsable`, `VoucherUsedUp`, `VoucherNotApplicable`,
    `RedemptionRefused`, `TooManyGuesses`.
    """
    connection = db.connection()
    current = guessing.refuse_if_over(call, client)
    now, document = current.now, current.terms.document
    names = [member] if member is not None else []
    buyer = accounts.lock(connection, call.program_id, names).get(member or "")
    code = codes.canonical(voucher)
    _require_usable_by_looks(connection, call.program_id, code, buyer, member=member, now=now)
    book = Book(connection, stamp_of(call, now, document))
    found, account = _lock(book, call.program_id, code)
    refusing.require_usable(found, member_id=buyer.id if buyer else None, account=account, now=now)
    if found is None or account is None:
        raise AssertionError("an unknown voucher was called usable")
    person = _require_uses_left(connection, found, buyer, now)
    units, worth = _worth(found, account, order, amount)
    terms = compile_redemption(document)
    end = holding.end_of_hold(terms.hold if terms else USUAL_HOLD, expires_in, now)
    held = kernel.hold(account, ids.new_id("rsv"), units, end)
    reservation = _new(found, held, buyer, order=order, worth=worth)
    changes = Changes()
    book.write_into(changes)
    holding.add(changes, call, reservation, now, person=person)
    changes.write(connection)
    return views.shown(reservation, held)


def _new(
    found: LockedVoucher,
    held: Hold,
    buyer: MemberAccount | None,
    *,
    order: Mapping[str, Any],
    worth: int,
) -> Found:
    return Found(
        id=held.id,
        member_id=buyer.id if buyer else None,
        member=buyer.external_id if buyer else None,
        account_id=found.account_id,
        units=held.units,
        captured=0,
        state=held.state,
        expires_at=held.expires_at,
        tender=STORED_VALUE if _is_stored_value(found) else DISCOUNT,
        discount_minor=worth,
        captured_minor=0,
        currency=found.voucher["currency"],
        order_ref=order.get("id"),
        created_at=held.created_at,
        voucher_id=found.id,
        voucher=found.voucher["written"],
        voucher_class=found.voucher["class"],
        version=found.version,
        test_now=found.test_now,
    )


def count_uses(connection: Connection, voucher_id: str, member_id: str) -> int:
    """Return how often a member uses a voucher, for the try of a code that is going on."""
    attempt = guessing.find_attempt()
    if attempt is None:
        raise LookupError("uses are counted for a try of a code, and none was begun")
    return queries.count_uses(connection, voucher_id, member_id, now=attempt.now)


def _require_usable_by_looks(
    connection: Connection,
    program_id: str,
    code: str,
    buyer: MemberAccount | None,
    *,
    member: str | None,
    now: datetime,
) -> None:
    """Refuse what cannot be used before anything is locked: by the same statements for any cause.

    What is let through is looked at again under lock.
    """
    member_id = buyer.id if buyer else None
    found = next(iter(vouchers.find_vouchers(connection, program_id, codes=[code])), None)
    uses = 0
    if member is not None:
        voucher_id = found.id if found else ""
        uses = queries.count_uses(connection, voucher_id, member_id or "", now=now)
    account = found.account_at(now) if found else None
    refusing.require_usable(found, member_id=member_id, account=account, now=now)
    if found is not None:
        _require_below(found, uses)


def _lock(book: Book, program_id: str, code: str) -> tuple[LockedVoucher | None, Account | None]:
    locked = vouchers.lock_vouchers(book.connection, program_id, codes=[code])
    if not locked:
        return None, None
    [found] = locked
    book.adopt([found.account])
    book.read(lots_of=[found.account_id])
    return found, book.accounts[found.account_id]


def _require_uses_left(
    connection: Connection, found: LockedVoucher, buyer: MemberAccount | None, now: datetime
) -> str | None:
    """Refuse who used the voucher as often as one may; return as whom this use is counted.

    The lock on the voucher lets one checkout count after the other.
    """
    if found.voucher["uses_per_member"] is None or buyer is None:
        return None
    _require_below(found, queries.count_uses(connection, found.id, buyer.id, now=now))
    return queries.find_person(connection, buyer.id)


def _require_below(found: LockedVoucher, uses: int) -> None:
    limit = found.voucher["uses_per_member"]
    if limit is not None and uses >= limit:
        raise refusing.refuse_spent_by_member(found)


def _worth(
    found: LockedVoucher, account: Account, order: Mapping[str, Any], amount: int | None
) -> tuple[int, int]:
    """Return the units to hold and what they take off the order in minor units."""
    row = found.voucher
    if not _is_stored_value(found):
        if amount is not None:
            holding.refuse("/amount", "must be left out: only stored value can be spent in part")
        return 1, discount(row, order)
    if amount is None:
        taken = discount(row, order, balance=account.available)
        return taken, taken
    most = discount(row, order, balance=kernel.MOST)
    if amount > most:
        holding.refuse("/amount", f"must be at most {most} for this order")
    if amount > account.available:
        count = account.stamp.count
        refusal = VoucherUsedUp(
            f"{count(amount)} were asked for, but {count(account.available)} can be spent.",
            requested=amount,
            available=account.available,
        )
        if amount > account.available + account.held:
            refusal.status = 422
        raise refusal
    return amount, amount


def _is_stored_value(found: LockedVoucher) -> bool:
    return bool(found.voucher["kind"] == voucher_models.STORED_VALUE)
