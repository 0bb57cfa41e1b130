"""A program's terms as orders use them, compiled once per version."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from loyalty.earning.terms import EarningTerms, compile_terms
from loyalty.programs import service as programs
from loyalty.programs.service import Terms
from loyalty.redemption.terms import RedemptionTerms, compile_redemption
from loyalty.tiers.kernel import Tier, compile_tiers

VERSIONS_IN_MEMORY = 512


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """Everything of one version of a program that an order needs."""

    program: Terms
    earning: EarningTerms
    tiers: tuple[Tier, ...]
    redemption: RedemptionTerms | None
    enrols: bool
    limited: frozenset[str]


@lru_cache(maxsize=VERSIONS_IN_MEMORY)
def order_terms(program_id: str, version: int) -> OrderTerms:
    """Return a version's terms, compiled; from memory once that was done."""
    program = programs.terms(program_id, version)
    about = program.document["program"]
    earning = compile_terms(program.document)
    return OrderTerms(
        program=program,
        earning=earning,
        tiers=compile_tiers(program.document),
        redemption=compile_redemption(program.document),
        enrols=about.get("enrol", "automatic") == "automatic",
        limited=frozenset(limit.rule_id for limit in earning.needs.limits),
    )
