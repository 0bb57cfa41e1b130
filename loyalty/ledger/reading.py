"""Balances as a person sees them: what the account is worth at an instant, nothing written.

`STATEMENT parts` let one SELECT bring an account with its open lots and holds,
so a balance is one statement and one consistent moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.engine import Connection

from loyalty.foundation.db import AnyRow
from loyalty.ledger import chain, kernel, queries
from loyalty.ledger.state import PAST, Account, Hold, Lot, Stamp

READER = "reader"


@dataclass(frozen=True, slots=True)
class Balance:
    """Points in each bucket, and what time will do to them."""

    available: int
    pending: int
    held: int
    debt: int
    lifetime_earned: int
    expiring: list[tuple[datetime, int]]
    arriving: list[tuple[datetime, int]]


def open_lots_and_holds(dialect: str) -> list[ColumnElement[Any]]:
    """Return two scalar subqueries beside `account`: its open lots and, if any are held, holds."""
    lot, hold, account = queries.LOT, queries.HOLD, queries.ACCOUNT
    lots = select(_array_of(dialect, queries.LOT_COLUMNS)).where(
        and_(lot.c.account_id == account.c.id, queries.OPEN_LOT)
    )
    holds = select(_array_of(dialect, queries.HOLD_COLUMNS)).where(
        and_(hold.c.account_id == account.c.id, queries.OPEN_HOLD)
    )
    return [
        lots.correlate(account).scalar_subquery().label("open_lots"),
        case((account.c.held > 0, holds.correlate(account).scalar_subquery())).label("open_holds"),
    ]


def account_at(row: Sequence[Any], lots: Any, holds: Any, now: datetime) -> Account:
    """Rebuild an account from such a row and settle it, in memory only."""
    account = Account(Stamp(now=now, actor=READER), *row)
    account.lots = {lot.number: lot for lot in map(_lot, _parsed(lots))}
    account.holds = {hold.id: hold for hold in map(_hold, _parsed(holds))}
    kernel.settle(account)
    return account


def balance(account: Account) -> Balance:
    """Return the balance of a settled account."""
    lots = [lot for lot in account.known_lots() if lot.remaining]
    return Balance(
        available=account.available,
        pending=account.pending,
        held=account.held,
        debt=account.debt,
        lifetime_earned=account.earned,
        expiring=_summed((lot.expires_at, lot.remaining) for lot in lots if lot.settled),
        arriving=_summed((lot.available_at, lot.remaining) for lot in lots if not lot.settled),
    )


def account_as_it_was(connection: Connection, row: Sequence[Any], at: datetime) -> Account:
    """Rebuild an account at a past instant from its entries, lots and holds."""
    account = Account(Stamp(now=at, actor=READER), *row)
    entries = _entries_until(connection, account.id, at)
    account.lots = _lots_after(connection, account.id, entries)
    account.debt = entries[-1].debt if entries else 0
    account.earned = sum(entry.points for entry in entries if entry.kind in chain.EARNED)
    account.pending = sum(lot.remaining for lot in account.lots.values())
    account.available = account.held = 0
    _put_holds_back(connection, account, at)
    account.next_due = PAST
    kernel.settle(account)
    return account


def _entries_until(connection: Connection, account_id: str, at: datetime) -> Sequence[AnyRow]:
    """Read the history up to its last entry by then, even if clocks disagreed on the way."""
    entry = queries.ENTRY.c
    last = select(func.max(entry.seq)).where(
        entry.account_id == account_id, entry.recorded_at <= at
    )
    return connection.execute(
        select(entry.lots, entry.debt, entry.kind, entry.points)
        .where(entry.account_id == account_id, entry.seq <= last.scalar_subquery())
        .order_by(entry.seq)
    ).all()


def _lots_after(
    connection: Connection, account_id: str, entries: Iterable[AnyRow]
) -> dict[int, Lot]:
    left: dict[int, int] = {}
    for entry in entries:
        for number, change in entry.lots.items():
            left[int(number)] = left.get(int(number), 0) + change
    rows = connection.execute(
        select(*queries.LOT_COLUMNS).where(queries.LOT.c.account_id == account_id)
    )
    lots = {row.number: Lot(*row) for row in rows if row.number in left}
    for number, lot in lots.items():
        lot.remaining, lot.held, lot.settled = left[number], 0, False
    return lots


def _put_holds_back(connection: Connection, account: Account, at: datetime) -> None:
    """Open again what was held then; what a later merge brought along has no lots here yet."""
    hold, lots = queries.HOLD.c, account.lots or {}
    rows = connection.execute(
        select(*queries.HOLD_COLUMNS).where(
            hold.account_id == account.id,
            hold.created_at <= at,
            or_(hold.closed_at.is_(None), hold.closed_at > at),
        )
    )
    for row in rows:
        then = Hold(*row)
        then.lots = [(number, units) for number, units in then.lots]
        if any(number not in lots for number, _ in then.lots):
            continue
        then.state, then.closed_at, then.captured, then.returned = "open", None, 0, 0
        account.holds[then.id] = then
        account.held += then.units
        account.pending -= then.units
        for number, units in then.lots:
            lots[number].remaining -= units
            lots[number].held += units


def _array_of(dialect: str, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    if dialect == "postgresql":
        return func.json_agg(func.json_build_array(*columns))
    return func.json_group_array(func.json_array(*columns))


def _parsed(value: Any) -> list[list[Any]]:
    if value is None:
        return []
    parsed: list[list[Any]] = orjson.loads(value) if isinstance(value, str) else value
    return parsed


def _lot(values: list[Any]) -> Lot:
    lot = Lot(*values)
    lot.settled = bool(lot.settled)
    lot.available_at = _instant(lot.available_at)
    lot.expires_at = _instant(lot.expires_at) if lot.expires_at else None
    return lot


def _hold(values: list[Any]) -> Hold:
    hold = Hold(*values)
    hold.lots = [(number, units) for number, units in _parsed(hold.lots)]
    hold.created_at, hold.expires_at = _instant(hold.created_at), _instant(hold.expires_at)
    return hold


def _instant(text: Any) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _summed(parts: Iterable[tuple[datetime | None, int]]) -> list[tuple[datetime, int]]:
    sums: dict[datetime, int] = {}
    for at, units in parts:
        if at is not None:
            sums[at] = sums.get(at, 0) + units
    return sorted(sums.items())


def as_mapping(balance: Balance) -> Mapping[str, Any]:
    """Return the shape that the API dumps."""
    return {
        "points": {
            "available": balance.available,
            "pending": balance.pending,
            "held": balance.held,
            "debt": balance.debt,
        },
        "lifetime_earned": balance.lifetime_earned,
        "expiring": [{"points": n, "expires_at": at} for at, n in balance.expiring],
        "arriving": [{"points": n, "available_at": at} for at, n in balance.arriving],
    }
