"""The shape of `[earning]` and of each kind of rule in it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import marshmallow

from loyalty.programs.document import conditions, fields, sections
from loyalty.programs.document.sections import Section


class Limit(Section):
    """How often, or for how many points, something may count for one member."""

    count = fields.Whole()
    points = fields.Whole()
    per = fields.Duration()

    @marshmallow.validates_schema(pass_original=True)
    def _bounds_something(self, data: Mapping[str, Any], _: Any, **__: Any) -> None:
        if not data.keys() & {"count", "points"}:
            raise marshmallow.ValidationError(
                {"count": ["It is missing; write count, points or both."]}
            )


class Rule(Section):
    """What every rule has."""

    id = fields.Name(required=True)
    kind = fields.Text(required=True)
    name = fields.Text(120)
    starts = fields.Instant()
    ends = fields.Instant()
    where = conditions.Where()
    limit = fields.table(Limit)

    @marshmallow.validates_schema
    def _starts_before_it_ends(self, data: Mapping[str, Any], **_: Any) -> None:
        starts, ends = data.get("starts"), data.get("ends")
        if starts and ends and datetime.fromisoformat(ends) <= datetime.fromisoformat(starts):
            raise marshmallow.ValidationError({"ends": [f"It must be after `starts`, {starts}."]})

    @marshmallow.post_load
    def _name_the_circumstances_last(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        last = [key for key in ("starts", "ends", "where", "limit") if key in data]
        return {key: data[key] for key in [*(key for key in data if key not in last), *last]}


class PerSpend(Rule):
    """Points for each whole amount spent."""

    points = fields.Whole(required=True)
    per = fields.Whole(required=True)
    increments = fields.Choice(("whole", "fractional"), load_default="whole")


class Multiplier(Rule):
    """More, or fewer, points for what was spent."""

    factor = fields.Ratio(required=True)


class RepeatPurchase(Rule):
    """Points for coming back."""

    every = fields.Whole(2, 1_000_000)
    from_ = fields.Whole(1, 1_000_000, data_key="from", attribute="from")
    within = fields.Duration()
    points = fields.Whole(required=True)

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _every_or_from(self, data: Mapping[str, Any], raw: Any, **_: Any) -> None:
        sections.raise_all(sections.one_of(data, raw, "every", "from"))


class Threshold(Section):
    """A size of order and what reaching it gives."""

    from_ = fields.Whole(required=True, data_key="from", attribute="from")
    points = fields.Whole(required=True)


def _rising(steps: Sequence[Mapping[str, Any]]) -> None:
    errors: dict[int, dict[str, list[str]]] = {}
    for index, (before, this) in enumerate(itertools.pairwise(steps), start=1):
        if this["from"] <= before["from"]:
            errors[index] = {"from": [f"It must be more than {before['from']}, the one before."]}
        elif this["points"] < before["points"]:
            sentence = f"It must not be less than {before['points']}, the one before."
            errors[index] = {"points": [sentence]}
    sections.raise_all(errors)


class LargeOrder(Rule):
    """Points for an exceedingly large order, by its size or by the member's own usual one."""

    thresholds = marshmallow.fields.List(
        fields.table(Threshold),
        error_messages={"invalid": "It must be a list of {from, points}."},
        validate=[marshmallow.validate.Length(1, 50, error="It must have 1 to 50 items."), _rising],
    )
    times_usual = fields.Ratio()
    points = fields.Whole()

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _one_measure(self, data: Mapping[str, Any], raw: Any, **_: Any) -> None:
        errors = sections.one_of(data, raw, "thresholds", "times_usual")
        if "times_usual" in data and "points" not in raw:
            errors["points"] = ["It is missing beside `times_usual`; write the points it gives."]
        if "thresholds" in data and "points" in data:
            errors["points"] = ["Leave it out: each of the thresholds has its own points."]
        sections.raise_all(errors)


class FirstOrder(Rule):
    """Points for a member's first order."""

    points = fields.Whole(required=True)


class Product(Rule):
    """Points for certain goods."""

    skus = fields.items(fields.Text(), least=1, most=1_000)
    categories = fields.items(fields.Text(), least=1, most=1_000)
    points = fields.Whole(required=True)
    per = fields.Choice(("unit", "line"), load_default="unit")

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _names_goods(self, _: Any, raw: Any, **__: Any) -> None:
        if isinstance(raw, Mapping) and not raw.keys() & {"skus", "categories", "where"}:
            raise marshmallow.ValidationError(
                {"skus": ["It is missing; write skus, categories or a `where`."]}
            )


class Action(Rule):
    """Points for something that is no purchase."""

    action = fields.Name(required=True)
    where = conditions.Where("member")
    points = fields.Whole(required=True)


KINDS: Final[Mapping[str, type[Rule]]] = {
    "per_spend": PerSpend,
    "repeat_purchase": RepeatPurchase,
    "large_order": LargeOrder,
    "first_order": FirstOrder,
    "product": Product,
    "multiplier": Multiplier,
    "action": Action,
}


class AnyRule(fields.Exact[dict[str, Any]]):
    """A rule, read by its kind."""

    def __init__(self) -> None:
        super().__init__("a rule: a table with id, kind and what the kind needs")

    def read(self, value: Any) -> dict[str, Any]:
        """Return the rule; the error keeps what could be read of it."""
        if not isinstance(value, Mapping):
            raise marshmallow.ValidationError(self.wrong(value).messages, valid_data={})
        try:
            kind = fields.Choice(KINDS, required=True).deserialize(
                value.get("kind", marshmallow.missing)
            )
        except marshmallow.ValidationError as error:
            raise marshmallow.ValidationError({"kind": error.messages}, valid_data={}) from None
        rule: dict[str, Any] = KINDS[str(kind)]().load(value)
        return rule


class Earning(Section):
    """How purchases become points."""

    EXCLUDABLE: Final = ("tax", "shipping", "gift_cards", "points")

    exclude_ = fields.items(  # `exclude` is a word of marshmallow's own
        fields.Choice(EXCLUDABLE),
        data_key="exclude",
        attribute="exclude",
        load_default=lambda: list(Earning.EXCLUDABLE),
    )
    rounding = fields.Choice(("down", "nearest", "up"), load_default="down")
    settles_after = fields.Delay(load_default="PT0S")
    expires_after = fields.Duration()
    expires_at_end_of = fields.Choice(("day", "month"))
    on_shortfall = fields.Choice(("debt", "forgive"), load_default="debt")
    rules = fields.items(AnyRule(), most=200, load_default=list)

    @marshmallow.validates_schema(skip_on_field_errors=False)
    def _expires_at_some_time(self, data: Mapping[str, Any], **_: Any) -> None:
        if "expires_at_end_of" in data and "expires_after" not in data:
            raise marshmallow.ValidationError(
                {"expires_after": ["It is missing beside `expires_at_end_of`, such as P12M."]}
            )
