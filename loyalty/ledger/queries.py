"""What the ledger reads: accounts, open lots and holds, entries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, literal_column, or_, select, tuple_
from sqlalchemy.engine import Connection

from loyalty.foundation.db import AnyRow, table_of
from loyalty.foundation.keyed import Keyed
from loyalty.ledger import models, state

ACCOUNT = table_of(models.Account)
LOT = table_of(models.Lot)
HOLD = table_of(models.Hold)
ENTRY = table_of(models.Entry)

ACCOUNT_COLUMNS = [
    ACCOUNT.c[name]
    for name in [
        "id",
        "owner_id",
        "program_id",
        "unit",
        "available",
        "pending",
        "held",
        "debt",
        "earned",
        "peak",
        "version",
        "entry_count",
        "lot_count",
        "head",
        "next_due",
    ]
]
LOT_COLUMNS = [
    LOT.c[name]
    for name in [
        "number",
        "granted",
        "remaining",
        "held",
        "expired",
        "settled",
        "available_at",
        "expires_at",
        "source_type",
        "source_id",
    ]
]
HOLD_COLUMNS = [
    HOLD.c[name]
    for name in [
        "id",
        "units",
        "lots",
        "state",
        "captured",
        "returned",
        "created_at",
        "expires_at",
        "closed_at",
    ]
]

# Written as literals: a kept plan uses a partial index only if it can read the condition.
OPEN_LOT = or_(LOT.c.remaining > literal_column("0"), LOT.c.held > literal_column("0"))
OPEN_HOLD = HOLD.c.state == literal_column("'open'")

_LOCK = Keyed(
    lambda among: (
        select(*ACCOUNT_COLUMNS).where(among(ACCOUNT.c.id)).order_by(ACCOUNT.c.id).with_for_update()
    )
)
_HOLD_AND_OWNER = select(HOLD.c.account_id, *HOLD_COLUMNS)
_HOLDS = Keyed(lambda among: _HOLD_AND_OWNER.where(among(HOLD.c.id)))
_OPEN_HOLDS = Keyed(lambda among: _HOLD_AND_OWNER.where(among(HOLD.c.account_id), OPEN_HOLD))
_LOT_AND_OWNER = select(LOT.c.account_id, *LOT_COLUMNS)
_OPEN_LOTS = Keyed(lambda among: _LOT_AND_OWNER.where(among(LOT.c.account_id), OPEN_LOT))


def lock_accounts(connection: Connection, account_ids: Collection[str]) -> Sequence[Sequence[Any]]:
    """Read accounts and lock them, in the order of their ids."""
    return _LOCK.rows(connection, account_ids)


def claim_due_accounts(
    connection: Connection, program_id: str, *, now: datetime, limit: int
) -> Sequence[AnyRow]:
    """Read and lock up to `limit` accounts where something is due, longest due first.

    Those that someone else has locked are left to them.
    """
    return connection.execute(
        select(*ACCOUNT_COLUMNS)
        .where(ACCOUNT.c.program_id == program_id, ACCOUNT.c.next_due <= now)
        .order_by(ACCOUNT.c.next_due)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def list_holds(
    connection: Connection, account_ids: Collection[str], hold_ids: Collection[str]
) -> list[tuple[str, state.Hold]]:
    """Return (account id, hold): the open ones of the accounts, and the named ones."""
    rows: list[Sequence[Any]] = []
    if account_ids:
        rows += _OPEN_HOLDS.rows(connection, account_ids)
    if hold_ids:
        rows += _HOLDS.rows(connection, hold_ids)
    return [(row[0], hold_of(row[1:])) for row in rows]


def list_lots(
    connection: Connection,
    account_ids: Collection[str],
    *,
    numbers: Collection[tuple[str, int]] = (),
    sources: Collection[tuple[str, str, str]] = (),
) -> list[tuple[str, state.Lot]]:
    """Return (account id, lot): the open ones of the accounts, and the named ones."""
    if numbers or sources:
        key = tuple_(LOT.c.account_id, LOT.c.number)
        source = tuple_(LOT.c.account_id, LOT.c.source_type, LOT.c.source_id)
        rows: Sequence[Sequence[Any]] = connection.execute(
            _LOT_AND_OWNER.where(
                or_(
                    and_(LOT.c.account_id.in_(list(account_ids)), OPEN_LOT),
                    key.in_(list(numbers)),
                    source.in_(list(sources)),
                )
            )
        ).all()
    else:
        rows = _OPEN_LOTS.rows(connection, account_ids)
    return [(row[0], state.Lot(*row[1:])) for row in rows]


def find_moved_lots(
    connection: Connection, account_id: str, *, kind: str, source: tuple[str, str]
) -> dict[int, int]:
    """Return by how much an entry changed each lot, by number; empty without such an entry."""
    moved = connection.scalar(
        select(ENTRY.c.lots).where(
            ENTRY.c.account_id == account_id,
            ENTRY.c.kind == kind,
            ENTRY.c.source_type == source[0],
            ENTRY.c.source_id == source[1],
        )
    )
    return {int(number): change for number, change in (moved or {}).items()}


def list_all_lots(connection: Connection, account_id: str) -> list[state.Lot]:
    """Return every lot of an account, closed ones too."""
    rows = connection.execute(select(*LOT_COLUMNS).where(LOT.c.account_id == account_id))
    return [state.Lot(*row) for row in rows]


def list_all_holds(connection: Connection, account_id: str) -> list[state.Hold]:
    """Return every hold of an account, ended ones too."""
    rows = connection.execute(select(*HOLD_COLUMNS).where(HOLD.c.account_id == account_id))
    return [hold_of(row) for row in rows]


def hold_of(row: Sequence[Any]) -> state.Hold:
    """Return the hold of a row of HOLD_COLUMNS."""
    hold = state.Hold(*row)
    hold.lots = [(number, units) for number, units in hold.lots]
    return hold
