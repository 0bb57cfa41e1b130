"""Refunds, cancels and reopening: as if only the rest had been bought."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from loyalty.foundation import ids
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError
from loyalty.orders import views
from loyalty.orders.models import Refund
from loyalty.orders.problems import (
    OrderCancelled,
    OrderNotCancelled,
    RefundConflict,
    RefundExceedsOrder,
)
from loyalty.orders.service import file as files
from loyalty.orders.service import returning
from loyalty.orders.service.file import Cause, File, Row


def refund_order(call: Call, order_id: str, given: Row) -> tuple[dict[str, Any], bool]:
    """Refund a part of an order or all that is left; return the refund and whether it is a repeat.

    `given` has `id`, `amount` (minor units), `lines` and `occurred_at`. Raises
    `OrderNotFound`, `OrderCancelled`, `RefundConflict`, `RefundExceedsOrder`.
    """
    file = files.open_file(call, order_id)
    content = _fingerprint(given)
    before = next((one for one in file.refunds if one["external_id"] == given["id"]), None)
    if before is not None:
        if before["fingerprint"] != content:
            raise RefundConflict(
                f"Refund {given['id']!r} of this order was recorded before with other content."
            )
        return _shown(file, before), True
    if file.order["state"] == "cancelled":
        raise OrderCancelled("The order was cancelled; nothing is left to refund.")
    lines = {line["id"]: line["amount"] for line in given["lines"]}
    _check_amount(file, given["amount"], lines)
    refund = _new(
        file,
        given["id"],
        "refund",
        amount=given["amount"],
        occurred_at=given["occurred_at"] or file.now,
    )
    return _apply(file, {**refund, "lines": lines, "fingerprint": content}), False


def cancel_order(call: Call, order_id: str) -> tuple[dict[str, Any], bool]:
    """Refund all that is left of an order; cancelling again answers the same."""
    file = files.open_file(call, order_id)
    if file.order["state"] == "cancelled":
        return _shown(file, _standing_cancel(file)), True
    left = file.order["total"] - file.order["refunded"]
    refund = _new(file, ids.new_id("rfd"), "cancel", amount=left, occurred_at=file.now)
    return _apply(file, refund), False


def reopen_order(call: Call, order_id: str) -> tuple[dict[str, Any], bool]:
    """Undo a cancel: the order counts again with what it had; once per cancel.

    Raises `OrderNotCancelled`; reopening again answers the same.
    """
    file = files.open_file(call, order_id)
    if file.order["state"] != "cancelled":
        if all(refund["kind"] != "cancel" for refund in file.refunds):
            raise OrderNotCancelled("The order is not cancelled, so there is nothing to reopen.")
        return files.view(file), True
    cancel = _standing_cancel(file)
    cancel["undone_at"] = file.now
    file.changes.update(Refund, {"id": cancel["id"], "undone_at": file.now})
    cause = _cause(file, cancel, "counts again")
    files.restore(file, cancel, cause)
    returning.settle_redeemed(file, cause)
    files.write(file)
    return files.view(file), False


def _fingerprint(given: Row) -> str:
    content = orjson.dumps(dict(given), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def _check_amount(file: File, amount: int, lines: Mapping[str, int]) -> None:
    order, before = file.order, file.refunded
    left = order["total"] - order["refunded"]
    if amount > left:
        raise RefundExceedsOrder(
            f"{left} {order['currency']} minor units are left of the order, {amount} were to be "
            "refunded.",
            errors=[FieldError("/amount", f"must be at most {left}")],
            left=left,
        )
    if sum(lines.values()) > amount:
        raise RefundExceedsOrder(
            "The lines of the refund come to more than its amount.",
            errors=[FieldError("/lines", f"must not add up to more than {amount}")],
        )
    bought = {line["id"]: line["amount"] for line in order["lines"]}
    for index, (line_id, part) in enumerate(lines.items()):
        rest = bought.get(line_id, 0) - before.lines.get(line_id, 0)
        if part > rest:
            detail = f"must be at most {rest}" if line_id in bought else "is no line of the order"
            raise RefundExceedsOrder(
                f"Line {line_id!r} {detail}.",
                errors=[
                    FieldError(f"/lines/{index}/{'amount' if line_id in bought else 'id'}", detail)
                ],
            )


def _new(
    file: File, external_id: str, kind: str, *, amount: int, occurred_at: datetime
) -> dict[str, Any]:
    return {
        "id": ids.new_id("rfd"),
        "order_id": file.order["id"],
        "external_id": external_id,
        "kind": kind,
        "amount": amount,
        "lines": {},
        "fingerprint": "",
        "clawed_pending": 0,
        "clawed_available": 0,
        "clawed_debt": 0,
        "forgiven": 0,
        "returned": 0,
        "occurred_at": occurred_at,
        "recorded_at": file.now,
        "undone_at": None,
    }


def _apply(file: File, refund: dict[str, Any]) -> dict[str, Any]:
    """Take the refund into the order, write everything, and return the refund's view."""
    file.refunds.append(refund)
    cause = _cause(file, refund, "was cancelled" if refund["kind"] == "cancel" else "was refunded")
    clawed = files.recount(file, cause)
    refund["clawed_pending"] = clawed.pending
    refund["clawed_available"] = clawed.available
    refund["clawed_debt"] = clawed.debt
    refund["forgiven"] = clawed.forgiven
    refund["returned"] = returning.settle_redeemed(file, cause)
    file.changes.insert(Refund, refund)
    data = {"order": file.order["external_id"], "refund": refund["external_id"]}
    files.tell(file, "order.refunded", {**data, "amount": refund["amount"]})
    files.write(file)
    return _shown(file, refund)


def _cause(file: File, refund: Row, what: str) -> Cause:
    """Name entries by the shop's ids, or by ours where a slash could let two be misread for one."""
    order_id, refund_id = file.order["external_id"], refund["external_id"]
    plain = "/" not in order_id and "/" not in refund_id
    source_id = f"{order_id}/{refund_id}" if plain else refund["id"]
    return Cause(f"Order {order_id} {what}.", "refund", source_id)


def _standing_cancel(file: File) -> dict[str, Any]:
    return next(one for one in file.refunds if one["kind"] == "cancel" and one["undone_at"] is None)


def _shown(file: File, refund: Row) -> dict[str, Any]:
    return views.refund(refund, files.view(file))
