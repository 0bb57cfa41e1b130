"""What is left of an order after refunds, and how much of it earns.

Everything is exact: a basis is an integer count of equal parts of a minor
unit (`unit` parts make one), the same for all lines of an order. The result
depends on the cumulative refunds only, never on the steps that led there.

- The basis is the total less what the program excludes, never below nothing.
  It is spread over the lines that earn in proportion to their amounts; over
  equal shares if all their amounts are nothing.
- Of a line remains (amount - refunded on it) / amount.
- What was refunded beyond that scales all: (total - refunded) / (total - refunded on lines).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from loyalty.earning.facts import Basket, Facts, Line, Refunded


class Kept:
    """A line as it remains: its basis in parts, and the share of the line that is left."""

    __slots__ = ("basis", "line", "of", "share")

    def __init__(self, line: Line, basis: int, share: int, of: int) -> None:
        self.line, self.basis, self.share, self.of = line, basis, share, of

    @property
    def amount(self) -> Fraction:
        """What is left of the line's amount, in minor units."""
        return Fraction(self.line.amount * self.share, self.of)

    @property
    def quantity(self) -> int:
        """How many whole pieces are left."""
        return self.line.quantity * self.share // self.of


class Remaining:
    """An order as it remains. `lines` are those that earn, if the caller needs them."""

    __slots__ = ("basis", "basket", "facts", "lines", "placed_at", "total", "unit")

    def __init__(
        self,
        basket: Basket,
        facts: Facts,
        *,
        total: int,
        basis: int,
        unit: int,
        lines: tuple[Kept, ...],
    ) -> None:
        self.basket, self.facts, self.placed_at = basket, facts, basket.placed_at
        self.total, self.basis, self.unit, self.lines = total, basis, unit, lines


def remaining(
    basket: Basket,
    facts: Facts,
    refunded: Refunded,
    *,
    exclude: frozenset[str],
    by_line: bool,
) -> Remaining | None:
    """Return what is left of an order, or None if nothing that earns is left."""
    lines = basket.lines
    earning = [line for line in lines if not line.gift_card] if "gift_cards" in exclude else lines
    goods = _goods(basket, exclude)
    if goods <= 0 or (lines and not earning):
        return None
    total = basket.total
    if not by_line and not refunded.amount and not refunded.lines:
        return Remaining(basket, facts, total=total, basis=goods, unit=1, lines=())
    on_lines = sum(refunded.lines.get(line.id, 0) for line in lines)
    left = total - max(refunded.amount, on_lines)
    if left <= 0:
        return None
    whole = earning or (Line("", None, None, 1, total),)
    kept, parts = _spread(whole, refunded.lines, goods, left, total - on_lines)
    basis = sum(line.basis for line in kept)
    if not basis:
        return None
    return Remaining(basket, facts, total=left, basis=basis, unit=parts, lines=kept)


def _goods(basket: Basket, exclude: frozenset[str]) -> int:
    """Return the part of the total that earns, in minor units, before any refund."""
    goods = basket.total
    if "tax" in exclude:
        goods -= basket.tax
    if "shipping" in exclude:
        goods -= basket.shipping
    if "points" in exclude:
        goods -= basket.paid_with_points
    if "gift_cards" in exclude:
        goods -= basket.gift_cards + basket.paid_with_stored_value
        for line in basket.lines:
            if line.gift_card:
                goods -= line.amount
    return goods


def _spread(
    lines: tuple[Line, ...] | list[Line],
    refunded: Mapping[str, int],
    goods: int,
    left: int,
    of: int,
) -> tuple[tuple[Kept, ...], int]:
    """Return the lines with their parts of the basis, and how many parts make a minor unit."""
    amounts = sum(line.amount for line in lines)
    kept = []
    for line in lines:
        rest = max(0, line.amount - refunded.get(line.id, 0))
        weight = rest if amounts else 1
        share, whole = (rest * left, line.amount * of) if line.amount else (left, of)
        kept.append(Kept(line, goods * weight * left, share, whole))
    return tuple(kept), (amounts or len(lines)) * of
