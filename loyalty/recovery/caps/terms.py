"""A program's caps, compiled from the document's `recovery.caps`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import orjson

from loyalty.programs import service as programs

FINGERPRINT_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class CapTerms:
    """One cap: at most `limit` (minor units or gestures) or `share` of the order, per whom.

    `window` is an ISO 8601 duration, a calendar word, or None for ever; `where` names the words
    that each property of a gesture may have; `above` is `refuse` or `approve`. Caps that add up
    the same gestures over the same window, in the same zone, have the same `fingerprint`.
    """

    id: str
    per: str
    measure: str
    limit: int | None
    share: Fraction | None
    window: str | None
    above: str
    where: Mapping[str, tuple[str, ...]]
    fingerprint: str


def compile_caps(document: Mapping[str, Any]) -> tuple[CapTerms, ...]:
    """Compile all caps of a program document, in its order."""
    zone = document["program"]["timezone"]
    return tuple(_cap(told, zone) for told in (document.get("recovery") or {}).get("caps", ()))


@lru_cache(maxsize=512)
def caps_of(program_id: str, version: int) -> tuple[CapTerms, ...]:
    """Return a version's caps; from memory once they were compiled."""
    return compile_caps(programs.terms(program_id, version).document)


def spelled(agent: str) -> str:
    """Return the one spelling of an agent's name."""
    return " ".join(agent.split()).lower()[:100]


def _cap(told: Mapping[str, Any], zone: str) -> CapTerms:
    where = {name: tuple(sorted(words)) for name, words in (told.get("where") or {}).items()}
    if "agent" in where:
        where["agent"] = tuple(sorted(map(spelled, where["agent"])))
    summed = {"per": told["per"], "window": told.get("window"), "where": where, "zone": zone}
    content = orjson.dumps(summed, option=orjson.OPT_SORT_KEYS)
    share = told.get("share")
    return CapTerms(
        id=told["id"],
        per=told["per"],
        measure=told["measure"],
        limit=told.get("limit"),
        share=None if share is None else Fraction(share),
        window=told.get("window"),
        above=told["above"],
        where=where,
        fingerprint=hashlib.sha256(content).hexdigest()[:FINGERPRINT_CHARACTERS],
    )
