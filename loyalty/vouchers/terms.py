"""The program's terms for vouchers, from `[vouchers]` of its document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from loyalty.programs import service as programs
from loyalty.programs.document.vouchers import Vouchers


@dataclass(frozen=True, slots=True)
class VoucherTerms:
    """How vouchers stack, how often codes may be tried in vain, how long bought value lives.

    `stacking` is `one`, `one_per_class` or `any`. Durations are ISO 8601 text.
    """

    stacking: str
    guesses_per_client: int
    guesses_per_key: int
    guesses_per_program: int
    guess_window: str
    purchased_min_life: str
    purchased_min_life_by_country: Mapping[str, str]

    def min_life(self, country: str | None) -> str:
        """Return how long purchased value must live by the law of a country."""
        return self.purchased_min_life_by_country.get(country or "", self.purchased_min_life)


def compile_vouchers(document: Mapping[str, Any]) -> VoucherTerms:
    """Return the terms of a program's document; what it leaves out has its default."""
    return VoucherTerms(**Vouchers().load(document.get("vouchers") or {}))


@lru_cache(maxsize=512)
def vouchers_of(program_id: str, version: int) -> VoucherTerms:
    """Return the terms of a program's version, from memory once they were compiled."""
    return compile_vouchers(programs.terms(program_id, version).document)
