"""Reserving, capturing and giving back points at checkout.

A reservation is a hold of the ledger with a worth. Everything here is safe to
repeat: what already happened answers the same again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from loyalty.checkout import queries
from loyalty.checkout.models import Reservation
from loyalty.checkout.queries import Found
from loyalty.foundation import clock, db, events, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError, Problem
from loyalty.ledger import kernel
from loyalty.ledger.book import Book, stamp_of
from loyalty.ledger.state import Account, Hold, Posting
from loyalty.members import accounts
from loyalty.members import service as members
from loyalty.programs import service as programs
from loyalty.redemption.terms import RedemptionTerms, compile_redemption

LONGEST_HOLD = timedelta(days=7)


class ReservationNotFound(Problem):
    """No such reservation in this program."""

    code = "reservation_not_found"
    status = 404
    title = "There is no such reservation"
    about = "No reservation of this program, or of this member, has that id."


class ReservationNotHeld(Problem):
    """It was captured, voided or has expired."""

    code = "reservation_not_held"
    status = 409
    title = "The reservation is not held any more"
    about = (
        "A reservation can be captured or voided while it is held. `state` says what became of "
        "it; if it expired or was voided, its points are back and can be reserved again."
    )


class RedemptionRefused(Problem):
    """The program's terms do not allow this redemption."""

    code = "redemption_refused"
    status = 422
    title = "The points cannot be redeemed like this"
    about = (
        "The program limits how points are redeemed: a smallest number of points, a largest share "
        "of the order, the program's currency. `detail` names the limit and what would be right."
    )


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
    held = kernel.hold(account, ids.new_id("rsv"), points, _end(redemption, expires_in, now))
    reservation = _new(found, held, redemption, order, now)
    changes = Changes()
    book.write_into(changes)
    changes.insert(Reservation, _row(reservation, call.program_id))
    _event(changes, call, "points.reserved", reservation, now)
    changes.write(connection)
    return shown(reservation, held)


def capture_reservation(
    call: Call, reservation_id: str, *, order_id: str, points: int | None = None
) -> dict[str, Any]:
    """Spend a reservation, or a part of it and release the rest.

    Raises `ReservationNotFound`, `ReservationNotHeld`, `RedemptionRefused`.
    """
    book, reservation, account, held, now = _open(call, reservation_id)
    units = reservation.points if points is None else points
    if held.state == "captured" and (reservation.order_ref, held.captured) == (order_id, units):
        return shown(reservation, held)
    require_held(held)
    if units > held.units:
        raise RedemptionRefused(
            f"The reservation holds {held.units} points; capture that many or fewer.",
            errors=[FieldError("/points", f"must be at most {held.units}")],
        )
    changes = Changes()
    spend(changes, call, account, reservation, held, order_id=order_id, points=units, now=now)
    book.write_into(changes)
    changes.write(book.connection)
    return shown(reservation, held)


def void_reservation(call: Call, reservation_id: str) -> dict[str, Any]:
    """Give a reservation back; one that is back already answers the same.

    Raises `ReservationNotFound`, and `ReservationNotHeld` if it was captured.
    """
    book, reservation, account, held, now = _open(call, reservation_id)
    changes = Changes()
    if held.state == "open":
        kernel.release(account, held, "voided", at=now)
        _event(changes, call, "points.released", reservation, now)
    elif held.state == "captured":
        require_held(held)
    book.write_into(changes)
    changes.write(book.connection)
    return shown(reservation, held)


def get_reservation(call: Call, reservation_id: str) -> dict[str, Any]:
    """Return a reservation as it is now, ended by time included."""
    found = queries.find_reservations(db.connection(), call.program_id, [reservation_id])
    if reservation_id not in found:
        raise ReservationNotFound(f"There is no reservation {reservation_id!r}.")
    reservation = found[reservation_id]
    now = reservation.test_now or call.now
    if reservation.state == "open" and reservation.expires_at <= now:
        reservation.state = "expired"
    return _shown(reservation, reservation.state, reservation.captured)


def spend(
    changes: Changes,
    call: Call,
    account: Account,
    reservation: Found,
    held: Hold,
    *,
    order_id: str,
    points: int,
    now: datetime,
) -> None:
    """Capture points of an open hold for an order; writing is the caller's matter."""
    text = f"{account.stamp.count(points)} redeemed on order {order_id}."
    posting = Posting("redeem", "reservation", reservation.id, text, now)
    kernel.capture(account, held, points, posting)
    reservation.captured_minor = reservation.discount_minor * points // held.units
    reservation.order_ref = order_id
    changes.update(
        Reservation,
        {
            "id": reservation.id,
            "captured_minor": reservation.captured_minor,
            "order_ref": order_id,
        },
    )
    _event(changes, call, "points.redeemed", reservation, now, points=points, order=order_id)


def require_held(held: Hold) -> None:
    """Raise ReservationNotHeld unless the hold is open."""
    if held.state != "open":
        raise ReservationNotHeld(
            f"The reservation {held.id!r} is {held.state}; only a held one can be used.",
            state=held.state,
        )


def shown(reservation: Found, held: Hold) -> dict[str, Any]:
    """Return a reservation in the API's shape."""
    return _shown(reservation, held.state, held.captured)


def _shown(reservation: Found, state: str, captured: int) -> dict[str, Any]:
    currency = reservation.currency
    return {
        "id": reservation.id,
        "member": reservation.member,
        "state": "held" if state == "open" else state,
        "points": reservation.points,
        "discount": {"amount": reservation.discount_minor, "currency": currency},
        "captured": {
            "points": captured,
            "discount": {"amount": reservation.captured_minor, "currency": currency},
        },
        "order_id": reservation.order_ref,
        "expires_at": reservation.expires_at,
        "created_at": reservation.created_at,
    }


def _redemption(
    document: Mapping[str, Any], points: int, order: Mapping[str, Any]
) -> RedemptionTerms:
    terms = compile_redemption(document)
    if terms is None:
        raise RedemptionRefused("Points of this program cannot be redeemed at checkout.")
    if order["currency"] != terms.currency:
        _refuse("/order/currency", f"must be {terms.currency}, the program's currency")
    if points < terms.min_points:
        _refuse(
            "/points", f"must be at least {terms.min_points}, the program's smallest redemption"
        )
    if terms.worth(points) == 0:
        _refuse("/points", "are worth less than the smallest unit of the currency; redeem more")
    most = terms.most_points(order["total"])
    if points > most:
        _refuse("/points", f"must be at most {most} for an order of this total")
    return terms


def _refuse(pointer: str, detail: str) -> None:
    name = pointer.rsplit("/", 1)[1]
    raise RedemptionRefused(f"`{name}` {detail}.", errors=[FieldError(pointer, detail)])


def _end(terms: RedemptionTerms, expires_in: str | None, now: datetime) -> datetime:
    end = clock.add(expires_in or terms.hold, now)
    if not now < end <= now + LONGEST_HOLD:
        _refuse("/expires_in", "must be longer than nothing and at most P7D")
    return end


def _open(call: Call, reservation_id: str) -> tuple[Book, Found, Account, Hold, datetime]:
    connection = db.connection()
    locked = queries.lock_reservation(connection, call.program_id, reservation_id)
    if locked is None:  # or its member was merged while the account was waited for: look again
        locked = queries.lock_reservation(connection, call.program_id, reservation_id)
    if locked is None:
        raise ReservationNotFound(f"There is no reservation {reservation_id!r}.")
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
        points=held.units,
        captured=0,
        state=held.state,
        expires_at=held.expires_at,
        discount_minor=terms.worth(held.units),
        captured_minor=0,
        currency=terms.currency,
        order_ref=order.get("id"),
        created_at=now,
        version=member.version,
        test_now=member.test_now,
    )


def _row(reservation: Found, program_id: str) -> dict[str, Any]:
    return {
        "id": reservation.id,
        "program_id": program_id,
        "member_id": reservation.member_id,
        "discount_minor": reservation.discount_minor,
        "captured_minor": 0,
        "currency": reservation.currency,
        "order_ref": reservation.order_ref,
        "created_at": reservation.created_at,
    }


def _event(
    changes: Changes, call: Call, name: str, reservation: Found, now: datetime, **data: Any
) -> None:
    events.record(
        changes,
        name,
        program_id=call.program_id,
        member_id=reservation.member_id,
        data={"reservation": reservation.id, "points": reservation.points, **data},
        request_id=call.request_id,
        occurred_at=now,
        now=now,
    )
