"""Members: enrol, change, find, export, erase, merge, and let them see their own account."""

from __future__ import annotations

from typing import Any

from flask import current_app

from loyalty.access import guard
from loyalty.access import service as access
from loyalty.access.guard import requires
from loyalty.foundation.web import calls, schema
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.doors import reads, writes
from loyalty.ledger.kernel import BalanceTooLarge
from loyalty.members import dossier, merging, queries, schemas, service
from loyalty.programs import service as programs

members = Blueprint(
    "members",
    __name__,
    url_prefix="/v1",
    description="Members are addressed by the shop's own id. A merged one is a pointer.",
)
guard.find_members_by(queries.find_external_id)


@members.route("/members/<external_id>", methods=["PUT"])
@requires("members:write")
@writes
@members.refuses(service.MemberMerged, service.MemberErased, service.ReferralCodeTaken)
@members.arguments(schemas.MemberPath, location="path")
@members.leads_to(
    *("get_member", "export_member", "erase_member", "merge_member", "mint_token"),
    *("get_balance", "list_entries", "adjust_points", "transfer_points"),
    *("list_member_vouchers", "get_member_referral", "may_contact", "record_contact"),
    external_id="$request.path.external_id",
)
@members.arguments(schemas.Profile, required=False)
@members.also(201, schemas.Member, description="Enrolled")
@members.response(200, schemas.Member)
def put_member(path: dict[str, Any], profile: dict[str, Any], external_id: str) -> Any:
    """Enrol a member, or change the fields that are given.

    201 for a new member, 200 for a known one. A field that is left out stays as it is, null
    clears it. The account and a referral code of their own come with the enrolment.
    """
    del path  # checked, and the same as `external_id`
    row, is_new = service.put_member(calls.current_call(), external_id, profile)
    return _shown(row), 201 if is_new else 200


@members.route("/members/<external_id>", methods=["GET"])
@requires("members:read", own="external_id")
@reads
@members.refuses(service.MemberNotFound)
@members.response(200, schemas.Member)
def get_member(external_id: str) -> Any:
    """Show a member. One that was merged says into whom."""
    return _shown(service.get_member(calls.current_call(), external_id))


@members.route("/members", methods=["GET"])
@requires("members:read")
@reads
@members.arguments(schemas.Members, location="query")
@members.response(200, schema.page_of(schemas.Member))
def list_members(query: dict[str, Any]) -> Any:
    """List members, newest first; with `email`, those of one mailbox.

    Erased members are left out.
    """
    limit, cursor = query["limit"], query["cursor"]
    rows = service.list_members(
        calls.current_call(),
        email=query.get("email"),
        before=cursor and cursor[0],
        limit=limit + 1,
    )
    return schema.page([_shown(row) for row in rows], limit, lambda row: (row["id"],))


@members.route("/members/<external_id>/export", methods=["GET"])
@requires("members:read", own="external_id")
@reads
@members.refuses(service.MemberNotFound, service.MemberMerged)
@members.response(200, schemas.Export)
def export_member(external_id: str) -> Any:
    """Hand out everything that is known about a person, as one document."""
    call = calls.current_call()
    found = dossier.export_member(call, external_id)
    return {
        "exported_at": call.now,
        "member": _shown(found.member),
        "merged": [_shown(row) for row in found.merged],
        "sections": found.sections,
    }


@members.route("/members/<external_id>", methods=["DELETE"])
@requires("members:write")
@writes
@members.refuses(service.MemberNotFound, service.MemberMerged, service.MemberErased)
@members.response(200, schemas.Erased)
def erase_member(external_id: str) -> Any:
    """Forget a person for good.

    Names, addresses, notes and messages go, also those of members merged into this one. The
    ledger keeps its sums under an id that leads to nobody. The external id is free again:
    whoever is enrolled under it starts from zero.
    """
    return dossier.erase_member(calls.current_call(), external_id)


@members.route("/members/<external_id>/merge", methods=["POST"])
@requires("members:write")
@writes
@members.refuses(
    service.MemberNotFound,
    service.MemberMerged,
    service.MemberErased,
    merging.MergeRefused,
    BalanceTooLarge,
)
@members.arguments(schemas.Merge)
@members.response(200, schemas.Member)
def merge_member(merge: dict[str, Any], external_id: str) -> Any:
    """Make two members one, and show the one that stays.

    Points move once, with their lots and expiry; statistics are added up. The source stays as a
    pointer: its later orders, refunds and reads go to the target. Repeating it is harmless.
    """
    call = calls.current_call()
    document = programs.current(call.program_id, call.now).terms.document
    row = merging.merge_member(call, external_id, into=merge["into"], document=document)
    return _shown(row)


@members.route("/members/<external_id>/token", methods=["POST"])
@requires("tokens:write")
@writes
@members.refuses(service.MemberNotFound, service.MemberMerged, service.MemberErased)
@members.response(200, schemas.Token)
def mint_token(external_id: str) -> Any:
    """Mint a token with which this member reads their own account for an hour.

    For the account page and the widget: hand it to the member's browser, never a server key.
    """
    call = calls.current_call()
    member = service.get_active_member(call, external_id)
    minted = access.mint_token(
        program_id=call.program_id,
        member_id=member["id"],
        pepper=guard.secret_key(),
        now=call.now,
    )
    account_url = f"{current_app.config['BASE_URL']}/account/{minted.token}"
    return {**minted._asdict(), "account_url": account_url}


def _shown(row: queries.Row) -> queries.Row:
    """Add the currency of the statistics, which a program never changes."""
    return {**row, "currency": programs.terms(row["program_id"], 1).currency}
