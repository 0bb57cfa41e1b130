"""The door of vouchers: issue, list, check what one is worth for an order, revoke."""

from __future__ import annotations

from typing import Any

from flask import Response

from loyalty.access.guard import requires
from loyalty.foundation.web import api, caller
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.calls import current_call
from loyalty.foundation.web.doors import idempotent, reads, writes
from loyalty.foundation.web.schema import page
from loyalty.members import parts
from loyalty.members.service import MemberNotFound
from loyalty.vouchers import personal, rules, schemas, sheet
from loyalty.vouchers.guard import client_of, guarded_from_guessing
from loyalty.vouchers.service import checking, listing, making, refusing

vouchers = Blueprint(
    "vouchers",
    __name__,
    url_prefix="/v1",
    description="Codes that lower a price or pay; case, hyphens and spaces are ignored.",
)
parts.register(personal.PART)

_CSV = {"type": "string"}


@vouchers.route("/vouchers", methods=["POST"])
@requires("vouchers:write")
@idempotent
@vouchers.refuses(
    MemberNotFound, making.VoucherCodeTaken, rules.UseGestures, rules.VoucherTermsRefused
)
@vouchers.leads_to("get_voucher", "check_voucher", "revoke_voucher", code="$response.body#/code")
@vouchers.arguments(schemas.NewVoucher)
@vouchers.response(201, schemas.Voucher)
def issue_voucher(given: dict[str, Any]) -> dict[str, Any]:
    """Issue a voucher, for one member or for anyone.

    Its terms never change. Goodwill is given by `POST /v1/gestures` instead, so that caps hold.
    """
    return making.issue_voucher(current_call(), given)


@vouchers.route("/vouchers/bulk", methods=["POST"])
@requires("vouchers:write")
@idempotent
@vouchers.refuses(rules.UseGestures, rules.VoucherTermsRefused)
@vouchers.leads_to("download_batch", batch_id="$response.body#/batch")
@vouchers.arguments(schemas.NewBatch)
@vouchers.response(201, schemas.Batch)
def issue_batch(given: dict[str, Any]) -> dict[str, Any]:
    """Issue up to 10,000 vouchers with the same terms, all or none, each with its own code."""
    count = given.pop("count")
    made = making.issue_batch(current_call(), given, count=count)
    return {**made, "download": f"/v1/vouchers/batches/{made['batch']}/codes.csv"}


@vouchers.route("/vouchers/batches/<batch_id>/codes.csv", methods=["GET"])
@requires("vouchers:read")
@reads
@vouchers.refuses(listing.BatchNotFound)
@vouchers.response(200, _CSV, content_type="text/csv", description="One line for each voucher")  # type: ignore[arg-type] # for the document alone
def download_batch(batch_id: str) -> Response:
    """Download the codes of a batch as CSV, with a header; amounts are in minor units."""
    rows = listing.list_batch(current_call(), batch_id)
    headers = {"Content-Disposition": f'attachment; filename="{batch_id}.csv"'}
    return Response(sheet.written(rows), content_type="text/csv; charset=utf-8", headers=headers)


@vouchers.route("/vouchers", methods=["GET"])
@requires("vouchers:read")
@reads
@vouchers.arguments(schemas.VoucherQuery, location="query")
@vouchers.response(200, schemas.VoucherPage)
def list_vouchers(query: dict[str, Any]) -> dict[str, Any]:
    """List vouchers, newest first."""
    limit = query.pop("limit")
    before = _before(query.pop("cursor"))
    rows = listing.list_vouchers(current_call(), **query, before=before, limit=limit + 1)
    return page(rows, limit, key=lambda row: (row["id"],))


@vouchers.route("/vouchers/<code>", methods=["GET"])
@requires("vouchers:read")
@reads
@vouchers.refuses(making.VoucherNotFound)
@vouchers.response(200, schemas.Voucher)
def get_voucher(code: str) -> dict[str, Any]:
    """Return a voucher by its code or its id, for the shop's server and for staff."""
    return listing.get_voucher(current_call(), code)


@vouchers.route("/vouchers/<code>/check", methods=["POST"])
@requires("vouchers:read")
@guarded_from_guessing
@reads
@vouchers.refuses(refusing.VoucherNotUsable, refusing.VoucherUsedUp, refusing.VoucherNotApplicable)
@vouchers.arguments(schemas.Check)
@vouchers.response(200, schemas.Checked)
def check_voucher(given: dict[str, Any], code: str) -> dict[str, Any]:
    """Say what a voucher would take off an order; nothing is set aside.

    Codes that are unknown, another member's, not valid yet, expired, revoked or used up get one
    and the same refusal, and are counted: after too many of them no code is looked at for a while.
    """
    client = client_of(given.pop("client"), member=given["member"])
    return checking.check_voucher(current_call(), code, **given, client=client)


@vouchers.route("/vouchers/<code>/revoke", methods=["POST"])
@requires("vouchers:write")
@writes
@vouchers.refuses(making.VoucherNotFound)
@vouchers.response(200, schemas.Voucher)
def revoke_voucher(code: str) -> dict[str, Any]:
    """Make a voucher unusable and take back what is neither spent nor held; repeating is harmless.

    A checkout that holds some of it can still capture that.
    """
    return making.revoke_voucher(current_call(), code)


@vouchers.route("/members/<external_id>/vouchers", methods=["GET"])
@requires("balances:read", own="external_id")
@reads
@vouchers.refuses(MemberNotFound)
@vouchers.arguments(schemas.MemberVoucherQuery, location="query")
@vouchers.response(200, schemas.VoucherPage)
def list_member_vouchers(query: dict[str, Any], external_id: str) -> Any:
    """List the vouchers that only this member can use, newest first."""
    limit = query["limit"]
    rows = listing.list_member_vouchers(
        current_call(),
        external_id,
        state=query["state"],
        before=_before(query["cursor"]),
        limit=limit + 1,
    )
    shown = page(rows, limit, key=lambda row: (row["id"],))
    if caller.current_caller().kind == "member":
        return api.answer(schemas.MemberVoucherPage().dump(shown))
    return shown


def _before(cursor: Any) -> Any:
    return cursor[0] if cursor else None
