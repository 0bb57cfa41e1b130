"""The shape of `[[recovery.proactive]]`: what a program gives unasked, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import marshmallow

from loyalty.programs.document import fields, sections
from loyalty.programs.document.sections import Section

OCCASIONS: Final = ("birthday", "anniversary", "nth_order", "thank_you")
KINDS: Final = ("voucher", "points", "stored_value", "fee_waiver")
_BELONGS: Final = {"nth": "nth_order", "on": "thank_you"}


class DayOfYear(fields.Exact[str]):
    """A day that every year has, as month and day: "12-06"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('a day of the year as month and day, such as "12-06"', **kwargs)

    def read(self, value: Any) -> str:
        """Return the day's text."""
        try:
            if isinstance(value, str) and len(value) == len("12-06"):
                return date.fromisoformat(f"2001-{value}").strftime("%m-%d")
        except ValueError:
            pass
        raise self.wrong(value)


class Give(Section):
    """What is given: so many points, or an amount in minor units of the program's currency."""

    kind = fields.Choice(KINDS, required=True)
    points = fields.Whole()
    amount = fields.Whole()
    expires_after = fields.Duration()

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _fits_its_kind(self, data: Mapping[str, Any], raw: Any, **_: Any) -> None:
        kind, errors = data.get("kind"), {}
        if kind is None or not isinstance(raw, Mapping):
            return
        wanted, other = ("points", "amount") if kind == "points" else ("amount", "points")
        if wanted not in raw:
            errors[wanted] = [f"It is missing; a gift of kind {kind} has {wanted}."]
        if other in data:
            errors[other] = [f"Leave it out: a gift of kind {kind} has {wanted}."]
        if kind == "points" and "expires_after" in data:
            errors["expires_after"] = ["Leave it out: points expire as the program's terms say."]
        sections.raise_all(errors)


class Proactive(Section):
    """A gift for an occasion: once per member, within the caps, for those who may be written to."""

    id = fields.Name(required=True)
    occasion = fields.Choice(OCCASIONS, required=True)
    nth = fields.Whole(at_most=1_000_000)
    on = DayOfYear()
    give = fields.table(Give, required=True)
    reason = fields.Name(required=True)
    message = fields.Text(2_000)

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _fits_its_occasion(self, data: Mapping[str, Any], raw: Any, **_: Any) -> None:
        occasion, errors = data.get("occasion"), {}
        for name, its in _BELONGS.items():
            if occasion == its and isinstance(raw, Mapping) and name not in raw:
                errors[name] = [f"It is missing; the occasion {its} needs it."]
            if occasion and occasion != its and name in data:
                errors[name] = [f"Leave it out: only the occasion {its} has it."]
        sections.raise_all(errors)


def mistakes(recovery: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield gifts with the id of another one, or with a reason that the document does not have."""
    reasons = [one["code"] for one in recovery.get("reasons", []) if "code" in one]
    seen: set[str] = set()
    gifts: Sequence[Mapping[str, Any]] = recovery.get("proactive", [])
    for index, gift in enumerate(gifts):
        path = ("recovery", "proactive", index)
        if gift.get("id") in seen:
            sentence = f"`{gift['id']}` is taken by another one; give each its own id."
            yield (*path, "id"), sentence
        if "id" in gift:
            seen.add(gift["id"])
        if "reason" in gift and gift["reason"] not in reasons:
            listed = ", ".join(reasons) or "none"
            sentence = f"There is no reason `{gift['reason']}` in this document; it has: {listed}."
            yield (*path, "reason"), sentence
