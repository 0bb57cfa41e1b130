"""The shape of a whole program document; what its parts mean to one another is `meaning`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow

from loyalty.programs.document import fields, recovery, rules, sections, vouchers
from loyalty.programs.document.sections import Section

_IN_LINK = r"[A-Za-z0-9._~:/?#@!$&()*+,;=%-]"


class PointsName(Section):
    """What the program calls its points."""

    one = fields.Text(40, required=True)
    other = fields.Text(40, required=True)


class Program(Section):
    """Who the program is."""

    slug = fields.Text(
        63,
        like=r"[a-z0-9]+(-[a-z0-9]+)*",
        right="1 to 63 small letters and digits, words joined by one hyphen",
        required=True,
    )
    name = fields.Text()
    mode = fields.Choice(("live", "test"), load_default="live")
    currency = fields.Currency(required=True)
    timezone = fields.Zone(load_default="UTC")
    points_name = fields.table(PointsName, load_default=lambda: {"one": "point", "other": "points"})
    enrol = fields.Choice(("automatic", "explicit"), load_default="automatic")

    @marshmallow.post_load
    def _name_by_slug(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"slug": data["slug"], "name": data.get("name", data["slug"]), **data}


class Qualify(Section):
    """What it takes to reach a tier: one measure, over a window or ever."""

    points = fields.Whole()
    spend = fields.Whole()
    orders = fields.Whole()
    window = fields.Duration()

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _one_measure(self, data: Mapping[str, Any], raw: Any, **_: Any) -> None:
        sections.raise_all(sections.one_of(data, raw, "points", "spend", "orders"))


class Tier(Section):
    """A standing; tiers stand in the document from the lowest to the highest."""

    id = fields.Name(required=True)
    name = fields.Text(120)
    qualify = fields.table(Qualify, required=True)
    factor = fields.Ratio(load_default="1")
    grace = fields.Delay()


class Exchange(Section):
    """So many points are worth so many minor units."""

    points = fields.Whole(required=True)
    amount = fields.Whole(required=True)


class Redemption(Section):
    """How points pay at the checkout."""

    points_per = fields.table(Exchange, required=True)
    min_points = fields.Whole(load_default=1)
    max_share_of_order = fields.Ratio(1, load_default="1")
    hold = fields.Duration(load_default="PT30M")


class Voucher(Section):
    """What a voucher will be when it is issued."""

    kind = fields.Choice(
        ("amount", "percent", "free_shipping", "fee_waiver", "stored_value"), required=True
    )
    amount = fields.Whole()
    percent = fields.Ratio(100)
    max_discount = fields.Whole()
    min_order = fields.Whole(0)
    skus = fields.items(fields.Text(), least=1, most=1_000)
    categories = fields.items(fields.Text(), least=1, most=1_000)
    uses = fields.Whole(load_default=1)
    uses_per_member = fields.Whole()
    expires_after = fields.Duration()

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _fits_its_kind(self, data: Mapping[str, Any], raw: Any, **_: Any) -> None:
        kind, errors = data.get("kind"), {}
        if kind in ("amount", "stored_value") and "amount" not in raw:
            errors["amount"] = [f"It is missing; a voucher of kind {kind} has an amount."]
        if kind in ("percent", "free_shipping") and "amount" in data:
            errors["amount"] = [f"Leave it out: a voucher of kind {kind} has no amount."]
        if kind == "percent" and "percent" not in raw:
            errors["percent"] = ["It is missing; write a number above 0 up to 100."]
        if kind != "percent":
            for name in ("percent", "max_discount"):
                if kind and name in data:
                    errors[name] = ["Leave it out: only a voucher of kind percent has it."]
        sections.raise_all(errors)


class Reward(Section):
    """What members can have for points."""

    id = fields.Name(required=True)
    name = fields.Text(120)
    cost = fields.Whole(required=True)
    voucher = fields.table(Voucher, required=True)


class Prize(Section):
    """What one side of a referral gets."""

    points = fields.Whole()
    voucher = fields.table(Voucher)

    @marshmallow.validates_schema(pass_original=True)
    def _is_something(self, data: Mapping[str, Any], _: Any, **__: Any) -> None:
        if not data:
            raise marshmallow.ValidationError(
                {"points": ["It is missing; write points, a voucher or both."]}
            )


class ReferralLimit(Section):
    """How many referrals of one advocate are rewarded."""

    count = fields.Whole(required=True)
    per = fields.Duration()


class Referrals(Section):
    """Rewards for bringing somebody."""

    min_order = fields.Whole(0, load_default=0)
    advocate = fields.table(Prize)
    referee = fields.table(Prize)
    limit = fields.table(ReferralLimit)
    link = fields.Text(
        1000,
        like=rf"https?://{_IN_LINK}*\{{code\}}{_IN_LINK}*",
        right='an address with the code in it, such as "https://shop.example/?ref={code}"',
    )

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _rewards_somebody(self, _: Any, raw: Any, **__: Any) -> None:
        if isinstance(raw, Mapping) and not raw.keys() & {"advocate", "referee"}:
            raise marshmallow.ValidationError(
                {"advocate": ["It is missing; write what the advocate, the referee or both get."]}
            )


class Document(Section):
    """A whole program."""

    program = fields.table(Program, required=True)
    earning = fields.table(rules.Earning, load_default=lambda: rules.Earning().load({}))
    tiers = fields.items(fields.table(Tier), most=20, load_default=list)
    redemption = fields.table(Redemption)
    rewards = fields.items(fields.table(Reward), most=200, load_default=list)
    vouchers = fields.table(vouchers.Vouchers)
    referrals = fields.table(Referrals)
    recovery = fields.table(recovery.Recovery)
