"""The terms of referrals of one version of a program, and what an order is worth to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from loyalty.earning.terms import EarningTerms, compile_terms
from loyalty.foundation import clock
from loyalty.programs import service as programs

_TENDERS = ("gift_cards", "paid_with_points", "paid_with_stored_value")


@dataclass(frozen=True, slots=True)
class ReferralTerms:
    """What both sides get, for how large an order, and how often; `prizes` are by side."""

    version: int
    document: Mapping[str, Any]
    earning: EarningTerms
    min_order: int
    prizes: Mapping[str, Mapping[str, Any]]
    limit: Mapping[str, Any] | None
    link: str | None
    enrols: bool

    def window_start(self, now: datetime) -> datetime | None:
        """Return since when rewarded referrals count against the limit; None is ever."""
        per = self.limit.get("per") if self.limit else None
        return clock.subtract(per, now, self.earning.timezone) if per else None

    def link_with(self, code: str | None) -> str | None:
        """Return the shop's page with a member's code in it."""
        return self.link.replace("{code}", code) if self.link and code else None


@lru_cache(maxsize=512)
def referral_terms(program_id: str, version: int) -> ReferralTerms | None:
    """Return a version's terms, compiled; None for a program that rewards no referrals."""
    document = programs.terms(program_id, version).document
    found = document.get("referrals")
    if not found:
        return None
    return ReferralTerms(
        version=version,
        document=document,
        earning=compile_terms(document),
        min_order=found["min_order"],
        prizes={side: found[side] for side in ("advocate", "referee") if side in found},
        limit=found.get("limit"),
        link=found.get("link"),
        enrols=document["program"]["enrol"] == "automatic",
    )


def money_left(order: Mapping[str, Any]) -> int:
    """Return what is left of an order that was paid with money, in minor units.

    Gift cards that were bought are no purchase yet; what was paid with points, gift cards or
    stored value is nobody's money. Of an order refunded in part, the same share is left.
    """
    if order["state"] == "cancelled" or not order["total"]:
        return 0
    cards = sum(line["amount"] for line in order["lines"] if line.get("gift_card"))
    paid = max(0, order["total"] - cards - sum(order.get(name) or 0 for name in _TENDERS))
    return int(paid * (order["total"] - order["refunded"]) // order["total"])


def is_enough(left: int, min_order: int) -> bool:
    """Whether an order is one that a referral is rewarded for; one without money never is."""
    return left >= max(1, min_order)
