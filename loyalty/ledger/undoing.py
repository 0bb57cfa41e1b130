"""Taking back what was granted, giving back what was spent, and undoing either."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from loyalty.ledger import chain, lots
from loyalty.ledger.state import Account, Hold, Lot, Posting


class Clawed(NamedTuple):
    """Where clawed-back units came from; `forgiven` is what nobody had and nobody owes."""

    pending: int
    available: int
    debt: int
    forgiven: int

    @property
    def taken(self) -> int:
        """What the member lost or owes."""
        return self.pending + self.available + self.debt


def clawback(
    account: Account, lot: Lot | None, units: int, posting: Posting, *, forgive: bool
) -> Clawed:
    """Take back granted units: own pending, own available, other available, then debt."""
    parts = lots.own_part(lot, units)
    taken = sum(n for _, n in parts)
    pending = 0 if lot is None or lot.settled else taken
    if taken < units:
        others = min(units - taken, account.available - (taken - pending))
        skip = lot.number if lot is not None and lot.settled else None
        parts += lots.pick(account, others, skip=skip)
    available = sum(n for _, n in parts) - pending
    missing = units - pending - available
    clawed = Clawed(pending, available, *((0, missing) if forgive else (missing, 0)))
    lots.take_from(account, parts)
    account.debt += clawed.debt
    if clawed.taken:
        chain.post(account, -clawed.taken, posting, {lot.number: -n for lot, n in parts})
    return clawed


def reinstate(
    account: Account,
    lot: Lot,
    units: int,
    posting: Posting,
    *,
    taken: Mapping[int, int],
    fresh_until: datetime | None,
) -> None:
    """Undo a clawback of units that `lot` had granted.

    What it had `taken` from lots (units by number) goes back into them. The rest
    pays what is owed, then joins the lot, or a new one that expires at
    `fresh_until` if that has expired.
    """
    now, changes = account.stamp.now, dict(taken)
    for number, n in taken.items():
        lots.add(account, lots.find_lot(account, number), n)
    rest = units - sum(taken.values())
    paid = min(account.debt, rest)
    account.debt -= paid
    if rest > paid:
        if lot.expires_at is not None and lot.expires_at <= now:
            lot = lots.new_lot(account, rest - paid, posting, now, fresh_until, settled=True)
            account.available += lot.remaining
        else:
            lots.add(account, lot, rest - paid)
        changes[lot.number] = changes.get(lot.number, 0) + rest - paid
    chain.post(account, units, posting, changes)
    lots.mature_parts(account, list(changes.items()), now)


def give_back_captured(account: Account, held: Hold, units: int, posting: Posting) -> None:
    """Return captured units to the lots they came from, the longest-lived first."""
    parts = _return_parts(held, units)
    held.returned += units
    account.hold_changed(held)
    for number, n in parts:
        lots.add(account, lots.find_lot(account, number), n)
    chain.post(account, units, posting, lots.summed(parts, 1))
    lots.mature_parts(account, parts, account.stamp.now)


def redeem_again(account: Account, held: Hold, units: int, posting: Posting) -> None:
    """Undo the last `units` that were given back of a hold.

    They are taken from the lots they went to; what was spent of them since, from
    other available units, then as debt. What has expired meanwhile is gone: its
    owner has paid.
    """
    before, _ = lots.split(_captured_parts(held)[::-1], held.returned)
    _, parts = lots.split(before, held.returned - units)
    own, spent = [], 0
    for number, n in parts:
        lot = lots.find_lot(account, number)
        there = min(n, lot.remaining)
        gone = min(n - there, lot.expired)
        own += lots.own_part(lot, there)
        spent += n - there - gone
    lots.take_from(account, own)
    others = lots.pick(account, min(spent, account.available))
    lots.take_from(account, others)
    owed = spent - sum(n for _, n in others)
    account.debt += owed
    held.returned -= units
    account.hold_changed(held)
    account.touched = True
    changes: dict[int, int] = {}
    for lot, n in own + others:
        changes[lot.number] = changes.get(lot.number, 0) - n
    if changes or owed:
        chain.post(account, sum(changes.values()) - owed, posting, changes)


def _return_parts(held: Hold, units: int) -> list[tuple[int, int]]:
    """Walk what was captured backwards, past what was returned before."""
    _, open_parts = lots.split(_captured_parts(held)[::-1], held.returned)
    return lots.split(open_parts, units)[0]


def _captured_parts(held: Hold) -> list[tuple[int, int]]:
    return lots.split(held.lots, held.captured)[0]
