"""Whether a member may be written to: pure, told everything it needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from loyalty.foundation import clock
from loyalty.recovery.contact.models import MARKETING, REFERRAL

NO_CHANNEL = "none"
USUAL_CHANNEL = "email"
_NEEDS_CONSENT = (MARKETING, REFERRAL)  # asking to refer is advertising too


class Answer(NamedTuple):
    """Yes or no: `reason` for programs, `detail` for people, `channel` the one to use, if any."""

    allowed: bool
    reason: str
    detail: str
    channel: str | None
    next_allowed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """What has to be right before somebody is asked to refer their friends."""

    has_referrals: bool
    has_open_case: bool
    has_pending_gesture: bool
    last_result: str | None
    """What the member said the last time that they answered."""


def decide(
    contact: Mapping[str, Any] | None,
    *,
    channel: str | None,
    purpose: str,
    last_counted: datetime | None,
    invitation: Invitation | None,
    now: datetime,
    zone: str,
) -> Answer:
    """Answer whether the member may be written to now.

    `contact` is their preference, None if they never stated one. `last_counted` is when the
    `at_most.count`th newest contact was, if there were as many. `invitation` is needed for the
    purpose `referral`. Without `channel` it is the preferred one.
    """
    preference = contact or {}
    preferred = preference.get("channel")
    if preferred == NO_CHANNEL:
        return Answer(False, "no_contact", "The member does not want to be written to.", None)  # noqa: FBT003 - a named field
    usable = preferred or channel or USUAL_CHANNEL
    if channel not in {None, usable}:
        return _no("other_channel", f"The member wants to be reached by {usable}.", usable)
    if purpose in _NEEDS_CONSENT and not preference.get("marketing", False):
        sentence = "The member has not agreed to more than what they must be told."
        return _no("no_marketing", sentence, usable)
    again_at = _again_at(preference.get("at_most"), last_counted, zone)
    if again_at is not None and again_at > now:
        limit = preference["at_most"]
        sentence = f"The member wants at most {limit['count']} contacts in {limit['per']}."
        return Answer(False, "too_often", sentence, usable, again_at)  # noqa: FBT003
    if purpose == REFERRAL and invitation is not None:
        refusal = _refuse_inviting(invitation)
        if refusal is not None:
            return _no(*refusal, usable)
    return Answer(True, "allowed", f"The member may be reached by {usable}.", usable)  # noqa: FBT003


def _no(reason: str, detail: str, channel: str) -> Answer:
    return Answer(False, reason, detail, channel)  # noqa: FBT003


def _again_at(
    at_most: Mapping[str, Any] | None, last_counted: datetime | None, zone: str
) -> datetime | None:
    if not at_most or last_counted is None:
        return None
    return clock.add(at_most["per"], last_counted, zone)


def _refuse_inviting(invitation: Invitation) -> tuple[str, str] | None:
    if not invitation.has_referrals:
        return "no_referrals", "The program rewards no referrals."
    if invitation.has_pending_gesture:
        return "pending_gesture", "A gesture for the member waits for approval; decide on it first."
    if invitation.has_open_case:
        return "open_case", "A case of the member is open; follow it up first."
    if invitation.last_result not in {None, "satisfied"}:
        return "not_satisfied", "The member was not satisfied the last time that they answered."
    return None
