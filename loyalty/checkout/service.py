"""Reserving points at checkout; capturing and giving back points and vouchers.

A reservation is a hold of the ledger with a worth. Everything here is safe to
repeat: what already happened answers the same again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.checkout import holding, queries, stacking, views
from loyalty.checkout.models import POINTS, STORED_VALUE, Reservation
from loyalty.checkout.problems import RedemptionRefused, ReservationNotFound
from loyalty.checkout.queries import Found
from loyalty.foundation import audit, db, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError
from loyalty.ledger import kernel
from loyalty.ledger.book import Book, stamp_of
from loyalty.ledger.state import Account, Hold, Posting
from loyalty.members import accounts
from loyalty.members import service as members
from loyalty.programs import service as programs
from loyalty.redemption.terms import RedemptionTerms, compile_redemption
from loyalty.vouchers import queries as vouchers
from loyalty.vouchers.service import refusing


def create_reservation(
    call: Call,
    *,
    member: str,
    points: int,
    order: Mapping[str, Any],
    expires_in: str | None = None,
) -> dict[str, Any]:
    """Set points aside for an order and return the reservation.

    `order` has `currency`, `total` (minor units) and maybe `id`. Raises
    `MemberNotFound`, `RedemptionRefused`, `InsufficientPoints`.
    """
    connection = db.connection()
    found = accounts.lock(connection, call.program_id, [member]).get(member)
    if found is None:
        raise members.not_found(member)
    terms = programs.terms(call.program_id, found.version)
    now = found.test_now or call.now
    redemption = _redemption(terms.document, points, order)
    book = Book(connection, stamp_of(call, now, terms.document))
    book.adopt([found.account])
    book.read(lots_of=[found.account_id])
    account = book.accounts[found.account_id]
    end = holding.end_of_hold(redemption.hold, expires_in, now)
    held = kernel.hold(account, ids.new_id("rsv"), points, end)
    reservation = _new(found, held, redemption, order, now)
    changes = Changes()
    book.write_into(changes)
    holding.add(changes, call, reservation, now)
    changes.write(connection)
    return views.shown(reservation, held)


def capture_reservation(
    call: Call,
    reservation_id: str,
    *,
    order_id: str,
    points: int | None = None,
    amount: int | None = None,
) -> dict[str, Any]:
    """Spend a reservation, or a part of it and release the rest.

    A part is told in `points`, or of stored value as an `amount` in minor units.
    Raises `ReservationNotFound`, `ReservationNotHeld`, `RedemptionRefused`, `StackingRefused`.
    """
    book, reservation, account, held, now = _open(call, reservation_id)
    units = _asked_units(reservation, points, amount)
    if held.state == "captured" and (reservation.order_ref, held.captured) == (order_id, units):
        return views.shown(reservation, held)
    holding.require_held(held)
    if units > held.units:
        field = "points" if reservation.is_points else "amount"
        raise RedemptionRefused(
            f"The reservation holds {account.stamp.count(held.units)}; capture that or less.",
            errors=[FieldError(f"/{field}", f"must be at most {held.units}")],
        )
    slot = stacking.slot_of(call.program_id, reservation)
    stacking.require_free(book.connection, call.program_id, order_id, slot)
    changes = Changes()
    spend(
        changes, call, account, reservation, held,
        order_id=order_id, units=units, slot=slot, now=now,
    )  # fmt: skip
    if units < held.units:
        _take_back_if_revoked(book, changes, call, reservation, now)
    book.write_into(changes)
    changes.write(book.connection)
    return views.shown(reservation, held)


def void_reservation(call: Call, reservation_id: str) -> dict[str, Any]:
    """Give a reservation back; one that is back already answers the same.

    Raises `ReservationNotFound`, and `ReservationNotHeld` if it was captured.
    """
    book, reservation, account, held, now = _open(call, reservation_id)
    changes = Changes()
    if held.state == "open":
        kernel.release(account, held, "voided", at=now)
        holding.tell(changes, call, "released", reservation, now)
        about = ("reservation", reservation_id)
        audit.record(changes, call, "reservation.voided", subject=about, now=now)
        _take_back_if_revoked(book, changes, call, reservation, now)
    elif held.state == "captured":
        holding.require_held(held)
    book.write_into(changes)
    changes.write(book.connection)
    return views.shown(reservation, held)


def get_reservation(call: Call, reservation_id: str) -> dict[str, Any]:
    """Return a reservation as it is now, ended by time included."""
    found = queries.find_reservations(db.connection(), call.program_id, [reservation_id])
    if reservation_id not in found:
        raise _not_found(reservation_id)
    reservation = found[reservation_id]
    now = reservation.test_now or call.now
    if reservation.state == "open" and reservation.expires_at <= now:
        reservation.state = "expired"
    return views.shown_as(reservation, reservation.state, reservation.captured)


def spend(
    changes: Changes,
    call: Call,
    account: Account,
    reservation: Found,
    held: Hold,
    *,
    order_id: str,
    units: int,
    slot: str | None,
    now: datetime,
) -> None:
    """Capture units of an open hold for an order; writing is the caller's matter."""
    text = f"{account.stamp.count(units)} redeemed on order {order_id}."
    posting = Posting("redeem", "reservation", reservation.id, text, now)
    kernel.capture(account, held, units, posting)
    reservation.captured_minor = reservation.discount_minor * units // held.units
    reservation.order_ref = order_id
    changed = {
        "id": reservation.id,
        "captured_minor": reservation.captured_minor,
        "order_ref": order_id,
    }
    if slot is not None:
        changed["stack_slot"] = slot
    changes.update(Reservation, changed)
    holding.tell(changes, call, "redeemed", reservation, now, units=units, order=order_id)


def _take_back_if_revoked(
    book: Book, changes: Changes, call: Call, reservation: Found, now: datetime
) -> None:
    """Take what a revoked voucher got back from a hold; its account must be in the book."""
    if reservation.voucher_id is None:
        return
    wanted = [reservation.voucher_id]
    for locked in vouchers.lock_vouchers(book.connection, call.program_id, ids=wanted):
        if locked.voucher["revoked_at"] is not None:
            refusing.revoke(book, changes, call, locked, now=now)


def _asked_units(reservation: Found, points: int | None, amount: int | None) -> int:
    """Return how many units are to be captured; all unless a part was named in its own terms."""
    if points is not None and not reservation.is_points:
        holding.refuse("/points", "must be left out: the reservation holds a voucher")
    if amount is not None and reservation.is_points:
        holding.refuse("/amount", "must be left out: the reservation holds points")
    if amount is not None and reservation.tender != STORED_VALUE:
        holding.refuse("/amount", "must be left out: only stored value can be spent in part")
    part = points if reservation.is_points else amount
    return reservation.units if part is None else part


def _redemption(
    document: Mapping[str, Any], points: int, order: Mapping[str, Any]
) -> RedemptionTerms:
    terms = compile_redemption(document)
    if terms is None:
        raise RedemptionRefused("Points of this program cannot be redeemed at checkout.")
    if order["currency"] != terms.currency:
        holding.refuse("/order/currency", f"must be {terms.currency}, the program's currency")
    if points < terms.min_points:
        holding.refuse(
            "/points", f"must be at least {terms.min_points}, the program's smallest redemption"
        )
    if terms.worth(points) == 0:
        holding.refuse(
            "/points", "are worth less than the smallest unit of the currency; redeem more"
        )
    most = terms.most_points(order["total"])
    if points > most:
        holding.refuse("/points", f"must be at most {most} for an order of this total")
    return terms


def _open(call: Call, reservation_id: str) -> tuple[Book, Found, Account, Hold, datetime]:
    connection = db.connection()
    locked = queries.lock_reservation(connection, call.program_id, reservation_id)
    if locked is None:  # or its member was merged while the account was waited for: look again
        locked = queries.lock_reservation(connection, call.program_id, reservation_id)
    if locked is None:
        raise _not_found(reservation_id)
    reservation = locked.reservation
    now = reservation.test_now or call.now
    terms = programs.terms(call.program_id, reservation.version)
    book = Book(connection, stamp_of(call, now, terms.document))
    book.adopt([locked.account])
    book.adopt_hold(reservation.account_id, locked.hold)
    book.read(holds=[reservation_id])
    found = book.find_hold(reservation_id)
    if found is None:
        raise LookupError(f"the hold of {reservation_id} is missing")
    return book, reservation, *found, now


def _not_found(reservation_id: str) -> ReservationNotFound:
    return ReservationNotFound(f"There is no reservation {reservation_id!r}.")


def _new(
    member: accounts.MemberAccount,
    held: Hold,
    terms: RedemptionTerms,
    order: Mapping[str, Any],
    now: datetime,
) -> Found:
    return Found(
        id=held.id,
        member_id=member.id,
        member=member.external_id,
        account_id=member.account_id,
        units=held.units,
        captured=0,
        state=held.state,
        expires_at=held.expires_at,
        tender=POINTS,
        discount_minor=terms.worth(held.units),
        captured_minor=0,
        currency=terms.currency,
        order_ref=order.get("id"),
        created_at=now,
        voucher_id=None,
        voucher=None,
        voucher_class=None,
        version=member.version,
        test_now=member.test_now,
    )
