"""The door of orders: record, preview, batch, refund, cancel, reopen, read; and actions."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import current_app

from loyalty.access.guard import requires
from loyalty.checkout.problems import ReservationNotFound, ReservationNotHeld, StackingRefused
from loyalty.foundation.problems import Problem
from loyalty.foundation.web import parsing
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.calls import current_call
from loyalty.foundation.web.doors import REPLAYED, keyed_writes, reads, writes, writes_together
from loyalty.ledger.kernel import BalanceTooLarge
from loyalty.members import parts
from loyalty.members.service import MemberNotFound
from loyalty.orders import personal, problems, schemas
from loyalty.orders.service import action, record, refund

BATCH_BYTES = 8 * 1024 * 1024

orders = Blueprint(
    "orders", __name__, url_prefix="/v1", description="Purchases become points; refunds take back."
)
parts.register(personal.PART)
_record_order = writes_together(record.record_told)
_ONE = schemas.NewOrder()
_REFUSALS = (
    problems.OrderConflict,
    problems.CurrencyMismatch,
    problems.OrderInvalid,
    MemberNotFound,
    ReservationNotFound,
    ReservationNotHeld,
    StackingRefused,
    BalanceTooLarge,
)
Answer = tuple[Any, int, dict[str, str]]


def _answer(value: Any, *, replayed: bool, status: int = 201) -> Answer:
    return (value, 200, {REPLAYED: "true"}) if replayed else (value, status, {})


@orders.route("/orders", methods=["POST"])
@requires("orders:write")
@keyed_writes
@orders.refuses(*_REFUSALS)
@orders.leads_to("get_order", "refund_order", "cancel_order", order_id="$response.body#/id")
@orders.arguments(schemas.NewOrder)
@orders.also(200, schemas.Order, description="The same order was recorded before")
@orders.response(201, schemas.Order)
def record_order(order: dict[str, Any]) -> Answer:
    """Record a paid order and grant its points.

    The order's own id makes the call safe to repeat: the same order again is
    answered 200 with `Idempotent-Replayed: true`. Reservations that it names are
    captured in the same database transaction.
    """
    outcome = _record_order(record.Told(current_call(), order))
    if outcome.problem is not None:
        raise outcome.problem
    return _answer(outcome.order, replayed=outcome.replayed)


@orders.route("/orders/preview", methods=["POST"])
@requires("orders:read")
@reads
@orders.refuses(*_REFUSALS)
@orders.arguments(schemas.NewOrder)
@orders.response(200, schemas.Order)
def preview_order(order: dict[str, Any]) -> dict[str, Any]:
    """Show what recording an order would answer; nothing is stored."""
    return record.preview_order(current_call(), order)


@orders.route("/orders/batch", methods=["POST"])
@requires("orders:write")
@writes
@orders.arguments(schemas.Batch, body_limit=BATCH_BYTES)
@orders.response(200, schemas.Results)
def record_orders(batch: dict[str, Any]) -> dict[str, Any]:
    """Record up to a thousand orders in one transaction.

    Each order is taken or refused on its own; `results` says which, in their order.
    """
    read = [_read(raw) for raw in batch["orders"]]
    good = [order for order in read if not isinstance(order, Problem)]
    outcomes = iter(record.record_orders(current_call(), good) if good else ())
    results = [
        _refused(raw, order) if isinstance(order, Problem) else _result(raw, next(outcomes))
        for raw, order in zip(batch["orders"], read, strict=True)
    ]
    return {"results": results}


@orders.route("/orders/<order_id>", methods=["GET"])
@requires("orders:read")
@reads
@orders.refuses(problems.OrderNotFound)
@orders.response(200, schemas.Order)
def get_order(order_id: str) -> dict[str, Any]:
    """Return an order as it is now."""
    return record.get_order(current_call(), order_id)


@orders.route("/orders/<order_id>/refunds", methods=["POST"])
@requires("orders:write")
@writes
@orders.refuses(
    problems.OrderNotFound,
    problems.OrderCancelled,
    problems.RefundConflict,
    problems.RefundExceedsOrder,
)
@orders.arguments(schemas.NewRefund)
@orders.also(200, schemas.Refund, description="The same refund was recorded before")
@orders.response(201, schemas.Refund)
def refund_order(given: dict[str, Any], order_id: str) -> Answer:
    """Refund a part of an order, or all that is left.

    Afterwards the member has what they would have if only the rest had been
    bought, however many refunds it took.
    """
    shown, replayed = refund.refund_order(current_call(), order_id, given)
    return _answer(shown, replayed=replayed)


@orders.route("/orders/<order_id>/cancel", methods=["POST"])
@requires("orders:write")
@writes
@orders.refuses(problems.OrderNotFound)
@orders.leads_to("reopen_order", order_id="$request.path.order_id")
@orders.response(200, schemas.Refund)
def cancel_order(order_id: str) -> Answer:
    """Refund all that is left of an order; repeating is harmless."""
    shown, replayed = refund.cancel_order(current_call(), order_id)
    return _answer(shown, replayed=replayed, status=200)


@orders.route("/orders/<order_id>/reopen", methods=["POST"])
@requires("orders:write")
@writes
@orders.refuses(problems.OrderNotFound, problems.OrderNotCancelled)
@orders.response(200, schemas.Order)
def reopen_order(order_id: str) -> Answer:
    """Undo a cancel: the order counts again with what it had."""
    shown, replayed = refund.reopen_order(current_call(), order_id)
    return _answer(shown, replayed=replayed, status=200)


@orders.route("/actions", methods=["POST"])
@requires("orders:write")
@writes
@orders.refuses(problems.UnknownAction, problems.ActionConflict, MemberNotFound, BalanceTooLarge)
@orders.arguments(schemas.NewAction)
@orders.also(200, schemas.Action, description="The same action was recorded before")
@orders.response(201, schemas.Action)
def record_action(given: dict[str, Any]) -> Answer:
    """Grant points for something that is no purchase, such as a review."""
    shown, replayed = action.record_action(current_call(), given)
    return _answer(shown, replayed=replayed)


def _read(raw: Any) -> dict[str, Any] | Problem:
    try:
        loaded: dict[str, Any] = _ONE.load(raw)
    except ma.ValidationError as error:
        return parsing.invalid(error.messages)
    return loaded


def _readable_id(raw: Any) -> str | None:
    """Return the id of an order that was refused, if it has one."""
    try:
        order_id: str = _ONE.fields["id"].deserialize(raw.get("id"))
    except (AttributeError, ma.ValidationError):  # no object, or an impossible id
        return None
    return order_id


def _result(raw: Any, outcome: record.Outcome) -> dict[str, Any]:
    if outcome.problem is not None:
        return _refused(raw, outcome.problem)
    return {"id": raw["id"], "status": 200 if outcome.replayed else 201, "order": outcome.order}


def _refused(raw: Any, problem: Problem) -> dict[str, Any]:
    return {
        "id": _readable_id(raw),
        "status": problem.status,
        "problem": problem.document(base_url=current_app.config["BASE_URL"]),
    }
