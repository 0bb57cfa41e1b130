"""Lots: how units leave them, come back into them, and what time does to them.

The decisions are made in `kernel` and `undoing`; here is what both do with lots
and the buckets that show their sums.
"""

from __future__ import annotations

from datetime import datetime

from loyalty.ledger import chain
from loyalty.ledger.state import PAST, Account, Lot, Posting


def mature(account: Account, lot: Lot, at: datetime, since: datetime = PAST) -> None:
    """Bring one lot to where it should be at an instant: settle it, pay debt, expire it.

    `since` is when the units came into the lot: nothing happened to them before.
    """
    if not lot.remaining:
        return
    if not lot.settled and lot.available_at <= at:
        lot.settled = True
        account.pending -= lot.remaining
        account.available += lot.remaining
        account.changed(lot)
        account.touched = True
    if lot.settled:
        _repay(account, lot, max(lot.available_at, since))
    if lot.expires_at is not None and lot.expires_at <= at and lot.remaining:
        _expire(account, lot, max(lot.expires_at, since))


def mature_parts(account: Account, parts: list[tuple[int, int]], at: datetime) -> None:
    """Bring lots to where they should be at an instant, in the order of spending."""
    touched = [find_lot(account, number) for number, _ in parts]
    for lot in sorted(touched, key=lambda lot: lot.spending_order):
        mature(account, lot, at, since=at)
        due_by(account, lot.due)


def mature_now(account: Account, lot: Lot, since: datetime) -> None:
    """Bring a lot to where it should be now; `since` as in `mature`."""
    mature(account, lot, account.stamp.now, since)
    due_by(account, lot.due)


def schedule(account: Account) -> None:
    """Work out anew when time will change the account next; lots and holds must be read."""
    dues = [lot.due for lot in account.known_lots()]
    dues += [hold.expires_at for hold in account.holds.values() if hold.state == "open"]
    account.next_due = min((due for due in dues if due is not None), default=None)
    account.touched = True


def due_by(account: Account, at: datetime | None) -> None:
    """Let the account be looked after by an instant at the latest."""
    if at is not None and (account.next_due is None or at < account.next_due):
        account.next_due = at


def find_lot(account: Account, number: int) -> Lot:
    """Return a lot that was read or made."""
    known = account.new_lots.get(number)
    return known if known is not None else (account.lots or {})[number]


def new_lot(
    account: Account,
    units: int,
    posting: Posting,
    available_at: datetime,
    expires_at: datetime | None,
    *,
    settled: bool,
) -> Lot:
    """Make a lot, which the buckets do not show yet."""
    account.lot_count += 1
    lot = Lot(
        number=account.lot_count,
        granted=units,
        remaining=units,
        held=0,
        expired=0,
        settled=settled,
        available_at=available_at,
        expires_at=expires_at,
        source_type=posting.source_type,
        source_id=posting.source_id,
    )
    account.new_lots[lot.number] = lot
    if account.lots is not None:
        account.lots[lot.number] = lot
    return lot


def pick(account: Account, units: int, skip: int | None = None) -> list[tuple[Lot, int]]:
    """Return the lots from which available units are spent, without the one to `skip`."""
    parts: list[tuple[Lot, int]] = []
    for lot in account.spendable() if units else ():
        if lot.number == skip:
            continue
        n = min(units, lot.remaining)
        parts.append((lot, n))
        units -= n
        if not units:
            break
    return parts


def own_part(lot: Lot | None, units: int) -> list[tuple[Lot, int]]:
    """Return what a lot itself has of some units, as parts."""
    n = min(units, lot.remaining) if lot is not None else 0
    return [(lot, n)] if lot is not None and n else []


def take_from(account: Account, parts: list[tuple[Lot, int]]) -> None:
    """Take units out of lots, and out of the buckets that show them."""
    for lot, n in parts:
        lot.remaining -= n
        if lot.settled:
            account.available -= n
        else:
            account.pending -= n
        account.changed(lot)


def add(account: Account, lot: Lot, units: int) -> None:
    """Put units into a lot, and into the bucket that shows it."""
    lot.remaining += units
    if lot.settled:
        account.available += units
    else:
        account.pending += units
    account.changed(lot)


def unhold(account: Account, parts: list[tuple[int, int]]) -> None:
    """Put held units back into their lots."""
    for number, n in parts:
        lot = find_lot(account, number)
        lot.held -= n
        account.held -= n
        add(account, lot, n)


def split(
    parts: list[tuple[int, int]], units: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Split parts into the first units and the rest."""
    first, rest = [], []
    for number, n in parts:
        now = min(n, units)
        units -= now
        if now:
            first.append((number, now))
        if n > now:
            rest.append((number, n - now))
    return first, rest


def summed(parts: list[tuple[int, int]], sign: int) -> dict[int, int]:
    """Return how much parts change each lot."""
    return {number: sign * n for number, n in parts}


def _repay(account: Account, lot: Lot, at: datetime) -> None:
    units = min(account.debt, lot.remaining)
    if not units:
        return
    lot.remaining -= units
    account.available -= units
    account.debt -= units
    account.changed(lot)
    text = f"{account.stamp.count(units)} paid off what was owed from an earlier refund."
    key = str(account.entry_count + 1)
    chain.post(account, 0, Posting("clawback", "debt", key, text, at), {lot.number: -units})


def _expire(account: Account, lot: Lot, at: datetime) -> None:
    units = lot.remaining
    key = f"{lot.number}" if not lot.expired else f"{lot.number}.{lot.expired}"
    lot.remaining = 0
    lot.expired += units
    if lot.settled:
        account.available -= units
    else:
        account.pending -= units
    account.changed(lot)
    text = f"{account.stamp.count(units)} expired."
    chain.post(account, -units, Posting("expire", "lot", key, text, at), {lot.number: -units})
