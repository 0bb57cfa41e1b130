"""From a rule of a program document to the rule that awards, with its texts made ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from loyalty.earning import conditions, rules, text

Raw = Mapping[str, Any]


def compile_rule(raw: Raw, program: Raw) -> rules.Rule:
    """Compile one rule; `program` tells its currency, time zone and points' name."""
    return _KINDS[raw["kind"]](raw, program, _common(raw, program))


def compile_tiers(tiers: list[Raw]) -> dict[str, rules.Multiplier]:
    """Return the factor of each tier that has one, as a rule named `tier:<id>`."""
    return {
        tier["id"]: rules.Multiplier(
            id=f"tier:{tier['id']}",
            factor=factor,
            text=f"{tier.get('name', tier['id'])}: {text.number(factor)} times the points",
        )
        for tier in tiers
        if (factor := Fraction(tier["factor"])) != 1
    }


def _common(raw: Raw, program: Raw) -> dict[str, Any]:
    where = raw.get("where")
    return {
        "id": raw["id"],
        "label": f"{raw['name']}: " if "name" in raw else "",
        "starts": _instant(raw.get("starts")),
        "ends": _instant(raw.get("ends")),
        "condition": where and conditions.compile_condition(where, program["timezone"]),
        "limited": "limit" in raw,
    }


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _points(count: int, program: Raw) -> str:
    return text.points(count, program["points_name"])


def _per_spend(raw: Raw, program: Raw, common: dict[str, Any]) -> rules.PerSpend:
    money = text.money(program["currency"])
    fractional = raw["increments"] == "fractional"
    per = f"{money(raw['per'])}, in proportion, of " if fractional else f"{money(raw['per'])} of "
    rate = f"{common['label']}{_points(raw['points'], program)} for each {per}"
    return rules.PerSpend(
        **common,
        points=raw["points"],
        per=raw["per"],
        fractional=fractional,
        rate=rate,
        money=money,
    )


def _multiplier(raw: Raw, _: Raw, common: dict[str, Any]) -> rules.Multiplier:
    factor, condition = Fraction(raw["factor"]), common["condition"]
    some = " on some of the goods" if condition and condition.by_line else ""
    words = f"{common['label']}{text.number(factor)} times the points{some}"
    capped = "points" in raw.get("limit", {})
    return rules.Multiplier(**common, factor=factor, text=words, capped=capped)


def _repeat(raw: Raw, _: Raw, common: dict[str, Any]) -> rules.Repeat:
    every, from_, within = raw.get("every"), raw.get("from"), raw.get("within")
    turn = f"Every {text.ordinal(every)} purchase" if every else ""
    turn = turn or f"Each purchase from the {text.ordinal(raw['from'])}"
    window = f" within {text.duration(within)}" if within else ""
    return rules.Repeat(
        **common,
        points=raw["points"],
        every=every,
        from_=from_,
        within=within,
        text=f"{common['label']}{turn}{window}; this is the ",
    )


def _large(raw: Raw, program: Raw, common: dict[str, Any]) -> rules.Bonus:
    money = text.money(program["currency"])
    if "times_usual" in raw:
        times = Fraction(raw["times_usual"])
        words = f"{common['label']}At least {text.number(times)} times your usual purchase of "
        return rules.Unusual(**common, points=raw["points"], times=times, text=words, money=money)
    steps = tuple(
        (
            step["from"],
            step["points"],
            f"{common['label']}Purchase of {money(step['from'])} or more",
        )
        for step in reversed(raw["thresholds"])
    )
    return rules.Large(**common, points=steps[0][1], steps=steps)


def _first_order(raw: Raw, _: Raw, common: dict[str, Any]) -> rules.FirstOrder:
    return rules.FirstOrder(**common, points=raw["points"])


def _product(raw: Raw, program: Raw, common: dict[str, Any]) -> rules.Product:
    per_unit = raw["per"] == "unit"
    goods = [
        {"field": f"line.{field}", "op": "in", "value": raw[name]}
        for field, name in (("sku", "skus"), ("category", "categories"))
        if name in raw
    ]
    whole = [*([{"any": goods}] if goods else []), *([raw["where"]] if "where" in raw else [])]
    condition = conditions.compile_condition({"all": whole}, program["timezone"])
    return rules.Product(
        **{**common, "condition": condition._replace(by_line=True)},
        points=raw["points"],
        per_unit=per_unit,
        text=f"{common['label']}{_points(raw['points'], program)} for each of the selected "
        f"{'items' if per_unit else 'lines'}: ",
    )


def _action(raw: Raw, _: Raw, common: dict[str, Any]) -> rules.Action:
    words = raw.get("name") or raw["action"].replace("_", " ").replace("-", " ").capitalize()
    return rules.Action(**common, points=raw["points"], text=words)


_KINDS: Mapping[str, Callable[[Raw, Raw, dict[str, Any]], rules.Rule]] = {
    "per_spend": _per_spend,
    "multiplier": _multiplier,
    "repeat_purchase": _repeat,
    "large_order": _large,
    "first_order": _first_order,
    "product": _product,
    "action": _action,
}
