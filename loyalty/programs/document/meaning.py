"""What the parts of a document mean to one another: ids, references, order, times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from loyalty.foundation import clock, problems
from loyalty.programs.document import conditions, proactive

Path = tuple[str | int, ...]
Mistake = tuple[Path, str]

_FIRST_DAYS = [datetime(2001, month, 1, tzinfo=UTC) for month in range(1, 13)]
_SAMPLE_DAYS = [*_FIRST_DAYS, *(first - timedelta(days=1) for first in _FIRST_DAYS)]
"""Days on which a month is as short or as long as it can be."""


def mistakes(document: Mapping[str, Any]) -> Iterator[problems.FieldError]:
    """Yield what is wrong between parts that are right by themselves.

    The document may lack what could not be read; its lists keep their places.
    """
    for path, sentence in _all(document):
        yield problems.FieldError(problems.pointer(path), sentence)


def _all(document: Mapping[str, Any]) -> Iterator[Mistake]:
    earning = document.get("earning", {})
    recovery = document.get("recovery", {})
    tiers = document.get("tiers", [])
    yield from _repeated(("earning", "rules"), earning.get("rules", []), "id")
    yield from _repeated(("tiers",), tiers, "id")
    yield from _repeated(("rewards",), document.get("rewards", []), "id")
    yield from _repeated(("recovery", "reasons"), recovery.get("reasons", []), "code")
    yield from _repeated(("recovery", "caps"), recovery.get("caps", []), "id")
    yield from _rising(tiers)
    yield from _expires_too_soon(earning)
    yield from _unknown_tiers(earning.get("rules", []), _ids(tiers, "id"))
    yield from proactive.mistakes(recovery)
    yield from _unknown_reasons(recovery.get("caps", []), _ids(recovery.get("reasons", []), "code"))


def _ids(parts: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    return [part[key] for part in parts if key in part]


def _repeated(path: Path, parts: Sequence[Mapping[str, Any]], key: str) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, part in enumerate(parts):
        name = part.get(key)
        if name in seen:
            yield (*path, index, key), f"`{name}` is taken by another one; give each its own {key}."
        elif name is not None:
            seen.add(name)


def _rising(tiers: Sequence[Mapping[str, Any]]) -> Iterator[Mistake]:
    highest: dict[tuple[str, str | None], int] = {}
    for index, tier in enumerate(tiers):
        qualify = tier.get("qualify", {})
        for measure in ("points", "spend", "orders"):
            if measure not in qualify:
                continue
            alike = (measure, qualify.get("window"))
            if qualify[measure] <= highest.get(alike, 0):
                sentence = f"It must be more than {highest[alike]}: tiers stand from low to high."
                yield ("tiers", index, "qualify", measure), sentence
            highest[alike] = max(qualify[measure], highest.get(alike, 0))


def _expires_too_soon(earning: Mapping[str, Any]) -> Iterator[Mistake]:
    settles, expires = earning.get("settles_after"), earning.get("expires_after")
    if not settles or not expires:
        return
    if any(clock.add(expires, day) <= clock.add(settles, day) for day in _SAMPLE_DAYS):
        path = ("earning", "expires_after")
        yield path, f"It must be longer than `settles_after`, {settles}: both count from the order."


def _unknown_tiers(rules: Sequence[Mapping[str, Any]], tiers: Sequence[str]) -> Iterator[Mistake]:
    for index, rule in enumerate(rules):
        if "where" not in rule:
            continue
        path: Path = ("earning", "rules", index, "where")
        for at, leaf in conditions.leaves(rule["where"], path):
            if leaf["field"] == "member.tier" and leaf["op"] not in ("starts_with", "exists"):
                yield from _unknown((*at, "value"), leaf["value"], tiers, "tier")


def _unknown_reasons(
    caps: Sequence[Mapping[str, Any]], reasons: Sequence[str]
) -> Iterator[Mistake]:
    for index, cap in enumerate(caps):
        named = cap.get("where", {}).get("reason", [])
        yield from _unknown(
            ("recovery", "caps", index, "where", "reason"), named, reasons, "reason"
        )


def _unknown(path: Path, named: object, known: Sequence[str], what: str) -> Iterator[Mistake]:
    for name in named if isinstance(named, list) else [named]:
        if name not in known:
            listed = ", ".join(known) or "none"
            yield path, f"There is no {what} `{name}` in this document; it has: {listed}."
