"""What an order earns: pure and exact, the same each time it is asked.

A refund asks again with what remains, the pinned terms and the pinned facts;
the difference to what was granted is what goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from loyalty.earning import remains, spending, text
from loyalty.earning.facts import Basket, Facts, Refunded
from loyalty.earning.spending import RulePoints
from loyalty.earning.terms import EarningTerms

NOT_REFUNDED = Refunded()


class Award(NamedTuple):
    """Points, the rules that gave them (adding up to them), and the basis in minor units."""

    points: int
    breakdown: tuple[RulePoints, ...]
    basis: Fraction


_NO_AWARD = Award(0, (), Fraction(0))


class _Deed(NamedTuple):
    """An action, as a condition asks about it."""

    facts: Facts
    placed_at: datetime


def award(
    terms: EarningTerms, basket: Basket, facts: Facts, refunded: Refunded = NOT_REFUNDED
) -> Award:
    """Return what is earned by what remains of an order after all its refunds.

    Points for spending are multiplied, then rounded once; fixed bonuses are added
    whole. With nothing left that earns, there are no points, bonuses included.
    """
    order = remains.remaining(basket, facts, refunded, exclude=terms.exclude, by_line=terms.by_line)
    if order is None:
        return _NO_AWARD
    found: list[RulePoints] = []
    total = spending.points(terms, order, found)
    for rule in terms.bonuses:
        matching = rule.matching(order)
        if not matching:
            continue
        points, words = rule.give(order, matching)
        if points:
            cap = rule.cap(facts) if rule.limited else None
            points = points if cap is None else min(points, cap)
            found.append(RulePoints(rule.id, points, words))
            total += points
    return Award(total, tuple(found), Fraction(order.basis, order.unit))


def award_action(
    terms: EarningTerms, action_type: str, facts: Facts, occurred_at: datetime
) -> Award | None:
    """Return what an action earns, or None if the program rewards no such action."""
    rules = terms.actions.get(action_type)
    if rules is None:
        return None
    deed = _Deed(facts, occurred_at)
    found = []
    for rule in rules:
        if rule.is_open(deed) and (rule.condition is None or rule.condition.test(deed, None)):
            cap = rule.cap(facts)
            points = rule.points if cap is None else min(rule.points, cap)
            found.append(RulePoints(rule.id, points, rule.text))
    return Award(sum(part.points for part in found), tuple(found), Fraction(0))


def explain(award: Award, order_id: str, points_name: Mapping[str, str]) -> str:
    """Return one sentence that tells a customer what an order earned and why."""
    return _explain(award, f" for order {order_id}", points_name)


def explain_action(award: Award, points_name: Mapping[str, str]) -> str:
    """Return one sentence that tells a customer what an action earned."""
    return _explain(award, "", points_name)


def _explain(award: Award, purpose: str, points_name: Mapping[str, str]) -> str:
    parts = [(part.points, part.text) for part in award.breakdown]
    return text.sentence(award.points, purpose, parts, points_name)
