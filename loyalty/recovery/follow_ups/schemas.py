"""Follow-ups as the API takes and gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import marshmallow as ma

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import ListQuery, Schema
from loyalty.recovery.contact.models import CHANNELS
from loyalty.recovery.follow_ups.models import MOST_SATISFACTION, NO_ANSWER, RESULTS
from loyalty.recovery.follow_ups.service import STATES


class FollowUpQuery(ListQuery):
    """Which follow-ups to list."""

    state = fields.Choice(
        STATES, about="`open` is not due yet, `due` wants to be done. All, if left out."
    )
    member = fields.ShopId(about="Only those of this member.")
    gesture = fields.Line(64, about="Only those of this gesture.", example="gst_019a4f6e")


class Completion(Schema):
    """What the member said."""

    result = fields.Choice(
        RESULTS, required=True, about="`unsatisfied` and `reopened` open the case again."
    )
    satisfaction = fields.Integer(least=1, most=MOST_SATISFACTION, allow_none=True)
    note = fields.Text(2000, allow_none=True, about="For staff; never shown to the member.")

    example: ClassVar = {"result": "satisfied", "satisfaction": 5, "note": "All is well again."}

    @ma.validates_schema
    def _fits_together(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["result"] == NO_ANSWER and data.get("satisfaction") is not None:
            raise ma.ValidationError(
                {"satisfaction": ["must be left out where nobody has answered"]}
            )


class CaseGesture(Schema):
    """What was given in the case."""

    id = fields.Text(required=True, example="gst_019a4f6e-0d6b-7c3a-9c55-0d8c1c3f9e2a")
    type = fields.Text(required=True, example="recovery")
    reason = fields.Text(required=True, example="late_delivery")
    kind = fields.Text(required=True, example="voucher")
    points = fields.Integer(required=True, allow_none=True)
    amount = fields.MinorUnits(required=True, allow_none=True)
    currency = fields.Currency(required=True)
    state = fields.Text(required=True, example="issued")
    agent = fields.Text(required=True, example="kim")
    issued_at = fields.Instant(required=True)


class FollowUp(Schema):
    """One question to a member about one gesture."""

    id = fields.Text(required=True, example="fup_019a4f6e-0d6b-7c3a-9c55-0d8c1c3f9e2a")
    state = fields.Choice(STATES, required=True)
    member = fields.ShopId(required=True)
    gesture = fields.Text(required=True, example="gst_019a4f6e-0d6b-7c3a-9c55-0d8c1c3f9e2a")
    reason = fields.Text(required=True, example="late_delivery")
    case_ref = fields.Text(required=True, allow_none=True, example="ZD-5521")
    channel = fields.Choice(
        CHANNELS,
        required=True,
        allow_none=True,
        about="How the member wants to be asked; null: not at all, so staff alone see it.",
    )
    message_to_customer = fields.Text(required=True, allow_none=True)
    due_at = fields.Instant(required=True)
    completed_at = fields.Instant(required=True, allow_none=True)
    completed_by = fields.Text(required=True, allow_none=True, example="customer")
    result = fields.Choice(RESULTS, required=True, allow_none=True)
    satisfaction = fields.Integer(required=True, allow_none=True)
    note = fields.Text(required=True, allow_none=True)
    link = fields.Text(
        required=True,
        allow_none=True,
        about="Where the customer answers with one tap, for thirty days; null when completed.",
    )
    gestures = fields.List(
        fields.Nested(CaseGesture), required=True, about="What the case has been given so far."
    )
    reopens = fields.Text(
        required=True, allow_none=True, about="The follow-up whose answer brought this one."
    )
    reopened_by = fields.Text(
        required=True, allow_none=True, about="The follow-up that this one's answer brought."
    )
    created_at = fields.Instant(required=True)
