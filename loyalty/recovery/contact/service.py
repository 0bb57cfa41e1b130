"""May this member be written to, and that they were: one answer for everybody who writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from loyalty.foundation import db, idempotency, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError, InvalidRequest, Problem
from loyalty.members import service as members
from loyalty.members.models import MERGED
from loyalty.programs import service as programs
from loyalty.recovery.contact import queries, rules
from loyalty.recovery.contact.models import REFERRAL, ContactMade
from loyalty.recovery.contact.queries import Row


class ContactNotAllowed(Problem):
    """The member does not want to be written to like this, or not now."""

    code = "contact_not_allowed"
    status = 409
    title = "The member may not be contacted like this now"
    about = (
        "Members say how and how often they want to be reached. `reason` says what is against it, "
        "`channel` names the one they prefer, and `next_allowed_at` when it is all right again."
    )


def may_contact(call: Call, external_id: str, *, channel: str | None, purpose: str) -> Row:
    """Answer whether a member may be written to now. Raises `MemberNotFound`."""
    person = queries.find_person(call.program_id, external_id)
    if person is None:
        raise members.not_found(external_id)
    now = person["test_now"] or call.now
    return decide(call.program_id, person, channel=channel, purpose=purpose, now=now)._asdict()


def record_contact(
    call: Call, external_id: str, *, channel: str, purpose: str, occurred_at: datetime | None = None
) -> Row:
    """Put on record that a member is written to now, if they may be.

    Of those who ask at once, as many succeed as the member allows. What has `occurred_at` in the
    past is a fact, and recorded whether or not it was welcome. Raises `MemberNotFound`,
    `ContactNotAllowed`, `InvalidRequest` for what lies in the future.
    """
    person = queries.lock_person(call.program_id, external_id)
    if person is None:
        raise members.not_found(external_id)
    if person["status"] == MERGED:
        raise db.LostUpdate("the member was merged while its row was waited for")
    idempotency.concerns(person["id"])
    now = person["test_now"] or call.now
    if occurred_at is not None and occurred_at > now:
        raise InvalidRequest(
            "/occurred_at must not be in the future.",
            errors=[FieldError("/occurred_at", "must not be in the future")],
        )
    if occurred_at is None or occurred_at == now:
        answer = decide(call.program_id, person, channel=channel, purpose=purpose, now=now)
        if not answer.allowed:
            raise refusal(answer)
    changes = Changes()
    row = add_contact(
        changes, call, person["id"], channel=channel, purpose=purpose,
        occurred_at=occurred_at or now, now=now,
    )  # fmt: skip
    changes.write(db.connection())
    return {**row, "member": person["external_id"]}


def add_contact(
    changes: Changes,
    call: Call,
    member_id: str,
    *,
    channel: str,
    purpose: str,
    occurred_at: datetime,
    now: datetime,
) -> Row:
    """Add a contact to the changes; whether it is allowed is for the caller to know."""
    row = {
        "id": ids.new_id("con"),
        "program_id": call.program_id,
        "member_id": member_id,
        "channel": channel,
        "purpose": purpose,
        "occurred_at": occurred_at,
        "actor": call.actor,
        "created_at": now,
    }
    changes.insert(ContactMade, row)
    return row


def decide(
    program_id: str, person: Row, *, channel: str | None, purpose: str, now: datetime
) -> rules.Answer:
    """Answer for a person that was read; in two statements at most."""
    document = programs.terms(program_id, person["version"]).document
    at_most = (person["contact"] or {}).get("at_most")
    counted = at_most and queries.find_counted(person["id"], at_most["count"], until=now)
    return rules.decide(
        person["contact"],
        channel=channel,
        purpose=purpose,
        last_counted=counted or None,
        invitation=_invitation(person["id"], document, now) if purpose == REFERRAL else None,
        now=now,
        zone=document["program"]["timezone"],
    )


def refusal(answer: rules.Answer) -> ContactNotAllowed:
    """Return the problem for a no."""
    next_allowed_at = answer.next_allowed_at
    return ContactNotAllowed(
        answer.detail,
        reason=answer.reason,
        channel=answer.channel,
        next_allowed_at=next_allowed_at and f"{next_allowed_at.isoformat()[:-6]}Z",
    )


def _invitation(member_id: str, document: Any, now: datetime) -> rules.Invitation:
    standing = queries.get_standing(member_id, now)
    return rules.Invitation(has_referrals="referrals" in document, **standing)
