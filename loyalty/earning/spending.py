"""Points for what was spent: the rates, the multipliers on them, and one rounding.

A multiplier with conditions on lines multiplies what those lines earn by
themselves, in whole steps of their own. With several, a line's factor is their
product, and the lines are counted in layers: all of them at the lowest factor,
those above it at the difference to the next, and so on. So buying more never
earns less, and multipliers on everything simply multiply.

Multipliers whose limit bounds their points come last: what they add is capped.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from loyalty.earning.remains import Kept, Remaining
from loyalty.earning.rules import Multiplier, Number, PerSpend
from loyalty.earning.terms import EarningTerms


class RulePoints(NamedTuple):
    """What one rule gave, and why in plain language."""

    rule: str
    points: int
    text: str


def points(terms: EarningTerms, order: Remaining, found: list[RulePoints]) -> int:
    """Return the points for spending, and append what each rule gave to `found`.

    Each rule is given what the rounded sum grew by when it was counted in.
    """
    rates: list[PerSpend] = []
    exact: Number = 0
    total = 0
    for rate in terms.spend:
        matching = rate.matching(order)
        if matching:
            rates.append(rate)
            exact += rate.worth(matching, order)
            rounded = round_once(exact, terms.rounding)
            words = rate.describe(matching, order.unit)
            found.append(RulePoints(rate.id, rounded - total, words))
            total = rounded
    if not rates:
        return 0
    for multiplier, grown in _multiplied(terms, order, rates, exact):
        rounded = round_once(grown, terms.rounding)
        found.append(RulePoints(multiplier.id, rounded - total, multiplier.text))
        total = rounded
    return total


def round_once(value: Number, rounding: str) -> int:
    """Return a non-negative number as whole points: down, nearest (half up) or up."""
    if isinstance(value, int):
        return value
    if rounding == "down":
        return value.numerator // value.denominator
    if rounding == "up":
        return -(-value.numerator // value.denominator)
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _multiplied(
    terms: EarningTerms, order: Remaining, rates: list[PerSpend], exact: Number
) -> Iterator[tuple[Multiplier, Number]]:
    """Yield each multiplier that matches, with the exact sum once it is counted in."""
    by_line: list[Number] = [1] * len(order.lines)
    on_all: Number = 1
    base = reached = exact
    for multiplier in _in_order(terms, order.facts.tier):
        if not multiplier.matching(order):
            continue
        if multiplier.condition and multiplier.condition.by_line:
            named = {id(line) for line in multiplier.lines(order)}
            for index, line in enumerate(order.lines):
                if id(line) in named:
                    by_line[index] *= multiplier.factor
            base = sum((_layered(rate, order, by_line) for rate in rates), Fraction(0))
        else:
            on_all *= multiplier.factor
        cap = multiplier.cap(order.facts)
        grown = base * on_all
        reached = grown if cap is None else min(grown, reached + cap)
        yield multiplier, reached


def _in_order(terms: EarningTerms, tier: str | None) -> Iterator[Multiplier]:
    of_tier = terms.tiers.get(tier) if tier else None
    yield from (multiplier for multiplier in terms.multipliers if not multiplier.capped)
    if of_tier:
        yield of_tier
    yield from (multiplier for multiplier in terms.multipliers if multiplier.capped)


def _layered(rate: PerSpend, order: Remaining, factors: list[Number]) -> Number:
    """Return what a rate gives if each line counts with its own factor."""
    named = {id(line) for line in rate.lines(order)}
    lines: list[tuple[Number, Kept]] = [
        (factor, line)
        for factor, line in zip(factors, order.lines, strict=True)
        if id(line) in named
    ]
    total: Number = 0
    below: Number = 0
    for level in sorted({factor for factor, _ in lines}):
        basis = sum(line.basis for factor, line in lines if factor >= level)
        total += (level - below) * rate.worth(basis, order)
        below = level
    return total
