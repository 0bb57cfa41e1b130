"""The door of the checkout: reserve, capture, void."""

from __future__ import annotations

from typing import Any

from loyalty.access.guard import requires
from loyalty.checkout import personal, problems, schemas, service, vouchers
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.calls import current_call
from loyalty.foundation.web.doors import idempotent, reads, writes
from loyalty.ledger.kernel import InsufficientPoints
from loyalty.members import parts
from loyalty.members.service import MemberNotFound
from loyalty.orders.problems import OrderCancelled
from loyalty.orders.service import capture
from loyalty.vouchers.guard import client_of, guarded_from_guessing
from loyalty.vouchers.service import checking, refusing

checkout = Blueprint(
    "checkout",
    __name__,
    url_prefix="/v1",
    description="Points and vouchers set aside for a purchase, then spent with it or given back.",
)
parts.register(personal.PART)
checking.count_uses_by(vouchers.count_uses)


@checkout.route("/reservations", methods=["POST"])
@requires("reservations:write")
@guarded_from_guessing
@idempotent
@checkout.refuses(
    MemberNotFound,
    InsufficientPoints,
    problems.RedemptionRefused,
    refusing.VoucherNotUsable,
    refusing.VoucherUsedUp,
    refusing.VoucherNotApplicable,
)
@checkout.leads_to(
    *("get_reservation", "capture_reservation", "void_reservation"),
    reservation_id="$response.body#/id",
)
@checkout.arguments(schemas.NewReservation)
@checkout.response(201, schemas.Reservation)
def create_reservation(given: dict[str, Any]) -> dict[str, Any]:
    """Set points or a voucher aside for an order.

    From this moment they cannot be spent elsewhere. They come back when the
    reservation is voided or its time is over, whether or not anybody looks.
    Of a voucher one use is held, or stored value: as much as there is and the order costs,
    or an `amount`.
    """
    if "voucher" not in given:
        return service.create_reservation(current_call(), **given)
    client = client_of(given.pop("client", None), member=given.get("member"))
    return vouchers.reserve_voucher(current_call(), **given, client=client)


@checkout.route("/reservations/<reservation_id>", methods=["GET"])
@requires("reservations:write")
@reads
@checkout.refuses(problems.ReservationNotFound)
@checkout.response(200, schemas.Reservation)
def get_reservation(reservation_id: str) -> dict[str, Any]:
    """Return a reservation as it is now."""
    return service.get_reservation(current_call(), reservation_id)


@checkout.route("/reservations/<reservation_id>/capture", methods=["POST"])
@requires("reservations:write")
@writes
@checkout.refuses(
    problems.ReservationNotFound,
    problems.ReservationNotHeld,
    problems.RedemptionRefused,
    problems.StackingRefused,
    OrderCancelled,
)
@checkout.arguments(schemas.Capture)
@checkout.response(200, schemas.Reservation)
def capture_reservation(given: dict[str, Any], reservation_id: str) -> dict[str, Any]:
    """Spend a reservation, or a part of it; the rest is released.

    If the order is on record already, what points and stored value pay for earns no more. To
    capture together with the order, name the reservation in `POST /v1/orders` instead.
    """
    return capture.capture_reservation(current_call(), reservation_id, **given)


@checkout.route("/reservations/<reservation_id>/void", methods=["POST"])
@requires("reservations:write")
@writes
@checkout.refuses(problems.ReservationNotFound, problems.ReservationNotHeld)
@checkout.response(200, schemas.Reservation)
def void_reservation(reservation_id: str) -> dict[str, Any]:
    """Give back what is held; repeating is harmless."""
    return service.void_reservation(current_call(), reservation_id)
