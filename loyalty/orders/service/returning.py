"""What was redeemed on an order comes back with what is refunded of it, whoever redeemed it.

Points and stored value come back in proportion, a use of a voucher when everything is refunded.
What a revoked voucher gets back is taken at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loyalty.checkout import holding, stacking
from loyalty.checkout.models import DISCOUNT, Reservation
from loyalty.ledger import undoing
from loyalty.ledger.state import Hold, Posting
from loyalty.orders.service.file import Cause, File
from loyalty.orders.service.redeemed import Redeemed
from loyalty.vouchers.service import refusing


def settle_redeemed(file: File, cause: Cause) -> int:
    """Let as much be back as the part that is refunded had been paid with; return the points.

    What came back by a cancel that was undone is redeemed again.
    """
    points = 0
    for one in file.redeemed:
        units = _to_be_back(file.order, one.hold) - one.hold.returned
        if units > 0:
            _give_back(file, cause, one, units)
            points += units if one.reservation.is_points else 0
        elif units < 0:
            _redeem_again(file, cause, one, -units)
    return points


def _give_back(file: File, cause: Cause, one: Redeemed, units: int) -> None:
    posting = _posting(file, cause, one, units, ("redeem_return", "returned"))
    undoing.give_back_captured(one.account, one.hold, units, posting)
    _tell(file, "returned", one, units)
    if one.reservation.tender == DISCOUNT:
        file.changes.update(Reservation, {"id": one.reservation.id, "stack_slot": None})
    if _is_revoked(file, one):
        locked = file.vouchers[str(one.reservation.voucher_id)]
        refusing.revoke(file.book, file.changes, file.call, locked, now=file.now)


def _redeem_again(file: File, cause: Cause, one: Redeemed, units: int) -> None:
    """Undo what was given back; a revoked voucher has nothing, and owes nothing."""
    if _is_revoked(file, one):
        return
    posting = _posting(file, cause, one, units, ("redeem", "redeemed again"))
    undoing.redeem_again(one.account, one.hold, units, posting)
    if one.reservation.is_points:
        return
    _tell(file, "redeemed", one, units)
    slot = stacking.slot_of(file.call.program_id, one.reservation)
    if slot is not None:
        file.changes.update(Reservation, {"id": one.reservation.id, "stack_slot": slot})


def _tell(file: File, verb: str, one: Redeemed, units: int) -> None:
    order_id = file.order["external_id"]
    holding.tell(
        file.changes, file.call, verb, one.reservation, file.now, units=units, order=order_id
    )


def _is_revoked(file: File, one: Redeemed) -> bool:
    locked = file.vouchers.get(one.reservation.voucher_id or "")
    return locked is not None and locked.voucher["revoked_at"] is not None


def _posting(file: File, cause: Cause, one: Redeemed, units: int, what: tuple[str, str]) -> Posting:
    """Return why units move; `what` is the kind of the entry, and the same in words."""
    kind, words = what
    order_id = file.order["external_id"]
    count = one.account.stamp.count(units)
    text = f"{cause.text} {count} {words} that had paid for order {order_id}."
    source_id = f"{cause.source_id}/{one.hold.id}"
    return Posting(kind, cause.source_type, source_id, text, file.now)


def _to_be_back(order: Mapping[str, Any], hold: Hold) -> int:
    if order["state"] == "cancelled":
        return hold.captured
    if not order["refunded"]:
        return 0
    return int(hold.captured * order["refunded"] // order["total"])
