"""Making, finding and revoking API keys, and minting member tokens.

The secret (`pepper`) comes from the settings and is handed in. Losing it makes
every key and token worthless; so does changing it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from loyalty.access import queries, scopes
from loyalty.access.models import ApiKey
from loyalty.foundation import audit, db, ids, problems
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call

KEY = re.compile(r"sk_(live|test)_[0-9A-Za-z]{43}")
TOKEN_PREFIX = "mtk_"  # noqa: S105 - says what follows, is none
TOKEN_LIFE = timedelta(hours=1)
_LETTERS = string.ascii_letters + string.digits
_LENGTH = 43  # 62 ** 43 is about 2 ** 256


class UnknownScope(problems.Problem):
    """A key was asked for with a scope that does not exist."""

    code = "unknown_scope"
    status = 422
    title = "There is no such scope"
    about = "A key's scopes are chosen from a fixed list, which the API documentation shows."


class KeyNotFound(problems.Problem):
    """No key has this id."""

    code = "key_not_found"
    status = 404
    title = "There is no such key"
    about = "No API key has this id. `flask loyalty key list` shows them."


class NewKey(NamedTuple):
    """A key just made; `secret` is shown this once and kept nowhere."""

    id: str
    secret: str


class TokenClaims(NamedTuple):
    """Whom a member token speaks for, and until when."""

    program_id: str
    member_id: str
    expires_at: datetime


class MemberToken(NamedTuple):
    """A token just minted."""

    token: str
    expires_at: datetime


def create_key(
    *,
    program_id: str,
    mode: str,
    name: str,
    granted: Sequence[str],
    agent: str | None,
    pepper: str,
    now: datetime,
    actor: str = "cli",
) -> NewKey:
    """Make a key for a program; `granted` are its scopes, `actor` is who makes it.

    Raises `UnknownScope`.
    """
    if unknown := scopes.unknown(list(granted)):
        raise UnknownScope(
            f"There is no scope {unknown[0]!r}; choose from {', '.join(scopes.SCOPES)}, "
            f"or {scopes.EVERYTHING} for all of them."
        )
    secret = f"sk_{mode}_" + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    key = ApiKey(
        id=ids.new_id("key"),
        program_id=program_id,
        name=name,
        digest=digest_of(secret, pepper),
        prefix=secret[:12],
        last4=secret[-4:],
        scopes=sorted(set(granted)),
        agent=agent,
        created_at=now,
        revoked_at=None,
    )
    db.session.add(key)
    db.session.flush()  # refuse what the database refuses here, where the caller can tell
    made = {"scopes": key.scopes, "agent": agent}
    _put_on_record(Call(program_id, actor, None, now), "key.created", key.id, made)
    return NewKey(key.id, secret)


def find_key(secret: str, pepper: str) -> ApiKey | None:
    """Return the unrevoked key that this is the secret of."""
    if (match := KEY.fullmatch(secret)) is None:
        return None
    digest = digest_of(secret, pepper)
    key = queries.find_key(digest, match[1])
    return key if key is not None and hmac.compare_digest(key.digest, digest) else None


def revoke_key(*, key_id: str, now: datetime, actor: str = "cli") -> ApiKey:
    """Revoke a key; repeating is harmless. Raises `KeyNotFound`.

    The caller makes its process forget the key once this is committed.
    """
    key = queries.get_key(key_id)
    if key is None:
        raise KeyNotFound(f"There is no key {key_id!r}.")
    if key.revoked_at is None:
        key.revoked_at = max(now, key.created_at)
        _put_on_record(Call(key.program_id, actor, None, now), "key.revoked", key.id, {})
    return key


def list_keys(program_id: str | None = None) -> list[tuple[ApiKey, str]]:
    """Return the keys of one program, or of all, each with its program's slug."""
    return queries.list_keys(program_id)


def digest_of(secret: str, pepper: str) -> str:
    """Return the keyed hash under which a key is stored, in hex."""
    return hmac.digest(pepper.encode(), b"api-key:" + secret.encode(), "sha256").hex()


def mint_token(*, program_id: str, member_id: str, pepper: str, now: datetime) -> MemberToken:
    """Mint a token with which one member reads their own account for an hour."""
    expires_at = (now + TOKEN_LIFE).replace(microsecond=0)
    claims = [program_id, member_id, int(expires_at.timestamp())]
    return MemberToken(TOKEN_PREFIX + str(_signer(pepper).dumps(claims)), expires_at)


def read_token(token: str, *, pepper: str, now: datetime) -> TokenClaims | None:
    """Return what a token says, if it was minted here and has not expired."""
    try:
        program_id, member_id, expires = _signer(pepper).loads(token.removeprefix(TOKEN_PREFIX))
    except BadData:
        return None
    claims = TokenClaims(program_id, member_id, datetime.fromtimestamp(expires, UTC))
    return claims if now < claims.expires_at else None


def _put_on_record(call: Call, action: str, key_id: str, data: dict[str, Any]) -> None:
    changes = Changes()
    audit.record(changes, call, action, subject=("key", key_id), now=call.now, data=data)
    changes.write(db.connection())


def _signer(pepper: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        pepper, salt="member-token", signer_kwargs={"digest_method": hashlib.sha256}
    )
