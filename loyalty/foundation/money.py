"""Money: whole minor units beside an ISO 4217 code, written for people."""

from __future__ import annotations

from functools import lru_cache

import moneyed


@lru_cache(maxsize=256)
def exponent(currency: str) -> int:
    """Return how many decimals a currency has: EUR 2, JPY 0, KWD 3."""
    return len(str(moneyed.get_currency(currency).sub_unit)) - 1


def written(minor: int, currency: str) -> str:
    """Return minor units as people read them: 1050 EUR is "10.50 EUR"."""
    decimals = exponent(currency)
    if not decimals:
        return f"{minor} {currency}"
    sign, minor = ("-", -minor) if minor < 0 else ("", minor)
    one = 10**decimals
    return f"{sign}{minor // one}.{minor % one:0{decimals}d} {currency}"
