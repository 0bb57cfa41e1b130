"""What the ledger reads: accounts, open lots and holds, entries."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import and_, bindparam, or_, select, tuple_
from sqlalchemy.engine import Connection

from loyalty.foundation.db import AnyRow, table_of
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

_LOCK = (
    select(*ACCOUNT_COLUMNS)
    .where(ACCOUNT.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(ACCOUNT.c.id)
    .with_for_update()
)
_OPEN_LOT = or_(LOT.c.remaining > 0, LOT.c.held > 0)


def lock_accounts(connection: Connection, account_ids: Collection[str]) -> Sequence[AnyRow]:
    """Read accounts and lock them, in the order of their ids."""
    return connection.execute(_LOCK, {"ids": list(account_ids)}).all()


def list_holds(
    connection: Connection, account_ids: Collection[str], hold_ids: Collection[str]
) -> list[tuple[str, state.Hold]]:
    """Return (account id, hold): the open ones of the accounts, and the named ones."""
    wanted = []
    if account_ids:
        wanted.append(and_(HOLD.c.account_id.in_(list(account_ids)), HOLD.c.state == "open"))
    if hold_ids:
        wanted.append(HOLD.c.id.in_(list(hold_ids)))
    rows = connection.execute(select(HOLD.c.account_id, *HOLD_COLUMNS).where(or_(*wanted)))
    return [(row[0], _hold(row)) for row in rows]


def list_lots(
    connection: Connection,
    account_ids: Collection[str],
    *,
    numbers: Collection[tuple[str, int]] = (),
    sources: Collection[tuple[str, str, str]] = (),
) -> list[tuple[str, state.Lot]]:
    """Return (account id, lot): the open ones of the accounts, and the named ones."""
    wanted = [and_(LOT.c.account_id.in_(list(account_ids)), _OPEN_LOT)]
    if numbers:
        wanted.append(tuple_(LOT.c.account_id, LOT.c.number).in_(list(numbers)))
    if sources:
        key = tuple_(LOT.c.account_id, LOT.c.source_type, LOT.c.source_id)
        wanted.append(key.in_(list(sources)))
    statement = select(LOT.c.account_id, *LOT_COLUMNS).where(or_(*wanted))
    return [(row[0], state.Lot(*row[1:])) for row in connection.execute(statement)]


def list_all_lots(connection: Connection, account_id: str) -> list[state.Lot]:
    """Return every lot of an account, closed ones too."""
    rows = connection.execute(select(*LOT_COLUMNS).where(LOT.c.account_id == account_id))
    return [state.Lot(*row) for row in rows]


def list_all_holds(connection: Connection, account_id: str) -> list[state.Hold]:
    """Return every hold of an account, ended ones too."""
    rows = connection.execute(
        select(HOLD.c.account_id, *HOLD_COLUMNS).where(HOLD.c.account_id == account_id)
    )
    return [_hold(row) for row in rows]


def _hold(row: AnyRow) -> state.Hold:
    hold = state.Hold(*row[1:])
    hold.lots = [(number, units) for number, units in hold.lots]
    return hold
