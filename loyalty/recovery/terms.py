"""The program's terms for gestures, from `[recovery]` of its document; caps are in `caps.terms`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from loyalty.earning.terms import EarningTerms, compile_terms
from loyalty.programs import service as programs
from loyalty.programs.document.recovery import Recovery
from loyalty.redemption.terms import RedemptionTerms, compile_redemption


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a gesture is made; `follow_up_after` is when to ask whether it helped."""

    code: str
    name: str
    driver: str | None
    follow_up_after: str


@dataclass(frozen=True, slots=True)
class RecoveryTerms:
    """Durations are ISO 8601 text; `redemption` is None where points are worth nothing."""

    currency: str
    zone: str
    follow_up_after: str
    approval_expires_after: str
    goodwill_expires_after: str
    reasons: Mapping[str, Reason]
    earning: EarningTerms
    redemption: RedemptionTerms | None


def compile_recovery(document: Mapping[str, Any]) -> RecoveryTerms:
    """Return the terms of a program's document; what it leaves out has its default."""
    section: Mapping[str, Any] = Recovery().load(document.get("recovery") or {})
    later = section["follow_up_after"]
    reasons = [
        Reason(one["code"], one["name"], one.get("driver"), one.get("follow_up_after", later))
        for one in section["reasons"]
    ]
    return RecoveryTerms(
        currency=document["program"]["currency"],
        zone=document["program"]["timezone"],
        follow_up_after=later,
        approval_expires_after=section["approval_expires_after"],
        goodwill_expires_after=section["goodwill_expires_after"],
        reasons={one.code: one for one in reasons},
        earning=compile_terms(document),
        redemption=compile_redemption(document),
    )


@lru_cache(maxsize=512)
def recovery_of(program_id: str, version: int) -> RecoveryTerms:
    """Return the terms of a program's version, from memory once they were compiled."""
    return compile_recovery(programs.terms(program_id, version).document)
