"""Two accounts become one: every lot, hold and debt moves, once, with its dates.

Closed lots and holds move too, so that a later refund still finds where points
came from and where they went.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loyalty.ledger import chain, kernel, lots, queries
from loyalty.ledger.book import Book
from loyalty.ledger.state import Account, Posting


def move_all(book: Book, source_id: str, target_id: str) -> None:
    """Move everything from one account of the book to another; both must be locked.

    The source keeps its history and stands at zero. Moving again moves nothing. Raises
    `BalanceTooLarge`.
    """
    source, target = book.accounts[source_id], book.accounts[target_id]
    book.read(lots_of=[source_id, target_id])
    _read_closed(book, source)
    kernel.require_room(target, max(source.total, source.earned))
    before = source.total
    moved = _move_lots(source, target)
    _move_holds(source, target, target.lot_count)
    target.lot_count += source.lot_count
    _move_buckets(source, target)
    if moved or before:
        _post(source, target, before, moved)
    for lot in sorted(target.known_lots(), key=lambda lot: lot.spending_order):
        lots.mature(target, lot, target.stamp.now, target.stamp.now)
    lots.schedule(source)
    lots.schedule(target)
    target.peak = max(target.peak, source.peak)


def _read_closed(book: Book, source: Account) -> None:
    lots = {lot.number: lot for lot in queries.list_all_lots(book.connection, source.id)}
    holds = {hold.id: hold for hold in queries.list_all_holds(book.connection, source.id)}
    source.lots = {**lots, **(source.lots or {})}
    source.holds = {**holds, **source.holds}


def _move_lots(source: Account, target: Account) -> dict[int, int]:
    """Copy each lot under a number of the target's and empty it; return what left, by number."""
    moved: dict[int, int] = {}
    for lot in sorted(source.known_lots(), key=lambda lot: lot.number):
        copy = replace(lot, number=lot.number + target.lot_count)
        target.new_lots[copy.number] = copy
        if target.lots is not None:
            target.lots[copy.number] = copy
        if lot.remaining or lot.held:
            moved[lot.number] = lot.remaining + lot.held
            lot.remaining = lot.held = 0
            source.changed(lot)
    return moved


def _move_holds(source: Account, target: Account, offset: int) -> None:
    for hold in source.holds.values():
        hold.lots = [(number + offset, units) for number, units in hold.lots]
        target.holds[hold.id] = hold
        target.moved_holds[hold.id] = hold
    target.changed_holds |= source.changed_holds
    source.holds = {}
    source.changed_holds = {}


def _move_buckets(source: Account, target: Account) -> None:
    for bucket in ("available", "pending", "held", "debt"):
        setattr(target, bucket, getattr(target, bucket) + getattr(source, bucket))
        setattr(source, bucket, 0)
    source.touched = target.touched = True


def _post(source: Account, target: Account, total: int, moved: Mapping[int, int]) -> None:
    now, count = source.stamp.now, source.stamp.count(total)
    offset = target.lot_count - source.lot_count
    about: dict[str, Any] = {"source_type": "merge", "occurred_at": now}
    left = f"{count} moved: this account was merged into another."
    came = f"{count} moved here: another account was merged into this one."
    chain.post(
        source,
        -total,
        Posting(
            "transfer_out", source_id=target.id, explanation=left, counterpart=target.id, **about
        ),
        {number: -units for number, units in moved.items()},
    )
    chain.post(
        target,
        total,
        Posting(
            "transfer_in", source_id=source.id, explanation=came, counterpart=source.id, **about
        ),
        {number + offset: units for number, units in moved.items()},
    )
