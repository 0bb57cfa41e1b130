"""The rules of a program, compiled: each knows when it matches and what it gives.

The basis a rule matches is that of the whole order, or of the lines that its
condition names. A rule that matches no basis gives nothing: whatever it
rewards, something must really have been bought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from loyalty.earning import text
from loyalty.earning.conditions import Condition, Occasion
from loyalty.earning.facts import Facts
from loyalty.earning.remains import Kept, Remaining

Number = int | Fraction
Gift = tuple[int, str]
NOTHING: Gift = (0, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has; `label` is put before its texts."""

    id: str
    label: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    condition: Condition | None = None
    limited: bool = False

    def is_open(self, occasion: Occasion) -> bool:
        """Tell whether its time has come, and its limit leaves room."""
        if self.starts is not None and occasion.placed_at < self.starts:
            return False
        if self.ends is not None and occasion.placed_at >= self.ends:
            return False
        if self.limited:
            room = occasion.facts.headroom[self.id]
            return (room.count is None or room.count > 0) and (
                room.points is None or room.points > 0
            )
        return True

    def matching(self, order: Remaining) -> int:
        """Return the basis it matches, in parts; 0 if it does not match."""
        if not self.is_open(order):
            return 0
        if self.condition is None:
            return order.basis
        if self.condition.by_line:
            return sum(line.basis for line in self.lines(order))
        return order.basis if self.condition.test(order, None) else 0

    def lines(self, order: Remaining) -> Iterator[Kept]:
        """Yield the lines it names, of an order whose other conditions hold."""
        for line in order.lines:
            if line.basis and (self.condition is None or self.condition.test(order, line)):
                yield line

    def cap(self, facts: Facts) -> int | None:
        """Return how many points its limit leaves, or None if it does not bound them."""
        return facts.headroom[self.id].points if self.limited else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PerSpend(Rule):
    """Points for each whole `per` minor units, or in proportion if `fractional`."""

    points: int
    per: int
    fractional: bool
    rate: str
    money: Callable[[int], str]

    def worth(self, basis: int, order: Remaining) -> Number:
        """Return the points for a basis in parts; exact, and capped by its limit."""
        whole = order.unit * self.per
        points: Number = (
            Fraction(self.points * basis, whole)
            if self.fractional
            else self.points * (basis // whole)
        )
        cap = self.cap(order.facts) if self.limited else None
        return points if cap is None else min(points, cap)

    def describe(self, basis: int, unit: int) -> str:
        """Return its text for a basis in parts."""
        return f"{self.rate}{self.money(basis // unit)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplier(Rule):
    """More, or fewer, points for what was spent."""

    factor: Fraction
    text: str
    capped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonus(Rule):
    """A rule that gives whole points of its own."""

    points: int

    def give(self, order: Remaining, matching: int) -> Gift:
        """Return the points for an order that it matches, and their text."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOrder(Bonus):
    """Points for a member's first order."""

    def give(self, order: Remaining, matching: int) -> Gift:
        """Return the points if this is the first."""
        del matching
        return (self.points, f"{self.label}First purchase") if order.facts.nth == 1 else NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Bonus):
    """Points for every nth order, or for each from the nth on; within a window, of those in it."""

    every: int | None
    from_: int | None
    within: str | None
    text: str

    def give(self, order: Remaining, matching: int) -> Gift:
        """Return the points if this order's turn has come."""
        del matching
        facts = order.facts
        nth = facts.nth if self.within is None else facts.within[self.within]
        if self.every is not None:
            due = nth > 0 and nth % self.every == 0
        else:
            due = self.from_ is not None and nth >= self.from_
        return (self.points, f"{self.text}{text.ordinal(nth)}") if due else NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Large(Bonus):
    """Points for reaching a size; `steps` are (minor units, points, text) from the highest down."""

    steps: tuple[tuple[int, int, str], ...]

    def give(self, order: Remaining, matching: int) -> Gift:
        """Return the points of the highest step that is reached."""
        for size, points, words in self.steps:
            if matching >= size * order.unit:
                return points, words
        return NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusual(Bonus):
    """Points for an order many times the member's usual one."""

    times: Fraction
    text: str
    money: Callable[[int], str]

    def give(self, order: Remaining, matching: int) -> Gift:
        """Return the points if a usual order is known and this one exceeds it enough."""
        usual = order.facts.usual
        if not usual or matching < self.times * usual * order.unit:
            return NOTHING
        return self.points, f"{self.text}{self.money(usual.numerator // usual.denominator)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Bonus):
    """Points for each whole piece, or each line, of certain goods."""

    per_unit: bool
    text: str

    def give(self, order: Remaining, matching: int) -> Gift:
        """Return the points for what is left of the goods."""
        del matching
        count = sum(line.quantity if self.per_unit else 1 for line in self.lines(order))
        return (self.points * count, f"{self.text}{count}") if count else NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Rule):
    """Points for something that is no purchase."""

    points: int
    text: str
