"""The door of points: balances and entries for storefronts, movements by hand."""

from __future__ import annotations

from typing import Any

from flask import Response

from loyalty.access.guard import requires
from loyalty.foundation.web import api, caller
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.calls import current_call
from loyalty.foundation.web.doors import idempotent, reads, reads_together
from loyalty.foundation.web.schema import page
from loyalty.ledger.kernel import BalanceTooLarge, InsufficientPoints
from loyalty.members import parts
from loyalty.members.service import MemberNotFound
from loyalty.points import personal, schemas, service
from loyalty.vouchers.rules import UseGestures

points = Blueprint(
    "points", __name__, url_prefix="/v1", description="Balances, history, and points moved by hand."
)
parts.register(personal.PART)
_get_balance = reads_together(service.get_balances)


@points.route("/members/<external_id>/balance", methods=["GET"])
@requires("balances:read", own="external_id")
@points.refuses(MemberNotFound)
@points.arguments(schemas.BalanceQuery, location="query")
@points.response(200, schemas.Balance)
def get_balance(query: dict[str, Any], external_id: str) -> dict[str, Any]:
    """Return a member's points: what can be spent, what arrives, what expires, what it is worth."""
    return _get_balance(service.Asked(current_call(), external_id, query["as_of"]))


@points.route("/members/<external_id>/entries", methods=["GET"])
@requires("balances:read", own="external_id")
@reads
@points.refuses(MemberNotFound)
@points.leads_to("get_entry", entry_id="$response.body#/data/0/id")
@points.arguments(schemas.EntryQuery, location="query")
@points.response(200, schemas.EntryPage)
def list_entries(query: dict[str, Any], external_id: str) -> Any:
    """List a member's entries, newest first."""
    before = query["cursor"][0] if query["cursor"] else None
    rows = service.list_entries(
        current_call(), external_id, before=before, limit=query["limit"] + 1
    )
    shown = page(rows, query["limit"], key=lambda row: (row["seq"],))
    return shown if not _is_member() else _for_member(shown)


@points.route("/entries/<entry_id>", methods=["GET"])
@requires("balances:read")
@reads
@points.refuses(service.EntryNotFound)
@points.response(200, schemas.Entry)
def get_entry(entry_id: str) -> Any:
    """Return one entry with its explanation."""
    return service.get_entry(current_call(), entry_id)


@points.route("/members/<external_id>/adjustments", methods=["POST"])
@requires("ledger:write")
@idempotent
@points.refuses(MemberNotFound, InsufficientPoints, BalanceTooLarge, UseGestures)
@points.leads_to("get_entry", entry_id="$response.body#/id")
@points.arguments(schemas.NewAdjustment)
@points.response(201, schemas.Entry)
def adjust_points(given: dict[str, Any], external_id: str) -> dict[str, Any]:
    """Add points to a member or take available ones."""
    return service.adjust(current_call(), external_id, **given)


@points.route("/members/<external_id>/transfers", methods=["POST"])
@requires("ledger:write")
@idempotent
@points.refuses(MemberNotFound, InsufficientPoints, BalanceTooLarge, service.TransferRefused)
@points.arguments(schemas.NewTransfer)
@points.response(201, schemas.Transfer)
def transfer_points(given: dict[str, Any], external_id: str) -> dict[str, Any]:
    """Give available points to another member; they keep their expiry."""
    return service.transfer(current_call(), external_id, **given)


def _is_member() -> bool:
    return caller.current_caller().kind == "member"


def _for_member(shown: dict[str, Any]) -> Response:
    return api.answer(schemas.MemberEntryPage().dump(shown))
