"""The ledger's decisions: pure functions that move units within one account.

No database and no clock: an `Account` comes in, is changed, and has collected
the entries, lots and holds to write. Each function checks before it changes
anything, so a refusal leaves the account as it was.

Time is settled first: `settle` plays everything that became due in the order
in which it became due, so the result is the same however late it is called.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from loyalty.foundation import ids
from loyalty.foundation.problems import Problem
from loyalty.ledger.state import FOREVER, PAST, Account, Hold, Lot, Posting

COUNTERPARTS = {
    "earn": "program:issued",
    "bonus": "program:issued",
    "referral": "program:issued",
    "action": "program:issued",
    "goodwill": "program:issued",
    "opening": "program:issued",
    "reinstate": "program:issued",
    "adjust": "program:adjusted",
    "redeem": "program:redeemed",
    "redeem_return": "program:redeemed",
    "clawback": "program:issued",
    "expire": "program:expired",
}
MOST = 2**53 - 1  # in an account, and earned over its life
EARNED = {"earn", "bonus", "referral", "action", "goodwill", "opening", "reinstate", "clawback"}
HASHED = [
    "account_id",
    "seq",
    "id",
    "kind",
    "points",
    "counterpart",
    "available",
    "pending",
    "held",
    "debt",
    "lots",
    "source_type",
    "source_id",
    "explanation",
    "breakdown",
    "terms_version",
    "reverses",
    "actor",
    "request_id",
    "occurred_at",
    "recorded_at",
]


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
            changed = [_lot(account, number) for number, _ in hold.lots]
        else:
            changed = [_lot(account, turn.lot or 0)]
            mature(account, changed[0], turn.at)
        for lot in changed:
            if lot.due is not None:
                heapq.heappush(queue, _turn_of_lot(lot))
    schedule(account)


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
    lot = _new_lot(account, units, posting, available_at, expires_at, settled=settled)
    if lot.settled:
        account.available += units
    else:
        account.pending += units
    post(account, units, posting, {lot.number: units})
    _mature_now(account, lot, since=posting.occurred_at)
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
    parts = [(lot.number, n) for lot, n in _pick(account, units)]
    for number, n in parts:
        lot = _lot(account, number)
        lot.remaining -= n
        lot.held += n
        account.changed(lot)
    account.available -= units
    account.held += units
    new = Hold(hold_id, units, parts, "open", 0, 0, account.stamp.now, expires_at)
    account.holds[hold_id] = account.new_holds[hold_id] = new
    _due_by(account, expires_at)
    account.touched = True
    return new


def capture(account: Account, held: Hold, units: int, posting: Posting) -> None:
    """Spend the first `units` of an open hold and give the rest back."""
    spent, rest = _split(held.lots, units)
    _end_hold(account, held, "captured", account.stamp.now)
    held.captured = units
    for number, n in spent:
        lot = _lot(account, number)
        lot.held -= n
        account.changed(lot)
    account.held -= units
    _unhold(account, rest)
    post(account, -units, posting, _summed(spent, -1))
    _mature_parts(account, rest, account.stamp.now)


def release(account: Account, held: Hold, state: str, *, at: datetime) -> None:
    """End an open hold, `voided` or `expired`, and give everything back with its own expiry."""
    _end_hold(account, held, state, at)
    _unhold(account, held.lots)
    _mature_parts(account, held.lots, at)


def take(account: Account, units: int, posting: Posting) -> list[tuple[Lot, int]]:
    """Take available units at once, soonest-expiring first; raise InsufficientPoints."""
    _require(account, units)
    parts = _pick(account, units)
    _take_from(account, parts)
    post(account, -units, posting, {lot.number: -n for lot, n in parts})
    return parts


def transfer(source: Account, target: Account, units: int, out: Posting, arrived: Posting) -> None:
    """Move available units to another account; each lot keeps its dates."""
    require_room(target, units)
    parts = take(source, units, out)
    lots = [
        _new_lot(target, n, arrived, lot.available_at, lot.expires_at, settled=True)
        for lot, n in parts
    ]
    target.available += units
    post(target, units, arrived, {lot.number: lot.granted for lot in lots})
    for lot in lots:
        _mature_now(target, lot, since=arrived.occurred_at)


def give_back_captured(account: Account, held: Hold, units: int, posting: Posting) -> None:
    """Return captured units to the lots they came from, the longest-lived first."""
    parts = _return_parts(held, units)
    held.returned += units
    account.hold_changed(held)
    for number, n in parts:
        _add(account, _lot(account, number), n)
    post(account, units, posting, _summed(parts, 1))
    _mature_parts(account, parts, account.stamp.now)


def clawback(
    account: Account, lot: Lot | None, units: int, posting: Posting, *, forgive: bool
) -> Clawed:
    """Take back granted units: own pending, own available, other available, then debt."""
    parts = _own_part(lot, units)
    taken = sum(n for _, n in parts)
    pending = 0 if lot is None or lot.settled else taken
    if taken < units:
        others = min(units - taken, account.available - (taken - pending))
        skip = lot.number if lot is not None and lot.settled else None
        parts += _pick(account, others, skip=skip)
    available = sum(n for _, n in parts) - pending
    missing = units - pending - available
    clawed = Clawed(pending, available, *((0, missing) if forgive else (missing, 0)))
    _take_from(account, parts)
    account.debt += clawed.debt
    if clawed.taken:
        post(account, -clawed.taken, posting, {lot.number: -n for lot, n in parts})
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
        _add(account, _lot(account, number), n)
    rest = units - sum(taken.values())
    paid = min(account.debt, rest)
    account.debt -= paid
    if rest > paid:
        if lot.expires_at is not None and lot.expires_at <= now:
            lot = _new_lot(account, rest - paid, posting, now, fresh_until, settled=True)
            account.available += lot.remaining
        else:
            _add(account, lot, rest - paid)
        changes[lot.number] = changes.get(lot.number, 0) + rest - paid
    post(account, units, posting, changes)
    _mature_parts(account, list(changes.items()), now)


def redeem_again(account: Account, held: Hold, units: int, posting: Posting) -> None:
    """Undo the last `units` that were given back of a hold.

    They are taken from the lots they went to; what was spent of them since, from
    other available units, then as debt. What has expired meanwhile is gone: its
    owner has paid.
    """
    before, _ = _split(_captured_parts(held)[::-1], held.returned)
    _, parts = _split(before, held.returned - units)
    own, spent = [], 0
    for number, n in parts:
        lot = _lot(account, number)
        there = min(n, lot.remaining)
        gone = min(n - there, lot.expired)
        own += _own_part(lot, there)
        spent += n - there - gone
    _take_from(account, own)
    others = _pick(account, min(spent, account.available))
    _take_from(account, others)
    owed = spent - sum(n for _, n in others)
    account.debt += owed
    held.returned -= units
    account.hold_changed(held)
    changes: dict[int, int] = {}
    for lot, n in own + others:
        changes[lot.number] = changes.get(lot.number, 0) - n
    if changes or owed:
        post(account, sum(changes.values()) - owed, posting, changes)


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


def post(account: Account, units: int, posting: Posting, lots: Mapping[int, int]) -> str:
    """Write the entry of a movement that the buckets already show; return its id."""
    stamp = account.stamp
    account.entry_count += 1
    entry: dict[str, Any] = {
        "account_id": account.id,
        "seq": account.entry_count,
        "id": ids.new_id("ent"),
        "kind": posting.kind,
        "points": units,
        "counterpart": posting.counterpart or COUNTERPARTS[posting.kind],
        "available": account.available,
        "pending": account.pending,
        "held": account.held,
        "debt": account.debt,
        "lots": {str(number): change for number, change in lots.items()},
        "source_type": posting.source_type,
        "source_id": posting.source_id,
        "explanation": posting.explanation,
        "breakdown": posting.breakdown,
        "terms_version": posting.terms_version,
        "reverses": posting.reverses,
        "actor": stamp.actor,
        "request_id": stamp.request_id,
        "occurred_at": posting.occurred_at,
        "recorded_at": stamp.now,
    }
    entry["hash"] = account.head = entry_hash(account.head, entry)
    if posting.kind in EARNED:
        account.earned += units
    account.peak = max(account.peak, account.available + account.pending + account.held)
    account.entries.append(entry)
    account.touched = True
    return str(entry["id"])


def entry_hash(previous: str, entry: Mapping[str, Any]) -> str:
    """Return the hash that chains an entry to the one before it."""
    values = [_hashable(entry[name]) for name in HASHED]
    content = orjson.dumps([previous, *values], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def schedule(account: Account) -> None:
    """Work out anew when time will change the account next; lots and holds must be read."""
    dues = [lot.due for lot in account.known_lots()]
    dues += [hold.expires_at for hold in account.holds.values() if hold.state == "open"]
    account.next_due = min((due for due in dues if due is not None), default=None)
    account.touched = True


def _hashable(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _new_lot(
    account: Account,
    units: int,
    posting: Posting,
    available_at: datetime,
    expires_at: datetime | None,
    *,
    settled: bool,
) -> Lot:
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


def _lot(account: Account, number: int) -> Lot:
    known = account.new_lots.get(number)
    return known if known is not None else (account.lots or {})[number]


def _require(account: Account, units: int) -> None:
    if units > account.available:
        raise InsufficientPoints(account, units)


def _pick(account: Account, units: int, skip: int | None = None) -> list[tuple[Lot, int]]:
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


def _own_part(lot: Lot | None, units: int) -> list[tuple[Lot, int]]:
    n = min(units, lot.remaining) if lot is not None else 0
    return [(lot, n)] if lot is not None and n else []


def _take_from(account: Account, parts: list[tuple[Lot, int]]) -> None:
    for lot, n in parts:
        lot.remaining -= n
        if lot.settled:
            account.available -= n
        else:
            account.pending -= n
        account.changed(lot)


def _add(account: Account, lot: Lot, units: int) -> None:
    lot.remaining += units
    if lot.settled:
        account.available += units
    else:
        account.pending += units
    account.changed(lot)


def _end_hold(account: Account, held: Hold, state: str, at: datetime) -> None:
    held.state = state
    held.closed_at = at
    account.hold_changed(held)
    account.touched = True


def _unhold(account: Account, parts: list[tuple[int, int]]) -> None:
    for number, n in parts:
        lot = _lot(account, number)
        lot.held -= n
        account.held -= n
        _add(account, lot, n)


def _mature_parts(account: Account, parts: list[tuple[int, int]], at: datetime) -> None:
    lots = [_lot(account, number) for number, _ in parts]
    for lot in sorted(lots, key=lambda lot: lot.spending_order):
        mature(account, lot, at, since=at)
        _due_by(account, lot.due)


def _mature_now(account: Account, lot: Lot, since: datetime) -> None:
    mature(account, lot, account.stamp.now, since)
    _due_by(account, lot.due)


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
    post(account, 0, Posting("clawback", "debt", key, text, at), {lot.number: -units})


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
    post(account, -units, Posting("expire", "lot", key, text, at), {lot.number: -units})


def _turn_of_hold(hold: Hold) -> _Turn:
    return _Turn(hold.expires_at, (0, hold.id), None, hold.id)


def _turn_of_lot(lot: Lot) -> _Turn:
    return _Turn(lot.due or FOREVER, (1, *lot.spending_order), lot.number, None)


def _due_by(account: Account, at: datetime | None) -> None:
    if at is not None and (account.next_due is None or at < account.next_due):
        account.next_due = at


def _split(
    parts: list[tuple[int, int]], units: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    first, rest = [], []
    for number, n in parts:
        now = min(n, units)
        units -= now
        if now:
            first.append((number, now))
        if n > now:
            rest.append((number, n - now))
    return first, rest


def _return_parts(held: Hold, units: int) -> list[tuple[int, int]]:
    """Walk what was captured backwards, past what was returned before."""
    _, open_parts = _split(_captured_parts(held)[::-1], held.returned)
    return _split(open_parts, units)[0]


def _captured_parts(held: Hold) -> list[tuple[int, int]]:
    return _split(held.lots, held.captured)[0]


def _summed(parts: list[tuple[int, int]], sign: int) -> dict[int, int]:
    return {number: sign * n for number, n in parts}
