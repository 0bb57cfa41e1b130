"""Reading entries with the notes beside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, literal, select
from sqlalchemy.engine import Connection

from loyalty.foundation.db import table_of
from loyalty.foundation.tenancy import Program
from loyalty.ledger.queries import ACCOUNT, ENTRY
from loyalty.points.models import EntryNote, Opening

NOTE = table_of(EntryNote)
OPENING = table_of(Opening)
PROGRAM = table_of(Program)

_ENTRIES: Select[Any] = (
    select(ENTRY, NOTE.c.reason, NOTE.c.note)
    .outerjoin(NOTE, NOTE.c.entry_id == ENTRY.c.id)
    .where(ENTRY.c.account_id == bindparam("account_id"))
    .order_by(ENTRY.c.seq.desc())
    .limit(bindparam("limit"))
)
_OLDER = _ENTRIES.where(ENTRY.c.seq < bindparam("before"))


def list_entries(
    connection: Connection, account_id: str, *, before: int | None, limit: int
) -> Sequence[Mapping[Any, Any]]:
    """Return an account's entries, newest first, from below a running number."""
    parameters: dict[str, Any] = {"account_id": account_id, "limit": limit}
    statement = _ENTRIES
    if before is not None:
        statement, parameters["before"] = _OLDER, before
    return connection.execute(statement, parameters).mappings().all()


def find_entry(connection: Connection, program_id: str, entry_id: str) -> Mapping[Any, Any] | None:
    """Return one entry of a program."""
    return (
        connection.execute(
            select(ENTRY, NOTE.c.reason, NOTE.c.note)
            .join(ACCOUNT, ACCOUNT.c.id == ENTRY.c.account_id)
            .outerjoin(NOTE, NOTE.c.entry_id == ENTRY.c.id)
            .where(ENTRY.c.id == entry_id, ACCOUNT.c.program_id == program_id)
        )
        .mappings()
        .first()
    )


def find_openings(
    connection: Connection, program_id: str, opening_ids: Collection[str]
) -> dict[str, str]:
    """Return the fingerprints of recorded opening balances by their ids."""
    rows = connection.execute(
        select(OPENING.c.external_id, OPENING.c.fingerprint).where(
            OPENING.c.program_id == program_id, OPENING.c.external_id.in_(list(opening_ids))
        )
    )
    return {row[0]: row[1] for row in rows}


def list_due_programs(connection: Connection, now: datetime) -> Sequence[str]:
    """Return the programs with an account where something is due, by each program's own clock."""
    present = func.coalesce(PROGRAM.c.test_now, literal(now, PROGRAM.c.test_now.type))
    due = exists().where(ACCOUNT.c.program_id == PROGRAM.c.id, ACCOUNT.c.next_due <= present)
    return connection.scalars(select(PROGRAM.c.id).where(due)).all()
