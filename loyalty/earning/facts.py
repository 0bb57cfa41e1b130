"""What an award is computed from: the order as it was told, and what was known of the member.

Amounts are minor units of the program's currency and never negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Line(NamedTuple):
    """A line of an order; `amount` is for all of its `quantity`. Line ids differ in an order."""

    id: str
    sku: str | None
    category: str | None
    quantity: int
    amount: int
    gift_card: bool = False


class Basket(NamedTuple):
    """An order as it was placed, before any refund.

    `total` is everything that was charged, however it was paid: tax, shipping,
    and what gift cards (`gift_cards`), points (`paid_with_points`) and vouchers
    of stored value (`paid_with_stored_value`) covered.
    """

    total: int
    tax: int
    shipping: int
    gift_cards: int
    paid_with_points: int
    lines: tuple[Line, ...]
    channel: str | None
    country: str | None
    placed_at: datetime
    metadata: Mapping[str, str]
    currency: str
    paid_with_stored_value: int = 0


class Refunded(NamedTuple):
    """All that was refunded so far: the whole `amount`, and what of it is told by line id."""

    amount: int = 0
    lines: Mapping[str, int] = _EMPTY


@dataclass(frozen=True, slots=True)
class Headroom:
    """What a limit leaves for this award; None where it does not bound."""

    count: int | None
    points: int | None


class Facts(NamedTuple):
    """What was known when the order was placed. Kept beside it, so that refunds use the same.

    `nth` counts the member's orders and `within` those of each window that
    `Needs.history_windows` names, this one included. `usual` is the median basis
    of the earlier ones. `member` holds what `Needs.member` names, as JSON
    (instants as RFC 3339, metadata by `metadata.<key>`). `headroom` has every
    rule that `Needs.limits` names.
    """

    nth: int
    within: Mapping[str, int] = _EMPTY
    usual: Fraction | None = None
    tier: str | None = None
    member: Mapping[str, Any] = _EMPTY
    headroom: Mapping[str, Headroom] = _EMPTY

    def to_json(self) -> dict[str, Any]:
        """Return the facts for storing; what is empty is left out."""
        stored: dict[str, Any] = {"nth": self.nth}
        if self.within:
            stored["within"] = dict(self.within)
        if self.usual is not None:
            stored["usual"] = str(self.usual)
        if self.tier is not None:
            stored["tier"] = self.tier
        if self.member:
            stored["member"] = dict(self.member)
        if self.headroom:
            stored["headroom"] = {
                rule: [room.count, room.points] for rule, room in self.headroom.items()
            }
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Facts:
        """Return what `to_json` stored."""
        usual = stored.get("usual")
        return cls(
            nth=stored["nth"],
            within=stored.get("within", _EMPTY),
            usual=None if usual is None else Fraction(usual),
            tier=stored.get("tier"),
            member=stored.get("member", _EMPTY),
            headroom={rule: Headroom(*room) for rule, room in stored.get("headroom", {}).items()},
        )
