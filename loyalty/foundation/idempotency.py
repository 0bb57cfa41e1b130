"""Idempotency keys: the first answer to a call, kept in the transaction of its effect.

A key belongs to a program, and a member's own calls to that member. What was
refused is not kept: its transaction was rolled back. Natural keys (order id,
refund id …) are the slices' matter and outlive these.
"""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from loyalty.foundation import db, problems
from loyalty.foundation.bulk import Changes
from loyalty.foundation.keyed import Frequent

KEPT = timedelta(days=30)
RETRY_AFTER_SECONDS = 1

_concerned: ContextVar[str | None] = ContextVar("concerned_member", default=None)


class IdempotencyKey(db.Base):
    """A key that was used, the fingerprint of its request, and the answer.

    `owner` is the member who called with a token, else empty. `member_id` is whose data the
    answer shows, so that erasing the member erases it.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (Index(None, "member_id"), Index(None, "created_at"))

    program_id: Mapped[str] = mapped_column(db.Id, ForeignKey("program.id"), primary_key=True)
    owner: Mapped[str] = mapped_column(db.Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[str]
    member_id: Mapped[str | None] = mapped_column(db.Id)
    created_at: Mapped[datetime]


_table: Table = IdempotencyKey.__table__  # type: ignore[assignment] # a FromClause by its type


class Slot(NamedTuple):
    """Where an answer is kept: whose key it is, and the fingerprint of the request it is for."""

    program_id: str
    owner: str
    key: str
    fingerprint: str


class Answer(NamedTuple):
    """An answer as it was first given."""

    status: int
    headers: dict[str, str]
    body: str


def fingerprint(method: str, path: str, canonical_body: bytes) -> str:
    """Return what tells one request from another: the same for the same method, path and JSON."""
    head = f"{method} {path}\n".encode()
    return hashlib.sha256(head + canonical_body).hexdigest()


def find_answer(slot: Slot) -> Answer | None:
    """Return the answer already given under this key, or None if this call is the first.

    The key stays locked until the transaction ends. Raises `IdempotencyKeyReused` if it was used
    for another request, `IdempotencyInProgress` if the first call still runs (on SQLite that
    call is waited for instead).
    """
    place: dict[str, Any] = {
        "program_id": slot.program_id,
        "owner": slot.owner,
        "key": slot.key,
    }
    connection = db.connection()
    if connection.dialect.name == "postgresql":
        rows = _FIND_AND_LOCK.rows(connection, place | {"lock": _lock_number(slot)})
    else:
        rows = [(*row, True) for row in _FIND.rows(connection, place)]
    for known, status, headers, body, locked in rows:
        if known == slot.fingerprint:
            return Answer(status, headers, body)
        if known is not None:
            raise problems.IdempotencyKeyReused(
                "This Idempotency-Key was used with another address or body; use a new key for "
                "this."
            )
        if not locked:
            raise problems.IdempotencyInProgress(
                "The first call with this Idempotency-Key is still running; repeat this one soon.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
    return None


def keep_answer(slot: Slot, answer: Answer, *, now: datetime) -> None:
    """Keep the answer; a call that raced ahead under the same key makes this one run again."""
    row = {**slot._asdict(), **answer._asdict()}
    row |= {"member_id": _concerned.get(), "created_at": now}
    changes = Changes()
    changes.insert(IdempotencyKey, row)
    changes.write(db.connection())


def concerns(member_id: str | None) -> None:
    """Say whose data the answer to the current call shows; None begins a new call."""
    _concerned.set(member_id)


def forget(*member_ids: str) -> None:
    """Delete every kept answer that shows data of these members."""
    concerned = _table.c.member_id.in_(member_ids) | _table.c.owner.in_(member_ids)
    db.connection().execute(delete(_table).where(concerned))


def forget_expired(*, now: datetime, limit: int = 1000) -> int:
    """Delete keys that were kept for 30 days, oldest first; returns how many."""
    keys = (_table.c.program_id, _table.c.owner, _table.c.key)
    old = select(*keys).where(_table.c.created_at < now - KEPT)
    old = old.order_by(_table.c.created_at).limit(limit)
    found = db.connection().execute(old).all()
    if found:
        this = and_(*(column == bindparam(f"old_{column.name}") for column in keys))
        rows = [
            dict(zip(("old_program_id", "old_owner", "old_key"), row, strict=True)) for row in found
        ]
        db.connection().execute(delete(_table).where(this), rows)
    return len(found)


def _find(*more: Any) -> Select[Any]:
    columns = _table.c.fingerprint, _table.c.status, _table.c.headers, _table.c.body
    return select(*columns, *more)


_here = and_(
    _table.c.program_id == bindparam("program_id"),
    _table.c.owner == bindparam("owner"),
    _table.c.key == bindparam("key"),
)
_FIND = Frequent(_find().where(_here))
# One statement looks up and locks. Its snapshot may be older than its lock; a first call that
# ended in between is then met by the primary key, and this call is run again.
_lock = select(
    func.pg_try_advisory_xact_lock(bindparam("lock", type_=BigInteger)).label("locked")
).subquery()
_FIND_AND_LOCK = Frequent(_find(_lock.c.locked).select_from(_lock.outerjoin(_table, _here)))


def _lock_number(slot: Slot) -> int:
    name = f"idempotency {slot.program_id} {slot.owner} {slot.key}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big", signed=True)
