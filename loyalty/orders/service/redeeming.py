"""What an order captures: reservations of points and vouchers, checked before anything changes."""

from __future__ import annotations

from typing import NamedTuple

from loyalty.checkout import holding, stacking
from loyalty.checkout import service as checkout
from loyalty.checkout.problems import ReservationNotFound
from loyalty.checkout.queries import Found
from loyalty.foundation.problems import FieldError
from loyalty.ledger.state import Account, Hold
from loyalty.orders.service.desk import Desk, Input


class Held(NamedTuple):
    """A reservation that an order captures, and the place on the order that it takes."""

    account: Account
    hold: Hold
    reservation: Found
    slot: str | None


def find_held(desk: Desk, order: Input) -> list[Held]:
    """Return what the order captures; refuse what is not held for its member, or not together."""
    held: dict[str, Held] = {}
    slots = set(desk.seen.slots.get(order["id"], ()))
    for index, reservation_id in enumerate(order["reservations"]):
        found = desk.reservations.get(reservation_id)
        pair = desk.book.find_hold(reservation_id)
        if found is None or pair is None or not _is_for(desk, order, found):
            raise ReservationNotFound(
                f"The order's member has no reservation {reservation_id!r}.",
                errors=[FieldError(f"/reservations/{index}", "must be one of the order's member")],
            )
        account, hold = pair
        captured = hold.state == "captured" and found.order_ref == order["id"]
        if captured or reservation_id in held:
            continue
        holding.require_held(hold)
        slot = stacking.slot_of(desk.call.program_id, found, version=desk.terms.program.version)
        if slot in slots:
            raise stacking.refused(order["id"])
        if slot is not None:
            slots.add(slot)
        held[reservation_id] = Held(account, hold, found, slot)
    return list(held.values())


def _is_for(desk: Desk, order: Input, reservation: Found) -> bool:
    """Whether an order may capture a reservation: its member's, or a voucher held for a guest."""
    if reservation.member_id is None:
        return True
    given = order["member"]
    member = desk.members.get(given["external_id"]) if given else None
    return member is not None and member.id == reservation.member_id


def paid_with(desk: Desk, order: Input, held: list[Held], tender: str) -> int:
    """Return what points or stored value pay for, captured before or now."""
    before = desk.seen.paid_with.get((order["id"], tender), 0)
    found = (one.reservation for one in held)
    return before + sum(one.discount_minor for one in found if one.tender == tender)


def capture(desk: Desk, order: Input, held: list[Held]) -> None:
    """Capture what was found, for its order."""
    for account, hold, reservation, slot in held:
        checkout.spend(
            desk.changes,
            desk.call,
            account,
            reservation,
            hold,
            order_id=order["id"],
            units=hold.units,
            slot=slot,
            now=desk.now,
        )
