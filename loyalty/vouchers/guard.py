"""The guard of doors at which voucher codes can be tried."""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, TypeVar

from loyalty.access import guard
from loyalty.foundation import db
from loyalty.foundation.web import caller, notes
from loyalty.vouchers import guessing
from loyalty.vouchers.service.refusing import VoucherNotUsable

View = TypeVar("View", bound=Callable[..., Any])

_DIGITS = 32  # of the digest, in hex: enough to tell clients apart


def guarded_from_guessing(view: View) -> View:
    """Count it when the view refuses a code as not usable; stands outside of the transaction.

    @requires("vouchers:read")
    @guarded_from_guessing
    @reads
    def check_voucher(…): …
    """

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        guessing.begin()
        try:
            return view(*args, **kwargs)
        except VoucherNotUsable:
            _count()
            raise

    return notes.note(guarded, refusals=(guessing.TooManyGuesses,))  # type: ignore[return-value]


def client_of(text: str | None, *, member: str | None = None) -> str:
    """Return under what a client's tries are counted: a keyed hash, or the id of the shop's key.

    A member with a token is a client. A shop's server says for whom it asks by `text`, or else
    by the `member` who presents the code; for others its key counts.
    """
    who = caller.current_caller()
    if who.kind == "member":
        named = f"token {who.member_id}"
    elif text is not None:
        named = f"client {text}"
    elif member is not None:
        named = f"member {member}"
    elif who.key_id is not None:
        return who.key_id
    else:
        named = who.actor
    message = f"voucher {who.program_id} {named}".encode()
    return hmac.new(guard.secret_key().encode(), message, hashlib.sha256).hexdigest()[:_DIGITS]


def _count() -> None:
    """Count the try in a transaction of its own, which is kept whatever is answered."""
    attempt = guessing.find_attempt()
    if attempt is None:
        return
    over: list[guessing.TooManyGuesses] = []

    def unit() -> None:
        over.clear()
        with db.transaction():
            try:
                guessing.count_failure(db.connection(), attempt)
            except guessing.TooManyGuesses as refusal:
                over.append(refusal)

    db.retrying(unit)
    if over:
        raise over[0]
