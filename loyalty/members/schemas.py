"""Members as the API takes and gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import marshmallow as ma
import orjson

from loyalty.foundation.web import fields
from loyalty.foundation.web.fields.texts import Patterned
from loyalty.foundation.web.schema import ListQuery, Schema
from loyalty.members import identity
from loyalty.members.models import ACTIVE, ERASED, MERGED

CHANNELS = ("email", "sms", "phone", "post", "none")


class ReferralCode(Patterned):
    """A code that people pass on; upper and lower case are the same."""

    pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,30}[A-Za-z0-9]")
    most = 32
    sample = "ANNA-7KQ2M"
    expects = "must be 4 to 32 letters (A-Z), digits and hyphens, with no hyphen first or last"

    def _read(self, value: Any) -> str:
        return identity.referral_code_key(super()._read(value))


class AtMost(Schema):
    """How often at most."""

    count = fields.Integer(least=1, most=1000, required=True)
    per = fields.Duration(required=True, example="P7D")


class Contact(Schema):
    """How a member wants to be reached."""

    channel = fields.Choice(CHANNELS, required=True, about="The channel the member chose.")
    marketing = fields.Boolean(
        load_default=False, about="Whether they agreed to more than what they must be told."
    )
    at_most = fields.Nested(AtMost, allow_none=True, about="How often, if they said so.")


class MemberPath(Schema):
    """The shop's id of a member, in the address."""

    external_id = fields.ShopId(required=True, about="The shop's own id of the member.")


class Profile(Schema):
    """What is known of a member; fields left out stay as they are, null clears."""

    email = fields.Email(allow_none=True)
    name = fields.Line(200, allow_none=True, example="Anna Example")
    phone = fields.Line(40, allow_none=True, example="+49 30 1234567")
    birthday = fields.Date(allow_none=True)
    locale = fields.Locale(allow_none=True)
    country = fields.Country(allow_none=True, example="DE")
    joined_at = fields.Instant(about="When they joined; now, if it was never said.")
    referral_code = ReferralCode(
        allow_none=True, about="The member's own code to pass on; null or none makes one."
    )
    contact = fields.Nested(Contact, allow_none=True)
    metadata = fields.Metadata(allow_none=True)

    example: ClassVar = {
        "email": "anna@example.org",
        "name": "Anna Example",
        "country": "DE",
        "locale": "de-DE",
        "contact": {
            "channel": "email",
            "marketing": True,
            "at_most": {"count": 2, "per": "P7D"},
        },
    }


class Stats(Schema):
    """What a member has bought."""

    orders = fields.Integer(required=True, least=0, about="Paid orders that were not cancelled.")
    spend = fields.MinorUnits(required=True, about="In minor units, less what was refunded.")
    currency = fields.Currency(required=True)
    last_order_at = fields.Instant(required=True, allow_none=True)


class Member(Schema):
    """A member of the program."""

    id = fields.Text(required=True, example="mbr_019a4f6e-0d6b-7c3a-9c55-0d8c1c3f9e2a")
    external_id = fields.ShopId(required=True)
    status = fields.Choice((ACTIVE, MERGED, ERASED), required=True)
    merged_into = fields.ShopId(
        required=True, allow_none=True, about="The member that a merged one became."
    )
    email = fields.Email(required=True, allow_none=True)
    name = fields.Line(200, required=True, allow_none=True)
    phone = fields.Line(40, required=True, allow_none=True)
    birthday = fields.Date(required=True, allow_none=True)
    locale = fields.Locale(required=True, allow_none=True)
    country = fields.Country(required=True, allow_none=True)
    tier = fields.Text(required=True, allow_none=True)
    tier_until = fields.Instant(required=True, allow_none=True)
    referral_code = fields.Line(32, required=True, allow_none=True, example="ANNA-7KQ2M")
    joined_at = fields.Instant(required=True)
    stats = fields.Nested(Stats, required=True)
    contact = fields.Nested(Contact, required=True, allow_none=True)
    metadata = fields.Metadata(required=True)
    created_at = fields.Instant(required=True)
    updated_at = fields.Instant(required=True)

    @ma.pre_dump
    def _shape(self, row: Mapping[str, Any], **_kwargs: Any) -> dict[str, Any]:
        stats = {name: row[name] for name in ("orders", "spend", "currency", "last_order_at")}
        return {
            **row,
            "merged_into": row.get("merged_into_external_id"),
            "stats": stats,
            "metadata": row["metadata"] or {},
        }


class Members(ListQuery):
    """Which members to list."""

    email = fields.Email(
        about="Only members with this mailbox: letter case, plus-tags and Gmail's dots are ignored."
    )


class Export(Schema):
    """All that is known about one person."""

    exported_at = fields.Instant(required=True)
    member = fields.Nested(Member, required=True)
    merged = fields.List(fields.Nested(Member), required=True, about="Members merged into it.")

    class Meta:
        unknown = ma.INCLUDE  # a section for each slice that keeps something

    @ma.post_dump(pass_original=True)
    def _add_sections(
        self, data: dict[str, Any], original: Mapping[str, Any], **_kwargs: Any
    ) -> dict[str, Any]:
        sections = orjson.dumps(original["sections"], option=orjson.OPT_UTC_Z)
        return {**data, **orjson.loads(sections)}


class Erased(Schema):
    """What is left of an erased member."""

    id = fields.Text(required=True)
    status = fields.Choice((ERASED,), required=True)


class Merge(Schema):
    """Where a member goes."""

    into = fields.ShopId(required=True, about="The member that takes over everything.")

    example: ClassVar = {"into": "c-78"}


class Token(Schema):
    """A short-lived token for one member."""

    token = fields.Text(required=True, example="mtk_…", about="Send it as a bearer token.")
    expires_at = fields.Instant(required=True)
    account_url = fields.Text(required=True, about="Where the member sees their own account.")
