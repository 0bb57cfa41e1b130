"""The customer's one-tap link: signed, and good for thirty days from when they are asked.

It names the follow-up and nothing of the person. The secret (`pepper`) comes from the settings.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from itsdangerous import BadData, URLSafeSerializer

LIFE = timedelta(days=30)


class Link(NamedTuple):
    """What a link says: which follow-up, and until when it may be answered."""

    follow_up_id: str
    expires_at: datetime


def sign(follow_up_id: str, *, due_at: datetime, now: datetime, pepper: str) -> str:
    """Return the token of a link, which ends thirty days after it is due, or after now."""
    expires_at = max(due_at, now) + LIFE
    return str(_signer(pepper).dumps([follow_up_id, int(expires_at.timestamp())]))


def read(token: str, pepper: str) -> Link | None:
    """Return what a token says, if it was signed here; whether it has expired is not asked."""
    try:
        follow_up_id, expires = _signer(pepper).loads(token)
    except BadData:
        return None
    return Link(follow_up_id, datetime.fromtimestamp(expires, UTC))


def _signer(pepper: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        pepper, salt="follow-up", signer_kwargs={"digest_method": hashlib.sha256}
    )
