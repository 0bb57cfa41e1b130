"""Plain language for what was earned: short texts for each rule, one sentence for an award."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from loyalty.foundation import clock
from loyalty.foundation.money import written


def money(currency: str) -> Callable[[int], str]:
    """Return a function that writes minor units of a currency: 1050 → "10.50 EUR"."""
    return lambda minor: written(minor, currency)


def points(count: int, name: Mapping[str, str]) -> str:
    """Return "1 point", "5 points", in the program's own words."""
    return f"{count} {name['one'] if abs(count) == 1 else name['other']}"


def ordinal(count: int) -> str:
    """Return "1st", "2nd", "3rd", "11th"."""
    if count % 100 in (11, 12, 13):
        return f"{count}th"
    return f"{count}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(count % 10, 'th') }"


def number(value: Fraction) -> str:
    """Return an exact number as people write it: "1.5", or "4/3" where decimals never end."""
    for decimals in range(13):
        scaled = value * 10**decimals
        if scaled.denominator == 1:
            whole, rest = divmod(scaled.numerator, 10**decimals)
            return f"{whole}.{rest:0{decimals}d}" if decimals else str(whole)
    return str(value)


def duration(text: str) -> str:
    """Return an ISO 8601 duration in words: "30 days", "1 year and 2 months"."""
    months, days, exact = clock.parse_duration(text)
    hours, seconds = divmod(int(exact.total_seconds()), 3600)
    minutes, seconds = divmod(seconds, 60)
    years, months = divmod(months, 12) if months % 12 == 0 else (0, months)
    named = {"year": years, "month": months, "day": days}
    named |= {"hour": hours, "minute": minutes, "second": seconds}
    words = [f"{n} {unit if n == 1 else unit + 's'}" for unit, n in named.items() if n]
    return " and ".join(words)


def sentence(
    total: int, purpose: str, parts: Iterable[tuple[int, str]], name: Mapping[str, str]
) -> str:
    """Return one sentence for a customer: the total, and each part with its reason.

    `purpose` follows the points, such as " for order 10045", or is empty.
    """
    reasons = [(count, text) for count, text in parts if count]
    if not reasons:
        return f"No {name['other']}{purpose}."
    if len(reasons) == 1:
        return f"{points(total, name)}{purpose}: {reasons[0][1]}."
    first, *others = (f"{abs(count)} ({text})" for count, text in reasons)
    signs = ("-" if count < 0 else "+" for count, _ in reasons[1:])
    listed = "".join(f" {sign} {part}" for sign, part in zip(signs, others, strict=True))
    return f"{points(total, name)}{purpose}: {first}{listed}."
