"""Earning: what orders and actions are worth in points. Pure: no database, no clock.

`from loyalty import earning`, then `earning.award(…)`.
"""

from __future__ import annotations

from loyalty.earning.facts import Basket, Facts, Headroom, Line, Refunded
from loyalty.earning.kernel import Award, award, award_action, explain, explain_action
from loyalty.earning.spending import RulePoints
from loyalty.earning.terms import EarningTerms, LimitNeed, Needs, compile_terms

__all__ = [
    "Award",
    "Basket",
    "EarningTerms",
    "Facts",
    "Headroom",
    "LimitNeed",
    "Line",
    "Needs",
    "Refunded",
    "RulePoints",
    "award",
    "award_action",
    "compile_terms",
    "explain",
    "explain_action",
]
