"""What caps decide: pure functions of a gesture and of what is used already."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from loyalty.recovery.caps.facts import Facts
from loyalty.recovery.caps.terms import CapTerms

WITHIN, NEEDS_APPROVAL, REFUSED = "within", "needs_approval", "refused"
_VERDICTS = {"approve": NEEDS_APPROVAL, "refuse": REFUSED}
_SEVERITY = (WITHIN, NEEDS_APPROVAL, REFUSED)


class Weighed(NamedTuple):
    """One cap and a gesture: `used` before it, `this` is what it takes, and what comes of it.

    All in minor units, or gestures where the cap counts.
    """

    id: str
    per: str
    measure: str
    window: str | None
    limit: int
    used: int
    this: int
    remaining: int
    verdict: str
    resets_at: datetime | None


def looks_at(cap: CapTerms, facts: Facts) -> bool:
    """Whether a gesture is among those that a cap adds up."""
    if cap.per == "order" and facts.order_ref is None:
        return False
    return all(getattr(facts, name) in words for name, words in cap.where.items())


def weighs(cap: CapTerms, facts: Facts) -> bool:
    """Whether a cap bounds a gesture; a share of the order bounds only where there is one."""
    return looks_at(cap, facts) and (cap.share is None or facts.order_total is not None)


def key_of(cap: CapTerms, facts: Facts) -> str | None:
    """Return for whom a cap adds up gestures; None where each stands alone."""
    match cap.per:
        case "gesture":
            return None
        case "program":
            return ""
        case "order":
            return facts.order_ref
        case "member":
            return facts.member_id
    return getattr(facts, cap.per) or ""


def weigh(cap: CapTerms, facts: Facts, used: int, resets_at: datetime | None) -> Weighed:
    """Weigh a gesture against one cap that bounds it."""
    this = facts.value if cap.measure == "value" else 1
    limit = limit_of(cap, facts)
    remaining = max(0, limit - used)
    verdict = WITHIN if this <= remaining else _VERDICTS[cap.above]
    return Weighed(
        cap.id,
        cap.per,
        cap.measure,
        cap.window,
        limit,
        used,
        this,
        remaining,
        verdict,
        resets_at,
    )


def limit_of(cap: CapTerms, facts: Facts) -> int:
    """Return a cap's limit; a share of the order is rounded down."""
    if cap.share is not None:
        return int(cap.share * (facts.order_total or 0))
    return cap.limit or 0


def verdict(weighed: Iterable[Weighed]) -> str:
    """Return the most severe verdict: all caps hold at once."""
    return max((one.verdict for one in weighed), key=_SEVERITY.index, default=WITHIN)
