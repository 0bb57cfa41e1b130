"""The guard at every door: who is calling, and whether they may.

A key is looked up at most once a second in each process (decision 0003), so a
call costs no statement for it. A member's token is verified by its signature,
and its member looked up each time.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeVar

from flask import current_app, request

from loyalty.access import scopes, service
from loyalty.access.memory import Memory
from loyalty.access.models import ApiKey
from loyalty.foundation import clock, db, problems
from loyalty.foundation.web import caller, notes
from loyalty.foundation.web.caller import Caller

View = TypeVar("View", bound=Callable[..., Any])
FindMember = Callable[[str, str], str | None]

MEMORY = "loyalty.access"
MEMBER_SCOPES = frozenset({"members:read", "balances:read"})
_CREDENTIALS = re.compile(
    rb"(^|[&;])(access_token|api_?key|authorization|key|token)=|=(sk_(live|test)|mtk)_",
    re.IGNORECASE,
)
_HOW = "Send an API key as `Authorization: Bearer sk_…`."


class KeyInQuery(problems.Problem):
    """Credentials were sent in the address."""

    code = "credentials_in_query"
    status = 400
    title = "Credentials do not belong in an address"
    about = (
        "Addresses end up in logs, histories and referrers. Send the key as `Authorization: Bearer "
        "sk_…`, and revoke one that was sent in an address."
    )


class Recognised(NamedTuple):
    """A caller; `external_id` is the shop's id of the member that a token speaks for."""

    caller: Caller
    external_id: str | None = None


def requires(scope: str, *, own: str | None = None) -> Callable[[View], View]:
    """Let only callers with this scope pass: 401 for nobody, 403 without it.

    `own` names the view's argument with a member's external id: with it, the
    member's own token opens the door too, and any other member is 404.
    """
    if scope not in scopes.SCOPES:
        raise LookupError(f"there is no scope {scope!r}")

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            known = recognise()
            if known.caller.kind == "member":
                _check_own(known, scope, kwargs.get(own) if own else None)
            elif not scopes.allows(known.caller.scopes, scope):
                _refuse(scope)
            caller.become(known.caller)
            return view(*args, **kwargs)

        return notes.note(guarded, scopes=(scope,), refusals=(KeyInQuery,))  # type: ignore[return-value]

    return decorate


def recognise() -> Recognised:
    """Return who sends the current request.

    Raises `Unauthorized`, or `KeyInQuery` whatever else was sent.
    """
    if request.query_string and _CREDENTIALS.search(request.query_string):
        raise KeyInQuery(f"Take the credentials out of the query string and revoke them. {_HOW}")
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    credential = credential.strip()
    if not scheme:
        raise caller.unauthorized(_HOW)
    if scheme.lower() != "bearer" or not credential.isascii():
        raise caller.unauthorized(f"The Authorization header cannot be read. {_HOW}")
    if credential.startswith(service.TOKEN_PREFIX):
        return _recognise_member(credential)
    return _recognise_key(credential)


def find_members_by(find: FindMember) -> None:
    """Say how a token's member is found: (program id, member id) → the shop's id, or None.

    Members live beside access, so their door hands this in.
    """
    global _find_member  # noqa: PLW0603 - set once, when the doors are imported
    _find_member = find


def memory() -> Memory[Recognised]:
    """Return what this process remembers; `forget` it when a key was revoked."""
    found: Memory[Recognised] | None = current_app.extensions.get(MEMORY)
    if found is None:
        new = Memory[Recognised](current_app.config["KEY_MEMORY_MS"] / 1000)
        found = current_app.extensions.setdefault(MEMORY, new)
    return found


def revoke(key_id: str, *, actor: str = "cli") -> None:
    """Revoke a key: this process stops taking it at once. Raises `KeyNotFound`."""

    def unit() -> None:
        with db.transaction():
            service.revoke_key(key_id=key_id, now=clock.system_now(), actor=actor)

    db.retrying(unit)
    memory().forget()


def secret_key() -> str:
    """Return the secret that keys and tokens are made with."""
    return str(current_app.config["SECRET_KEY"])


def _no_member(_program_id: str, _member_id: str) -> None:
    """Recognise no member: nobody has said how."""


_find_member: FindMember = _no_member


def _recognise_key(credential: str) -> Recognised:
    digest = service.digest_of(credential, secret_key())
    remembered = memory()
    known = remembered.recall(digest)
    if known is not None:
        return known
    ticket = remembered.ticket()
    with db.reading():
        key = service.find_key(credential, secret_key())
    if key is None:
        raise caller.unauthorized(
            "This API key is unknown or revoked; `flask loyalty key create` makes a new one."
        )
    known = Recognised(_caller_of(key))
    remembered.remember(digest, known, ticket)
    return known


def _caller_of(key: ApiKey) -> Caller:
    return Caller(
        kind="key",
        program_id=key.program_id,
        actor=f"key:{key.id}",
        scopes=frozenset(key.scopes),
        key_id=key.id,
        agent=key.agent,
    )


def _recognise_member(token: str) -> Recognised:
    claims = service.read_token(token, pepper=secret_key(), now=clock.system_now())
    external_id = None
    if claims is not None:
        with db.reading():
            external_id = _find_member(claims.program_id, claims.member_id)
    if claims is None or external_id is None:
        raise caller.unauthorized("This member token is not valid or has expired; mint a new one.")
    member = Caller(
        kind="member",
        program_id=claims.program_id,
        actor=f"member:{claims.member_id}",
        scopes=MEMBER_SCOPES,
        member_id=claims.member_id,
    )
    return Recognised(member, external_id)


def _check_own(known: Recognised, scope: str, external_id: str | None) -> None:
    if external_id is None or scope not in MEMBER_SCOPES:
        raise problems.Forbidden("A member token only reads that member's own account.")
    if external_id != known.external_id:
        raise problems.NotFound("There is no such member, or it is not the one this token is for.")


def _refuse(scope: str) -> NoReturn:
    raise problems.Forbidden(
        f"This key lacks the scope `{scope}`; use a key that has it.", scope=scope
    )
