"""The ledger's proof: every account is recomputed from its entries, lots and holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from loyalty.ledger import chain, models, queries

ACCOUNTS_AT_ONCE = 500
ENTRY_COLUMNS = (*chain.HASHED, "hash")
LOT_COLUMNS = ("number", "remaining", "held", "settled", "available_at", "expires_at")
GRANTING = chain.EARNED - {"clawback", "reinstate"} | {"adjust", "transfer_in", "issue"}
HOLD_COLUMNS = ("id", "units", "lots", "state", "captured", "expires_at")


@dataclass(frozen=True, slots=True)
class Report:
    """How much was proven; `broken` is a sentence about the first fault, or None."""

    accounts: int
    entries: int
    broken: str | None


def verify(connection: Connection, program_id: str | None = None) -> Report:
    """Prove all accounts (of one program), stopping at the first that does not add up."""
    accounts = entries = 0
    for rows in _pages(connection, program_id):
        ids = [row.id for row in rows]
        history = _grouped(connection, queries.ENTRY, ENTRY_COLUMNS, ids, "seq")
        lots = _grouped(connection, queries.LOT, LOT_COLUMNS, ids, "number")
        holds = _grouped(connection, queries.HOLD, HOLD_COLUMNS, ids, "id")
        for row in rows:
            own = history.get(row.id, [])
            broken = _fault(row, own, lots.get(row.id, []), holds.get(row.id, []))
            if broken:
                return Report(accounts, entries, broken)
            accounts += 1
            entries += len(own)
    return Report(accounts, entries, None)


def _pages(connection: Connection, program_id: str | None) -> Iterator[Sequence[Any]]:
    last = ""
    while True:
        page = select(*queries.ACCOUNT_COLUMNS).where(queries.ACCOUNT.c.id > last)
        if program_id is not None:
            page = page.where(queries.ACCOUNT.c.program_id == program_id)
        rows = connection.execute(page.order_by("id").limit(ACCOUNTS_AT_ONCE)).all()
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _grouped(
    connection: Connection, table: Any, names: Sequence[str], ids: list[str], then_by: str
) -> dict[str, list[Any]]:
    columns = [table.c.account_id, *(table.c[name] for name in names if name != "account_id")]
    rows = connection.execute(
        select(*columns)
        .where(table.c.account_id.in_(ids))
        .order_by(table.c.account_id, table.c[then_by])
    ).all()
    return {key: list(group) for key, group in groupby(rows, key=lambda row: row.account_id)}


def _fault(account: Any, entries: list[Any], lots: list[Any], holds: list[Any]) -> str | None:
    total, earned, head = 0, 0, models.NO_HASH
    left: dict[int, int] = {}
    for number, entry in enumerate(entries, start=1):
        where = f"entry {entry.id} (number {entry.seq} of account {account.id})"
        if entry.seq != number:
            return f"{where} should have number {number}: an entry is missing or numbered twice."
        total += entry.points
        if entry.available + entry.pending + entry.held - entry.debt != total:
            return f"{where} says other balances than the entries up to it add up to."
        head = chain.entry_hash(head, entry._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        if entry.hash != head:
            return f"{where} was changed after it was written, or an entry before it was."
        earned += entry.points if entry.kind in chain.EARNED else 0
        for lot, change in entry.lots.items():
            left[int(lot)] = left.get(int(lot), 0) + change
    return (
        _fault_of_account(account, len(entries), total, earned, head)
        or _fault_of_lots(account, left, lots, holds)
        or _fault_of_holds(account, entries, holds)
        or _fault_of_time(account, lots, holds)
    )


def _fault_of_account(account: Any, count: int, total: int, earned: int, head: str) -> str | None:
    if account.entry_count != count or account.head != head:
        return f"account {account.id} does not end with its last entry."
    if account.available + account.pending + account.held - account.debt != total:
        return f"account {account.id} holds another sum than its entries."
    if account.earned != earned:
        return f"account {account.id} says it earned {account.earned}, its entries say {earned}."
    return None


def _fault_of_lots(
    account: Any, left: dict[int, int], lots: list[Any], holds: list[Any]
) -> str | None:
    buckets = {"available": 0, "pending": 0}
    held_by_lot: dict[int, int] = {}
    for hold in holds:
        for number, units in hold.lots if hold.state == "open" else ():
            held_by_lot[number] = held_by_lot.get(number, 0) + units
    for lot in lots:
        if lot.remaining + lot.held != left.pop(lot.number, 0):
            return f"lot {lot.number} of account {account.id} holds another sum than its entries."
        if lot.held != held_by_lot.pop(lot.number, 0):
            return f"lot {lot.number} of account {account.id} is held by no reservation, or by two."
        buckets["available" if lot.settled else "pending"] += lot.remaining
    if any(left.values()) or held_by_lot or len(lots) != account.lot_count:
        return f"account {account.id} misses a lot that its entries or holds name."
    if (buckets["available"], buckets["pending"]) != (account.available, account.pending):
        return f"account {account.id} has other balances than its lots."
    open_units = sum(hold.units for hold in holds if hold.state == "open")
    if open_units != account.held:
        return f"account {account.id} holds {account.held}, its reservations hold {open_units}."
    return None


def _fault_of_holds(account: Any, entries: list[Any], holds: list[Any]) -> str | None:
    spent = {
        entry.source_id: -entry.points
        for entry in entries
        if (entry.kind, entry.source_type) == ("redeem", "reservation")
    }
    home = _home_lots(entries)
    for hold in holds:
        where = f"reservation {hold.id} of account {account.id}"
        in_lots = sum(units for _, units in hold.lots)
        if in_lots != hold.units:
            return f"{where} holds {hold.units}, but {in_lots} in its lots."
        came_by_merge = not {number for number, _ in hold.lots} <= home
        if spent.get(hold.id, hold.captured if came_by_merge else 0) != hold.captured:
            return f"{where} says that {hold.captured} were spent, its entry says otherwise."
    return None


def _home_lots(entries: list[Any]) -> set[int]:
    """Return the lots that were granted here; the entries of others stayed where they were."""
    first: dict[int, Any] = {}
    for entry in entries:
        for number in entry.lots:
            first.setdefault(int(number), entry)
    return {
        number
        for number, entry in first.items()
        if entry.kind in GRANTING and entry.source_type != "merge"
    }


def _fault_of_time(account: Any, lots: list[Any], holds: list[Any]) -> str | None:
    dues = [hold.expires_at for hold in holds if hold.state == "open"]
    for lot in lots:
        if lot.remaining and not lot.settled:
            dues.append(lot.available_at)
        if lot.remaining and lot.expires_at is not None:
            dues.append(lot.expires_at)
    first = min(dues, default=None)
    if first is not None and (account.next_due is None or account.next_due > first):
        return f"account {account.id} would not notice what is due on {first:%Y-%m-%d %H:%M:%S}."
    return None
