"""What points are worth and how they may be spent, by the program document's `redemption`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class RedemptionTerms:
    """`points` points are worth `amount` minor units; shares are exact, `hold` is ISO 8601."""

    points: int
    amount: int
    currency: str
    min_points: int
    max_share_of_order: Fraction | None
    hold: str

    def worth(self, points: int) -> int:
        """Return the value of points in whole minor units, rounded down."""
        return points * self.amount // self.points

    def most(self, total: int) -> int:
        """Return the largest discount in minor units that an order of this total may get."""
        if self.max_share_of_order is None:
            return total
        return int(total * self.max_share_of_order)

    def most_points(self, total: int) -> int:
        """Return the largest number of points whose worth fits that discount."""
        return ((self.most(total) + 1) * self.points - 1) // self.amount


def compile_redemption(document: Mapping[str, Any]) -> RedemptionTerms | None:
    """Compile a program document; None where points cannot be spent at checkout."""
    section = document.get("redemption")
    if not section:
        return None
    share = section.get("max_share_of_order")
    return RedemptionTerms(
        points=section["points_per"]["points"],
        amount=section["points_per"]["amount"],
        currency=document["program"]["currency"],
        min_points=section.get("min_points", 1),
        max_share_of_order=None if share is None else Fraction(share),
        hold=section.get("hold", "PT30M"),
    )
