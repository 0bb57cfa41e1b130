"""A book: the accounts one transaction works on, read together and written together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from loyalty.foundation import events
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.db import AnyRow
from loyalty.ledger import kernel, models, queries
from loyalty.ledger.state import Account, Hold, Lot, Stamp

POINTS, USES = "points", "uses"  # any other unit is a currency
_UNIT = [column.name for column in queries.ACCOUNT_COLUMNS].index("unit")


class Book:
    """Accounts under lock, settled up to now, and the movements made on them.

    Fill it with `adopt` or `lock`, `read` what the work needs, move units by
    the functions of `loyalty.ledger.kernel`, then `write_into` the changes of
    the transaction. The number of statements does not depend on the number of
    accounts.
    """

    def __init__(self, connection: Connection, stamp: Stamp) -> None:
        self.connection = connection
        self.stamp = stamp
        self.accounts: dict[str, Account] = {}
        self._stamps = {POINTS: stamp}

    def sign(self, call: Call) -> None:
        """Let what is posted from now on be signed by the actor and request of another call."""
        for stamp in self._stamps.values():
            stamp.actor, stamp.request_id = call.actor, call.request_id

    def lock(self, account_ids: Collection[str]) -> None:
        """Lock accounts in the order of their ids and take them in."""
        self.adopt(queries.lock_accounts(self.connection, account_ids))

    def adopt(self, rows: Iterable[AnyRow | Sequence[Any]]) -> None:
        """Take in accounts that the caller has locked, as rows of ACCOUNT_COLUMNS."""
        for row in rows:
            self.accounts[row[0]] = Account(self._stamp_for(row[_UNIT]), *row)

    def adopt_hold(self, account_id: str, row: Sequence[Any]) -> None:
        """Take in a hold that the caller has locked with its account, a row of HOLD_COLUMNS."""
        hold = queries.hold_of(row)
        self.accounts[account_id].holds[hold.id] = hold

    def open_account(
        self, *, account_id: str, owner_id: str, program_id: str, unit: str
    ) -> Account:
        """Take in an account that the same transaction creates (see `new_account`)."""
        account = Account(
            self._stamp_for(unit), account_id, owner_id, program_id, unit, *(0,) * 6, 1, 0, 0,
            models.NO_HASH, None, lots={},
        )  # fmt: skip
        self.accounts[account_id] = account
        return account

    def read(
        self,
        *,
        lots_of: Collection[str] = (),
        sources: Collection[tuple[str, str, str]] = (),
        holds: Collection[str] = (),
        lots: Collection[tuple[str, int]] = (),
    ) -> None:
        """Read lots and holds, then settle what is due.

        Read are the open lots and holds of the accounts in `lots_of` and of all
        accounts where something is due; the lots granted for `sources`
        (account id, source type, source id); the named holds with the lots
        they spent; and the `lots` named by account id and number.
        """
        due = {account.id for account in self.accounts.values() if account.is_due()}
        wanted = due | {one for one in lots_of if self.accounts[one].lots is None}
        self._read_holds(wanted, holds)
        named = [pair for pair in map(self.find_hold, holds) if pair]
        numbers = set(lots) | {
            (account.id, number)
            for account, hold in named
            if hold.state != "open"  # the lots of open ones are open
            for number, _ in hold.lots
        }
        owners = wanted | {account.id for account, _ in named}
        owners |= {source[0] for source in sources} | {one for one, _ in lots}
        if owners:
            self._read_lots(owners, numbers, sources)
        for account_id in due:
            kernel.settle(self.accounts[account_id])

    def find_hold(self, hold_id: str) -> tuple[Account, Hold] | None:
        """Return a hold that was read, with its account."""
        for account in self.accounts.values():
            if hold_id in account.holds:
                return account, account.holds[hold_id]
        return None

    def find_lot(self, account_id: str, source_type: str, source_id: str) -> Lot | None:
        """Return the lot that was granted for a source, if it was read or made."""
        account = self.accounts[account_id]
        lots = account.new_lots if account.lots is None else account.lots
        for lot in lots.values():
            if (lot.source_type, lot.source_id) == (source_type, source_id):
                return lot
        return None

    def write_into(self, changes: Changes) -> None:
        """Add all that changed to the transaction's changes, and tell what time alone has done."""
        for account in self.accounts.values():
            if account.touched:
                _write_account(account, changes)
                _tell_what_ended(account, changes)

    def _stamp_for(self, unit: str) -> Stamp:
        """Return the book's stamp with the words for a unit: points, uses, or money."""
        if unit not in self._stamps:
            if unit == USES:
                stamp = replace(self.stamp, one="use", other="uses")
            else:
                stamp = replace(self.stamp, currency=unit)
            self._stamps[unit] = stamp
        return self._stamps[unit]

    def _read_holds(self, account_ids: set[str], hold_ids: Collection[str]) -> None:
        holding = {one for one in account_ids if self.accounts[one].held}
        unread = [one for one in hold_ids if self.find_hold(one) is None]
        for account_id, hold in queries.list_holds(self.connection, holding, unread):
            if account_id in self.accounts:
                self.accounts[account_id].holds.setdefault(hold.id, hold)

    def _read_lots(
        self,
        account_ids: set[str],
        numbers: set[tuple[str, int]],
        sources: Collection[tuple[str, str, str]],
    ) -> None:
        for account_id in account_ids:
            account = self.accounts[account_id]
            account.lots = dict(account.new_lots) if account.lots is None else account.lots
        found = queries.list_lots(self.connection, account_ids, numbers=numbers, sources=sources)
        for account_id, lot in found:
            lots = self.accounts[account_id].lots
            if lots is not None:
                lots.setdefault(lot.number, lot)


def stamp_of(call: Call, now: datetime, document: Mapping[str, Any]) -> Stamp:
    """Return the stamp of a call, with the program's own words for points."""
    words = document["program"].get("points_name") or {}
    one, other = words.get("one", "point"), words.get("other", "points")
    return Stamp(now, call.actor, call.request_id, one, other)


def new_account(*, account_id: str, owner_id: str, program_id: str, unit: str) -> dict[str, Any]:
    """Return the row of a new, empty account."""
    return {
        "id": account_id,
        "owner_id": owner_id,
        "program_id": program_id,
        "unit": unit,
        **dict.fromkeys(("available", "pending", "held", "debt", "earned", "peak"), 0),
        "version": 1,
        "entry_count": 0,
        "lot_count": 0,
        "head": models.NO_HASH,
        "next_due": None,
    }


def _write_account(account: Account, changes: Changes) -> None:
    changes.update(
        models.Account,
        {
            "id": account.id,
            "available": account.available,
            "pending": account.pending,
            "held": account.held,
            "debt": account.debt,
            "earned": account.earned,
            "peak": account.peak,
            "version": account.version + 1,
            "was_version": account.version,
            "entry_count": account.entry_count,
            "lot_count": account.lot_count,
            "head": account.head,
            "next_due": account.next_due,
        },
    )
    changes.insert(models.Entry, *account.entries)
    changes.insert(models.Lot, *(_lot_row(account, lot) for lot in account.new_lots.values()))
    for lot in account.changed_lots.values():
        changes.update(
            models.Lot,
            {
                "account_id": account.id,
                "number": lot.number,
                "remaining": lot.remaining,
                "held": lot.held,
                "expired": lot.expired,
                "settled": lot.settled,
            },
        )
    for hold in account.new_holds.values():
        changes.insert(models.Hold, {**asdict(hold), "account_id": account.id})
    for hold in account.moved_holds.values():
        row = {"id": hold.id, "account_id": account.id, "lots": hold.lots}
        changes.update(models.Hold, row)
    for hold in account.changed_holds.values():
        changes.update(
            models.Hold,
            {
                "id": hold.id,
                "state": hold.state,
                "captured": hold.captured,
                "returned": hold.returned,
                "closed_at": hold.closed_at,
            },
        )


def _tell_what_ended(account: Account, changes: Changes) -> None:
    """Write an event for each lot that expired and each hold that was released by time.

    Whoever touches the account first finds them due, a sweep or a request.
    """
    for entry in account.entries:
        if entry["kind"] == "expire":
            data = {"points": -entry["points"], "entry": entry["id"]}
            _event(account, changes, "expired", data, entry["occurred_at"])
    for hold in account.changed_holds.values():
        if hold.state == "expired":
            data = {"points": hold.units, "reservation": hold.id}
            _event(account, changes, "released", data, hold.expires_at)


def _event(
    account: Account, changes: Changes, verb: str, data: dict[str, Any], occurred_at: datetime
) -> None:
    """Name the event for the account: of a member's points, or of a voucher's value."""
    of_member = account.unit == POINTS
    events.record(
        changes,
        f"{POINTS if of_member else 'voucher'}.{verb}",
        program_id=account.program_id,
        member_id=account.owner_id if of_member else None,
        data=data if of_member else {**data, "voucher": account.owner_id, "unit": account.unit},
        request_id=account.stamp.request_id,
        occurred_at=occurred_at,
        now=account.stamp.now,
    )


def _lot_row(account: Account, lot: Lot) -> dict[str, Any]:
    return {
        "account_id": account.id,
        "number": lot.number,
        "granted": lot.granted,
        "remaining": lot.remaining,
        "held": lot.held,
        "expired": lot.expired,
        "settled": lot.settled,
        "available_at": lot.available_at,
        "expires_at": lot.expires_at,
        "source_type": lot.source_type,
        "source_id": lot.source_id,
    }
