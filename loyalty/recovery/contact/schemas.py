"""The contact contract as the API takes and gives it."""

from __future__ import annotations

from typing import ClassVar

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import Schema
from loyalty.recovery.contact.models import CHANNELS, PURPOSES, SERVICE

_PURPOSE = (
    "`marketing` for advertising, `service` for what concerns an order or a gift without strings, "
    "`follow_up` for asking whether all is well, `referral` for asking to recommend the shop."
)


class ContactQuery(Schema):
    """How and what for somebody wants to write."""

    channel = fields.Choice(CHANNELS, about="The preferred one, if left out.")
    purpose = fields.Choice(PURPOSES, load_default=SERVICE, about=_PURPOSE)


class MayContact(Schema):
    """Yes or no, and why."""

    allowed = fields.Boolean(required=True)
    reason = fields.Code(
        required=True,
        example="too_often",
        about="`allowed`, `no_contact`, `other_channel`, `no_marketing`, `too_often`; for a "
        "referral also `no_referrals`, `open_case`, `pending_gesture`, `not_satisfied`.",
    )
    detail = fields.Text(required=True, about="The reason as a sentence.")
    channel = fields.Choice(
        CHANNELS, required=True, allow_none=True, about="The channel to use; null for none."
    )
    next_allowed_at = fields.Instant(
        required=True, allow_none=True, about="When it is all right again, if time brings that."
    )


class NewContact(Schema):
    """A contact that is made now, or was made."""

    channel = fields.Choice(CHANNELS, required=True)
    purpose = fields.Choice(PURPOSES, required=True, about=_PURPOSE)
    occurred_at = fields.Instant(
        allow_none=True,
        about="When it was, if it is past: then it is recorded as a fact. Left out, it is made "
        "now, and refused if it may not be made.",
    )

    example: ClassVar = {"channel": "email", "purpose": "service"}


class Contact(Schema):
    """A contact on record."""

    id = fields.Text(required=True, example="con_019a4f6e-0d6b-7c3a-9c55-0d8c1c3f9e2a")
    member = fields.ShopId(required=True)
    channel = fields.Choice(CHANNELS, required=True)
    purpose = fields.Choice(PURPOSES, required=True)
    occurred_at = fields.Instant(required=True)
