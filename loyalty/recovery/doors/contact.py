"""The door of the contact contract: may I write to this member, and: I did."""

from __future__ import annotations

from typing import Any

from loyalty.access.guard import requires
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.calls import current_call
from loyalty.foundation.web.doors import idempotent, reads
from loyalty.members import parts
from loyalty.members.service import MemberNotFound
from loyalty.recovery.contact import personal, schemas, service

contact = Blueprint(
    "contact",
    __name__,
    url_prefix="/v1",
    description="How and how often members want to be reached: one answer for all who write.",
)
parts.register(personal.PART)


@contact.route("/members/<external_id>/may_contact", methods=["GET"])
@requires("members:read")
@reads
@contact.refuses(MemberNotFound)
@contact.arguments(schemas.ContactQuery, location="query")
@contact.response(200, schemas.MayContact)
def may_contact(query: dict[str, Any], external_id: str) -> dict[str, Any]:
    """Answer whether a member may be written to now, and why not.

    It goes by the channel and the frequency that they chose, and by what they agreed to. A
    referral is asked for only where no case is open and the last answer was satisfied.
    """
    return service.may_contact(
        current_call(), external_id, channel=query.get("channel"), purpose=query["purpose"]
    )


@contact.route("/members/<external_id>/contacts", methods=["POST"])
@requires("members:write")
@idempotent
@contact.refuses(MemberNotFound, service.ContactNotAllowed)
@contact.arguments(schemas.NewContact)
@contact.response(201, schemas.Contact)
def record_contact(given: dict[str, Any], external_id: str) -> dict[str, Any]:
    """Record that a member is written to.

    Do it before you write: of several who ask at once, as many succeed as the member allows. A
    contact that was made already, with `occurred_at` in the past, is recorded in any case.
    """
    return service.record_contact(current_call(), external_id, **given)
