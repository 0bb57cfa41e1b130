"""The shape of `[recovery]`: reasons for gestures, and the caps that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import marshmallow

from loyalty.programs.document import fields, proactive, sections
from loyalty.programs.document.sections import Section

ROLES: Final = ("agent", "supervisor", "admin")
TYPES: Final = ("recovery", "proactive")
GIVES: Final = ("voucher", "points", "stored_value", "fee_waiver", "refund")
PER: Final = ("gesture", "order", "member", "agent", "role", "reason", "program")
_OF_ONE_ORDER: Final = ("gesture", "order")


class Reason(Section):
    """Why a gesture is made, and which part of the business drives it."""

    code = fields.Name(required=True)
    name = fields.Text(required=True)
    driver = fields.Text(120)
    follow_up_after = fields.Duration()


class OneOrMore(fields.Exact[list[str]]):
    """One word or a list of them, returned as a list."""

    def __init__(self, one: fields.Exact[str], **kwargs: Any) -> None:
        super().__init__(f"{one.right}, or a list of such", **kwargs)
        self.many = fields.items(one, least=1)

    def read(self, value: Any) -> list[str]:
        """Return the words."""
        words: Any = self.many.deserialize([value] if isinstance(value, str) else value)
        return list(words)


class About(Section):
    """Which gestures a cap looks at; all that is named must hold."""

    role = OneOrMore(fields.Choice(ROLES))
    reason = OneOrMore(fields.Name())
    agent = OneOrMore(fields.Text())
    type = OneOrMore(fields.Choice(TYPES))
    kind = OneOrMore(fields.Choice(GIVES))


class Cap(Section):
    """How much may be given: `limit` in minor units or gestures, or a `share` of the order."""

    id = fields.Name(required=True)
    per = fields.Choice(PER, required=True)
    measure = fields.Choice(("value", "count"), required=True)
    limit = fields.Whole(0)
    share = fields.Ratio(1)
    window = fields.Window()
    above = fields.Choice(("refuse", "approve"), required=True)
    where = fields.table(About)

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _makes_sense(self, data: Mapping[str, Any], raw: Any, **_: Any) -> None:
        errors = sections.one_of(data, raw, "limit", "share")
        per, measure = data.get("per"), data.get("measure")
        if "share" in data and (per not in _OF_ONE_ORDER or measure != "value"):
            errors["share"] = [
                "Only the value per gesture or per order can be a share of the order."
            ]
        if per == "gesture" and measure == "count":
            errors["measure"] = ['It must be "value" per gesture: each gesture counts one.']
        if per == "gesture" and "window" in data:
            errors["window"] = ["Leave it out: one gesture has no window."]
        sections.raise_all(errors)


class Recovery(Section):
    """Gestures: when things went wrong, or unasked."""

    follow_up_after = fields.Duration(load_default="P3D")
    approval_expires_after = fields.Duration(load_default="P3D")
    goodwill_expires_after = fields.Duration(load_default="P1Y")
    reasons = fields.items(fields.table(Reason), most=200, load_default=list)
    caps = fields.items(fields.table(Cap), most=200, load_default=list)
    proactive = fields.items(fields.table(proactive.Proactive), most=50, load_default=list)
