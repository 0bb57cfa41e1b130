"""The terms of earning: a program document compiled once, for many awards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from loyalty.earning import compiling, conditions
from loyalty.earning.rules import Action, Bonus, Multiplier, PerSpend
from loyalty.foundation import clock


@dataclass(frozen=True, slots=True)
class LimitNeed:
    """A rule's limit: what it allows one member within a window, or ever if that is None."""

    rule_id: str
    window: str | None
    count: int | None
    points: int | None


class Needs(NamedTuple):
    """What must be read of a member to award an order, or an action of a type.

    `limits` are those of rules for orders, `action_limits` those by type of
    action. A limit counts the awards that named the rule with points, and those.
    """

    history_windows: frozenset[str]
    usual: bool
    member: frozenset[str]
    limits: tuple[LimitNeed, ...]
    action_limits: Mapping[str, tuple[LimitNeed, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningTerms:
    """How a program's purchases and actions become points."""

    currency: str
    timezone: str
    points_name: Mapping[str, str]
    exclude: frozenset[str]
    rounding: str
    settles_after: str
    expires_after: str | None
    expires_at_end_of: str | None
    on_shortfall: str
    needs: Needs
    spend: tuple[PerSpend, ...]
    multipliers: tuple[Multiplier, ...]
    tiers: Mapping[str, Multiplier]
    bonuses: tuple[Bonus, ...]
    actions: Mapping[str, tuple[Action, ...]]
    by_line: bool

    def schedule(self, placed_at: datetime) -> tuple[datetime, datetime | None]:
        """Return when points become available, and when they expire, if ever.

        Both count from the order. Days and months are those of the program's time
        zone. Points whose life is counted in days or months last all of their last
        local day, or of its month if the program says so.
        """
        available_at = clock.add(self.settles_after, placed_at, self.timezone)
        if self.expires_after is None:
            return available_at, None
        expires_at = clock.add(self.expires_after, placed_at, self.timezone)
        if self.expires_at_end_of == "month":
            expires_at = clock.end_of_month(expires_at, self.timezone)
        elif self.expires_at_end_of == "day" or not clock.parse_duration(self.expires_after).exact:
            expires_at = clock.end_of_day(expires_at, self.timezone)
        return available_at, max(expires_at, available_at)


def compile_terms(document: Mapping[str, Any]) -> EarningTerms:
    """Compile the terms of a program document in its normal form."""
    program, earning = document["program"], document["earning"]
    rules = [(rule, compiling.compile_rule(rule, program)) for rule in earning["rules"]]
    compiled = [rule for _, rule in rules]
    multipliers = [rule for rule in compiled if isinstance(rule, Multiplier)]
    actions: dict[str, tuple[Action, ...]] = {}
    for raw, rule in rules:
        if isinstance(rule, Action):
            actions[raw["action"]] = (*actions.get(raw["action"], ()), rule)
    return EarningTerms(
        currency=program["currency"],
        timezone=program["timezone"],
        points_name=program["points_name"],
        exclude=frozenset(earning["exclude"]),
        rounding=earning["rounding"],
        settles_after=earning["settles_after"],
        expires_after=earning.get("expires_after"),
        expires_at_end_of=earning.get("expires_at_end_of"),
        on_shortfall=earning["on_shortfall"],
        needs=_needs(earning["rules"]),
        spend=tuple(rule for rule in compiled if isinstance(rule, PerSpend)),
        multipliers=tuple(sorted(multipliers, key=lambda rule: rule.capped)),
        tiers=compiling.compile_tiers(document["tiers"]),
        bonuses=tuple(rule for rule in compiled if isinstance(rule, Bonus)),
        actions=actions,
        by_line=any(rule.condition and rule.condition.by_line for rule in compiled),
    )


def _needs(rules: list[Mapping[str, Any]]) -> Needs:
    limits = {rule["id"]: _limit(rule) for rule in rules if "limit" in rule}
    by_action: dict[str, tuple[LimitNeed, ...]] = {}
    for rule in rules:
        if rule["kind"] == "action" and rule["id"] in limits:
            others = by_action.get(rule["action"], ())
            by_action[rule["action"]] = (*others, limits[rule["id"]])
    asked = {field for rule in rules for field in conditions.asked(rule.get("where", {}))}
    about_member = (field.split(".", 1) for field in asked - {"member.tier"})
    return Needs(
        history_windows=frozenset(rule["within"] for rule in rules if "within" in rule),
        usual=any("times_usual" in rule for rule in rules),
        member=frozenset(name for about, name in about_member if about == "member"),
        limits=tuple(
            limits[rule["id"]]
            for rule in rules
            if rule["kind"] != "action" and rule["id"] in limits
        ),
        action_limits=by_action,
    )


def _limit(rule: Mapping[str, Any]) -> LimitNeed:
    limit = rule["limit"]
    return LimitNeed(rule["id"], limit.get("per"), limit.get("count"), limit.get("points"))
