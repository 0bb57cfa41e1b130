"""The door of referrals: codes to pass on, who brought whom, and what people decide about it."""

from __future__ import annotations

from typing import Any

from loyalty.access import guard
from loyalty.access.guard import requires
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.calls import current_call
from loyalty.foundation.web.doors import REPLAYED, reads, writes
from loyalty.foundation.web.schema import page
from loyalty.members import parts
from loyalty.members.service import MemberErased, MemberMerged, MemberNotFound
from loyalty.referrals import personal, schemas
from loyalty.referrals.service import deciding, reading, recording

referrals = Blueprint(
    "referrals",
    __name__,
    url_prefix="/v1",
    description="Members who bring others; both are rewarded once something real was bought.",
)
parts.register(personal.PART)


@referrals.route("/members/<external_id>/referral", methods=["GET"])
@requires("balances:read", own="external_id")
@reads
@referrals.refuses(MemberNotFound, MemberMerged, MemberErased)
@referrals.response(200, schemas.MemberReferral)
def get_member_referral(external_id: str) -> dict[str, Any]:
    """Return a member's code and link, and how many they brought."""
    return reading.get_member_referral(current_call(), external_id)


@referrals.route("/referrals", methods=["POST"])
@requires("referrals:write")
@writes
@referrals.refuses(
    recording.ReferralCodeUnknown,
    recording.ReferralsOff,
    recording.AlreadyReferred,
    MemberNotFound,
)
@referrals.leads_to(
    *("get_referral", "approve_referral", "reject_referral"),
    referral_id="$response.body#/id",
)
@referrals.leads_to("get_member_referral", external_id="$response.body#/advocate")
@referrals.arguments(schemas.NewReferral)
@referrals.also(200, schemas.Referral, description="Recorded before, by the same advocate")
@referrals.response(201, schemas.Referral)
def record_referral(given: dict[str, Any]) -> Any:
    """Record that a member brought somebody, who joins if they are unknown.

    The referee makes the call safe to repeat: nobody is brought twice. What speaks against it
    leaves it `flagged`, for a person to decide, or `rejected`.
    """
    referral, is_known = recording.record_referral(
        current_call(), **given, pepper=guard.secret_key()
    )
    return (referral, 200, {REPLAYED: "true"}) if is_known else referral


@referrals.route("/referrals", methods=["GET"])
@requires("referrals:read")
@reads
@referrals.arguments(schemas.Referrals, location="query")
@referrals.response(200, schemas.ReferralPage)
def list_referrals(query: dict[str, Any]) -> dict[str, Any]:
    """List referrals, newest first."""
    limit, cursor = query["limit"], query["cursor"]
    found = reading.list_referrals(
        current_call(),
        state=query["state"],
        advocate=query["advocate"],
        referee=query["referee"],
        before=cursor and cursor[0],
        limit=limit + 1,
    )
    return page(found, limit, key=lambda row: (row["id"],))


@referrals.route("/referrals/<referral_id>", methods=["GET"])
@requires("referrals:read")
@reads
@referrals.refuses(reading.ReferralNotFound)
@referrals.response(200, schemas.Referral)
def get_referral(referral_id: str) -> dict[str, Any]:
    """Return a referral as it is now."""
    return reading.get_referral(current_call(), referral_id)


@referrals.route("/referrals/<referral_id>/approve", methods=["POST"])
@requires("referrals:write")
@writes
@referrals.refuses(
    reading.ReferralNotFound, deciding.ReferralNotFlagged, deciding.ReferralNotPayable
)
@referrals.arguments(schemas.Decision, required=False)
@referrals.response(200, schemas.Referral)
def approve_referral(given: dict[str, Any], referral_id: str) -> dict[str, Any]:
    """Clear a flagged referral: what it earned is given at once, in the same step.

    If its order is still to come, it is pending again; if its order was refunded meanwhile,
    it is voided until the order counts again.
    """
    return deciding.approve_referral(current_call(), referral_id, note=given["note"])


@referrals.route("/referrals/<referral_id>/reject", methods=["POST"])
@requires("referrals:write")
@writes
@referrals.refuses(reading.ReferralNotFound, deciding.ReferralNotFlagged)
@referrals.arguments(schemas.Decision, required=False)
@referrals.response(200, schemas.Referral)
def reject_referral(given: dict[str, Any], referral_id: str) -> dict[str, Any]:
    """Refuse a flagged referral for good; nothing is given for it."""
    return deciding.reject_referral(current_call(), referral_id, note=given["note"])
