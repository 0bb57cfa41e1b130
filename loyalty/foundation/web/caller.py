"""Who is calling: set once per request by whoever checked the credentials, read by everyone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask import g

from loyalty.foundation import problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An API key, a member with a token, or a person of the staff; always of one program.

    `actor` is how the ledger and the audit trail name the caller, such as `key:key_…`.
    `agent` is the member of staff that a key is bound to.
    """

    kind: Literal["key", "member", "staff"]
    program_id: str
    actor: str
    scopes: frozenset[str]
    key_id: str | None = None
    member_id: str | None = None
    agent: str | None = None


def become(caller: Caller) -> None:
    """Make `caller` the caller of the current request."""
    g.caller = caller


def find_caller() -> Caller | None:
    """Return who is calling, or None."""
    caller: Caller | None = g.get("caller")
    return caller


def current_caller() -> Caller:
    """Return who is calling; raises `Unauthorized` if nobody has been recognised."""
    caller = find_caller()
    if caller is None:
        raise unauthorized("Send an API key as `Authorization: Bearer sk_…`.")
    return caller


def unauthorized(detail: str) -> problems.Unauthorized:
    """Return the 401 to raise, with the challenge that HTTP asks for."""
    return problems.Unauthorized(detail, headers={"WWW-Authenticate": "Bearer"})
