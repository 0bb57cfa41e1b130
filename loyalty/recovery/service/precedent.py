"""Precedent: what was given for the same reason lately, so that like cases are treated alike."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from loyalty.foundation import clock
from loyalty.recovery import queries

GIVEN_WITHIN, MEMBER_WITHIN = "P90D", "P12M"


def find_precedent(
    connection: Connection, program_id: str, reason: str, *, now: datetime, zone: str
) -> dict[str, Any]:
    """Return what was given for a reason in 90 days: how often, the median, the 90th percentile.

    Exceptions do not count, nor what was taken back or waits for approval.
    """
    since = clock.subtract(GIVEN_WITHIN, now, zone)
    found = queries.find_precedent(connection, program_id, reason, since=since)
    return {
        "reason": reason,
        "given_90d": found["given"],
        "p50": found["p50"],
        "p90": found["p90"],
    }


def complete(precedent: dict[str, Any], *, value: int, to_member: int) -> dict[str, Any]:
    """Return the precedent of one gesture; it is `outside` if it is worth more than nine in ten."""
    high = precedent["p90"]
    outside = high is not None and value > high
    return {**precedent, "this_member_12m": to_member, "outside": outside}


def member_since(now: datetime, zone: str) -> datetime:
    """Return from when on a member's gestures are counted."""
    return clock.subtract(MEMBER_WITHIN, now, zone)
