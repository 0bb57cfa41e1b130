"""The ledger's decisions: pure functions that move units within one account.

No database and no clock: an `Account` comes in, is changed, and has collected
the entries, lots and holds to write. Each function checks before it changes
anything, so a refusal leaves the account as it was.

Time is settled first: `settle` plays everything that became due in the order
in which it became due, so the result is the same however late it is called.
Taking back and giving back is in `undoing`.
"""

from __future__ import annotations

import heapq
from datetime import datetime
from typing import Any, NamedTuple

from loyalty.foundation.problems import Problem
from loyalty.ledger import chain, lots
from loyalty.ledger.state import FOREVER, Account, Hold, Lot, Posting

MOST = 2**53 - 1  # in an account, and earned over its life


class InsufficientPoints(Problem):
    """More was asked for than is available: 409, or 422 if the account never had as much."""

    code = "insufficient_points"
    status = 409
    other_statuses = (422,)
    title = "Not enough points"
    about = (
        "The member has fewer available points than the request needs. Pending points and points "
        "held by another checkout cannot be spent. Read the balance and ask for no more than "
        "`available`. The status is 422 where the member never had as many points."
    )

    def __init__(self, account: Account, units: int) -> None:
        """Name what was asked for and what can be spent."""
        count = account.stamp.count
        super().__init__(
            f"{count(units)} were asked for, but {count(account.available)} can be spent.",
            requested=units,
            available=account.available,
        )
        if units > account.peak:
            self.status = 422


class BalanceTooLarge(Problem):
    """More points than a number in JSON can tell exactly."""

    code = "balance_too_large"
    status = 422
    title = "The balance would grow too large"
    about = (
        "A member's points, and all they earn over their life, stay below 2^53, so that every "
        "reader of JSON keeps them exactly. Nobody saves as much: look for a wrong factor."
    )


class _Turn(NamedTuple):
    """Whose turn it is at an instant, and its place among those of the same instant."""

    at: datetime
    place: tuple[Any, ...]
    lot: int | None
    hold: str | None


def settle(account: Account) -> None:
    """Play all that became due until now: holds end, lots become available, lots expire.

    What falls on one instant happens holds first, then lots in the order of spending.
    """
    if not account.is_due():
        return
    now = account.stamp.now
    queue = [_turn_of_hold(hold) for hold in account.holds.values() if hold.state == "open"]
    queue += [_turn_of_lot(lot) for lot in account.known_lots() if lot.due is not None]
    heapq.heapify(queue)
    while queue and queue[0].at <= now:
        turn = heapq.heappop(queue)
        if turn.hold is not None:
            hold = account.holds[turn.hold]
            release(account, hold, "expired", at=turn.at)
            changed = [lots.find_lot(account, number) for number, _ in hold.lots]
        else:
            changed = [lots.find_lot(account, turn.lot or 0)]
            lots.mature(account, changed[0], turn.at)
        for lot in changed:
            if lot.due is not None:
                heapq.heappush(queue, _turn_of_lot(lot))
    lots.schedule(account)


def grant(
    account: Account,
    units: int,
    posting: Posting,
    *,
    available_at: datetime,
    expires_at: datetime | None,
) -> Lot:
    """Add a lot; it is pending until `available_at`, and worth nothing from `expires_at` on.

    Raises BalanceTooLarge.
    """
    require_room(account, units)
    settled = available_at <= account.stamp.now
    lot = lots.new_lot(account, units, posting, available_at, expires_at, settled=settled)
    if lot.settled:
        account.available += units
    else:
        account.pending += units
    chain.post(account, units, posting, {lot.number: units})
    lots.mature_now(account, lot, since=posting.occurred_at)
    return lot


def require_room(account: Account, units: int) -> None:
    """Raise BalanceTooLarge if the account could not take in as many units."""
    held = account.available + account.pending + account.held
    if max(held, account.earned) + units > MOST:
        raise BalanceTooLarge(
            f"With {account.stamp.count(units)} more, the member would have more than {MOST:,}."
        )


def hold(account: Account, hold_id: str, units: int, expires_at: datetime) -> Hold:
    """Set available units aside, soonest-expiring first; raise InsufficientPoints."""
    _require(account, units)
    parts = [(lot.number, n) for lot, n in lots.pick(account, units)]
    for number, n in parts:
        lot = lots.find_lot(account, number)
        lot.remaining -= n
        lot.held += n
        account.changed(lot)
    account.available -= units
    account.held += units
    new = Hold(hold_id, units, parts, "open", 0, 0, account.stamp.now, expires_at)
    account.holds[hold_id] = account.new_holds[hold_id] = new
    lots.due_by(account, expires_at)
    account.touched = True
    return new


def capture(account: Account, held: Hold, units: int, posting: Posting) -> None:
    """Spend the first `units` of an open hold and give the rest back."""
    spent, rest = lots.split(held.lots, units)
    _end_hold(account, held, "captured", account.stamp.now)
    held.captured = units
    for number, n in spent:
        lot = lots.find_lot(account, number)
        lot.held -= n
        account.changed(lot)
    account.held -= units
    lots.unhold(account, rest)
    chain.post(account, -units, posting, lots.summed(spent, -1))
    lots.mature_parts(account, rest, account.stamp.now)


def release(account: Account, held: Hold, state: str, *, at: datetime) -> None:
    """End an open hold, `voided` or `expired`, and give everything back with its own expiry."""
    _end_hold(account, held, state, at)
    lots.unhold(account, held.lots)
    lots.mature_parts(account, held.lots, at)


def take(account: Account, units: int, posting: Posting) -> list[tuple[Lot, int]]:
    """Take available units at once, soonest-expiring first; raise InsufficientPoints."""
    _require(account, units)
    parts = lots.pick(account, units)
    lots.take_from(account, parts)
    chain.post(account, -units, posting, {lot.number: -n for lot, n in parts})
    return parts


def transfer(source: Account, target: Account, units: int, out: Posting, arrived: Posting) -> None:
    """Move available units to another account; each lot keeps its dates."""
    require_room(target, units)
    parts = take(source, units, out)
    arrived_lots = [
        lots.new_lot(target, n, arrived, lot.available_at, lot.expires_at, settled=True)
        for lot, n in parts
    ]
    target.available += units
    chain.post(target, units, arrived, {lot.number: lot.granted for lot in arrived_lots})
    for lot in arrived_lots:
        lots.mature_now(target, lot, since=arrived.occurred_at)


def _require(account: Account, units: int) -> None:
    if units > account.available:
        raise InsufficientPoints(account, units)


def _end_hold(account: Account, held: Hold, state: str, at: datetime) -> None:
    held.state = state
    held.closed_at = at
    account.hold_changed(held)
    account.touched = True


def _turn_of_hold(hold: Hold) -> _Turn:
    return _Turn(hold.expires_at, (0, hold.id), None, hold.id)


def _turn_of_lot(lot: Lot) -> _Turn:
    return _Turn(lot.due or FOREVER, (1, *lot.spending_order), lot.number, None)
