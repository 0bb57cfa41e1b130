"""Reading entries with the notes beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.engine import Connection

from loyalty.foundation.db import table_of
from loyalty.ledger.queries import ACCOUNT, ENTRY
from loyalty.points.models import EntryNote

NOTE = table_of(EntryNote)

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
