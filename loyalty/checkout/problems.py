"""Why the checkout refuses."""

from __future__ import annotations

from loyalty.foundation.problems import Problem


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
        "it; if it expired or was voided, what it held is back and can be reserved again."
    )


class RedemptionRefused(Problem):
    """The program's terms do not allow this redemption."""

    code = "redemption_refused"
    status = 422
    title = "This cannot be redeemed like this"
    about = (
        "The program limits how points are redeemed: a smallest number of points, a largest share "
        "of the order, the program's currency. Of a voucher, only stored value can be spent in "
        "part. `detail` names the limit and what would be right."
    )


class StackingRefused(Problem):
    """Another voucher lowers the price of the order already."""

    code = "stacking_refused"
    status = 422
    title = "These vouchers cannot be used together"
    about = (
        "The program's document says under `vouchers.stacking` how many vouchers may lower the "
        "price of one order. Stored value pays, and is not counted. Void the reservation that "
        "should not count."
    )
