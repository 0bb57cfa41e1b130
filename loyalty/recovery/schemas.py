"""Gestures as callers send and get them."""

from __future__ import annotations

from typing import ClassVar

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import ListQuery, Money, Schema, page_of
from loyalty.recovery.caps.kernel import NEEDS_APPROVAL, REFUSED, WITHIN
from loyalty.recovery.models import KINDS, RECOVERY, REFUND_STATES, STATES, TYPES

VERDICTS = (WITHIN, NEEDS_APPROVAL, REFUSED)
MOST_CAPS = 200


class Give(Schema):
    """What a gesture gives: points, or an amount of money in some form."""

    kind = fields.Choice(KINDS, required=True, example="voucher")
    points = fields.Points(load_default=None, allow_none=True, about="Only of kind `points`.")
    amount = fields.MinorUnits(
        least=1, load_default=None, allow_none=True, example=1000, about="Of every other kind."
    )
    currency = fields.Currency(
        load_default=None, allow_none=True, about="The program's, also if left out."
    )
    expires_after = fields.Duration(
        load_default=None,
        allow_none=True,
        example="P90D",
        about="How long a voucher lives, as the program says if left out; not of other kinds.",
    )

    example: ClassVar = {"kind": "voucher", "amount": 1000, "currency": "EUR"}


class NewGesture(Schema):
    """What to give to whom, and why."""

    member = fields.ShopId(required=True, example="c-77")
    type = fields.Choice(TYPES, load_default=RECOVERY, about="Something went wrong, or unasked.")
    reason = fields.Line(64, required=True, example="late_delivery", about="One of the program's.")
    give = fields.Nested(Give, required=True)
    order_id = fields.ShopId(
        load_default=None, allow_none=True, example="10045", about="The member's order it is for."
    )
    case_ref = fields.Line(
        255, load_default=None, allow_none=True, example="ZD-5521", about="The helpdesk's case."
    )
    agent = fields.Line(
        100,
        load_default=None,
        allow_none=True,
        example="kim",
        about="Who gives; required from a key that is not bound to an agent.",
    )
    note_internal = fields.Text(
        2000, load_default=None, allow_none=True, about="Never shown to customers."
    )
    message_to_customer = fields.Text(2000, load_default=None, allow_none=True)
    exception = fields.Boolean(
        load_default=False, about="Whether it is meant to be none that others are measured by."
    )

    example: ClassVar = {
        "member": "c-77",
        "type": "recovery",
        "reason": "late_delivery",
        "give": {"kind": "voucher", "amount": 1000, "currency": "EUR"},
        "order_id": "10045",
        "case_ref": "ZD-5521",
        "agent": "kim",
        "note_internal": "Third delay this year.",
        "message_to_customer": "We are sorry that your parcel came late.",
        "exception": False,
    }


class Decision(Schema):
    """Who decides, and a note that customers never see."""

    note = fields.Text(2000, load_default=None, allow_none=True)
    agent = fields.Line(
        100,
        load_default=None,
        allow_none=True,
        example="lee",
        about="Required from a key that is not bound to an agent.",
    )

    example: ClassVar = {"note": "Fine, it was our fault.", "agent": "lee"}


class Cap(Schema):
    """One cap and this gesture; all that look at it hold at once."""

    id = fields.Text(required=True, example="agent-day")
    per = fields.Text(required=True, example="agent")
    measure = fields.Choice(("value", "count"), required=True)
    window = fields.Text(required=True, allow_none=True, example="day")
    limit = fields.Integer(required=True, about="In minor units, or gestures.")
    used = fields.Integer(required=True)
    this = fields.Integer(required=True)
    remaining = fields.Integer(required=True, about="Before this gesture.")
    verdict = fields.Choice(VERDICTS, required=True)
    resets_at = fields.Text(
        required=True, allow_none=True, about="When a calendar window begins anew."
    )


class Precedent(Schema):
    """What was given for the same reason in 90 days, exceptions left out.

    The latest thousand gestures are looked at: 1000 stands for that many or more.
    """

    reason = fields.Text(required=True)
    given_90d = fields.Integer(required=True, about="How many gestures.")
    p50 = fields.Integer(required=True, allow_none=True, about="The median worth.")
    p90 = fields.Integer(required=True, allow_none=True, about="Nine in ten were worth no more.")
    this_member_12m = fields.Integer(required=True, about="Gestures to this member, of any reason.")
    outside = fields.Boolean(required=True, about="Whether this one is worth more than `p90`.")


class Given(Schema):
    """What a gesture gives."""

    kind = fields.Choice(KINDS, required=True)
    points = fields.Integer(required=True, allow_none=True)
    amount = fields.Integer(required=True, allow_none=True)
    currency = fields.Currency(required=True, allow_none=True)


class GivenVoucher(Schema):
    """The voucher that was issued."""

    id = fields.Text(required=True, example="vch_01a2…")
    code = fields.Text(required=True, example="7KQ2M-9WXHT-4C8DR")


class RefundOrder(Schema):
    """How far the refund has come."""

    state = fields.Choice(REFUND_STATES, required=True)


class Gesture(Schema):
    """A gesture: what was asked for and by whom, what was decided, what was given."""

    id = fields.Text(required=True, example="gst_01a2…")
    state = fields.Choice(STATES, required=True)
    member = fields.ShopId(required=True)
    type = fields.Choice(TYPES, required=True)
    reason = fields.Text(required=True)
    give = fields.Nested(Given, required=True)
    value = fields.Nested(Money, required=True, about="What it counts under caps.")
    taken_back = fields.Nested(
        Money, required=True, allow_none=True, about="Of a revoked one: what came back."
    )
    order_id = fields.ShopId(required=True, allow_none=True)
    case_ref = fields.Text(required=True, allow_none=True)
    agent = fields.Text(required=True)
    role = fields.Text(required=True)
    note_internal = fields.Text(required=True, allow_none=True)
    message_to_customer = fields.Text(required=True, allow_none=True)
    exception = fields.Boolean(required=True)
    voucher = fields.Nested(GivenVoucher, required=True, allow_none=True)
    entry = fields.Text(required=True, allow_none=True, about="Of points that were given.")
    refund = fields.Nested(RefundOrder, required=True, allow_none=True)
    requested_at = fields.Instant(required=True)
    approval_expires_at = fields.Instant(required=True, allow_none=True)
    decided_at = fields.Instant(required=True, allow_none=True)
    decided_by = fields.Text(required=True, allow_none=True)
    decision_note = fields.Text(required=True, allow_none=True)
    issued_at = fields.Instant(required=True, allow_none=True)
    revoked_at = fields.Instant(required=True, allow_none=True)
    revoked_by = fields.Text(required=True, allow_none=True)
    revocation_note = fields.Text(required=True, allow_none=True)
    caps = fields.List(
        fields.Nested(Cap), most=MOST_CAPS, required=True, about="As it was asked for."
    )
    precedent = fields.Nested(Precedent, required=True, about="As it was asked for.")


class Preview(Schema):
    """What would come of a gesture."""

    verdict = fields.Choice(VERDICTS, required=True, about="The worst of its caps.")
    value = fields.Nested(Money, required=True)
    caps = fields.List(fields.Nested(Cap), most=MOST_CAPS, required=True)
    precedent = fields.Nested(Precedent, required=True)


class GestureQuery(ListQuery):
    """Which gestures to list."""

    member = fields.ShopId(load_default=None)
    state = fields.Choice(STATES, load_default=None)
    reason = fields.Line(64, load_default=None)
    agent = fields.Line(100, load_default=None)


GesturePage = page_of(Gesture)
