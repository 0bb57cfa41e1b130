"""Balances and history of members, adjustments by hand, and transfers between members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from loyalty.earning.terms import EarningTerms, compile_terms
from loyalty.foundation import audit, db, events, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError, Problem
from loyalty.ledger import kernel, reading
from loyalty.ledger.book import Book, stamp_of
from loyalty.ledger.state import Posting
from loyalty.members import accounts
from loyalty.members import service as members
from loyalty.members.accounts import MemberAccount
from loyalty.points import queries
from loyalty.points.models import EntryNote
from loyalty.programs import service as programs
from loyalty.redemption.terms import RedemptionTerms, compile_redemption
from loyalty.vouchers.rules import refuse_agents


class EntryNotFound(Problem):
    """No such entry in this program."""

    code = "entry_not_found"
    status = 404
    title = "There is no such entry"
    about = "No entry of this program has that id."


class TransferRefused(Problem):
    """The transfer makes no sense."""

    code = "transfer_refused"
    status = 422
    title = "The points cannot be transferred like this"
    about = "Points are transferred between two different members of the same program."


class Asked(NamedTuple):
    """Whose balance a caller asks for: as it was or will be at `as_of`, or now."""

    call: Call
    external_id: str
    as_of: datetime | None = None


def get_balance(call: Call, external_id: str) -> dict[str, Any]:
    """Return one member's points now. Raises `MemberNotFound`."""
    (found,) = get_balances([Asked(call, external_id)])
    if isinstance(found, Problem):
        raise found
    return found


def get_balances(asked: Sequence[Asked]) -> list[dict[str, Any] | members.MemberNotFound]:
    """Return members' points now, as they were, or as time alone will make them."""
    found = {
        program_id: accounts.find_with_lots(
            db.connection(),
            program_id,
            {one.external_id for one in asked if one.call.program_id == program_id},
        )
        for program_id in {one.call.program_id for one in asked}
    }
    return [_balance(one, found[one.call.program_id].get(one.external_id)) for one in asked]


def _balance(
    asked: Asked, found: tuple[MemberAccount, Any, Any] | None
) -> dict[str, Any] | members.MemberNotFound:
    if found is None:
        return members.not_found(asked.external_id)
    member, lots, holds = found
    now = member.test_now or asked.call.now
    if asked.as_of is not None and asked.as_of < now:
        account = reading.account_as_it_was(db.connection(), member.account, asked.as_of)
    else:
        account = reading.account_at(member.account, lots, holds, asked.as_of or now)
    return {
        "member": member.external_id,
        **reading.as_mapping(reading.balance(account)),
        "worth": _worth(asked.call, member, account.available),
    }


def list_entries(
    call: Call, external_id: str, *, before: int | None, limit: int
) -> Sequence[Mapping[Any, Any]]:
    """Return up to `limit` entries of a member, newest first, from below a running number."""
    found = accounts.find(db.connection(), call.program_id, [external_id]).get(external_id)
    if found is None:
        raise members.not_found(external_id)
    return queries.list_entries(db.connection(), found.account_id, before=before, limit=limit)


def get_entry(call: Call, entry_id: str) -> Mapping[Any, Any]:
    """Return one entry. Raises `EntryNotFound`."""
    found = queries.find_entry(db.connection(), call.program_id, entry_id)
    if found is None:
        raise EntryNotFound(f"There is no entry {entry_id!r} in this program.")
    return found


def adjust(
    call: Call, external_id: str, *, points: int, reason: str, note: str | None = None
) -> dict[str, Any]:
    """Add points (positive) or take available ones (negative); return the entry.

    Added points are available at once and expire as earned ones do. Raises
    `MemberNotFound`, `InsufficientPoints`, and `UseGestures` where a person would add points.
    """
    if points > 0:
        refuse_agents(call, "points")
    desk = _open(call, [external_id])
    member = desk.members[external_id]
    account = desk.book.accounts[member.account_id]
    text = f"{desk.book.stamp.count(abs(points))} {'added' if points > 0 else 'taken'} by the shop."
    posting = Posting("adjust", "adjustment", ids.new_id("adj"), text, desk.now)
    if points > 0:
        _, expires_at = desk.earning.schedule(desk.now)
        kernel.grant(account, points, posting, available_at=desk.now, expires_at=expires_at)
    else:
        kernel.take(account, -points, posting)
    entry = next(one for one in account.entries if one["source_id"] == posting.source_id)
    desk.changes.insert(
        EntryNote,
        {"entry_id": entry["id"], "account_id": account.id, "reason": reason, "note": note},
    )
    desk.event("points.adjusted", member, {"points": points})
    desk.audit("points.adjusted", member, {"points": points, "entry": entry["id"]})
    desk.write()
    return {**entry, "reason": reason, "note": note}


def transfer(call: Call, external_id: str, *, to: str, points: int) -> dict[str, Any]:
    """Move available points to another member, with their expiry; return both entries.

    Raises `MemberNotFound`, `TransferRefused`, `InsufficientPoints`.
    """
    desk = _open(call, [external_id, to])
    giver, taker = desk.members[external_id], desk.members[to]
    if giver.id == taker.id:
        raise TransferRefused(
            "Giver and receiver are the same member.",
            errors=[FieldError("/to", "must be another member")],
        )
    source, target = (desk.book.accounts[one.account_id] for one in (giver, taker))
    transfer_id = ids.new_id("trf")
    count = desk.book.stamp.count(points)
    out = Posting(
        "transfer_out", "transfer", transfer_id, f"{count} given to another member.",
        desk.now, counterpart=target.id,
    )  # fmt: skip
    arrived = Posting(
        "transfer_in", "transfer", transfer_id, f"{count} received from another member.",
        desk.now, counterpart=source.id,
    )  # fmt: skip
    kernel.transfer(source, target, points, out, arrived)
    desk.event("points.transferred", giver, {"transfer": transfer_id, "points": -points})
    desk.audit("points.transferred", giver, {"transfer": transfer_id, "points": points})
    desk.event("points.transferred", taker, {"transfer": transfer_id, "points": points})
    desk.write()
    entries = {
        kind: next(
            {**one, "reason": None, "note": None}
            for one in account.entries
            if one["source_id"] == transfer_id
        )
        for kind, account in (("out", source), ("in", target))
    }
    return {"id": transfer_id, "points": points, "from": external_id, "to": to, **entries}


class _Desk:
    """The members of a movement under lock, with their accounts."""

    def __init__(self, call: Call, found: dict[str, MemberAccount]) -> None:
        first = next(iter(found.values()))
        self.call, self.members, self.changes = call, found, Changes()
        self.now = first.test_now or call.now
        self.earning = _earning(call.program_id, first.version)
        document = programs.terms(call.program_id, first.version).document
        self.book = Book(db.connection(), stamp_of(call, self.now, document))
        self.book.adopt(member.account for member in found.values())
        self.book.read(lots_of={member.account_id for member in found.values()})

    def event(self, name: str, member: MemberAccount, data: dict[str, Any]) -> None:
        events.record(
            self.changes,
            name,
            program_id=self.call.program_id,
            member_id=member.id,
            data=data,
            request_id=self.call.request_id,
            occurred_at=self.now,
            now=self.now,
        )

    def audit(self, action: str, member: MemberAccount, data: dict[str, Any]) -> None:
        subject = ("member", member.id)
        audit.record(self.changes, self.call, action, subject=subject, now=self.now, data=data)

    def write(self) -> None:
        self.book.write_into(self.changes)
        self.changes.write(self.book.connection)


def _open(call: Call, external_ids: Sequence[str]) -> _Desk:
    found = accounts.lock(db.connection(), call.program_id, external_ids)
    for external_id in external_ids:
        if external_id not in found:
            raise members.not_found(external_id)
    return _Desk(call, found)


def _worth(call: Call, member: MemberAccount, points: int) -> dict[str, Any] | None:
    terms = _redemption(call.program_id, member.version)
    if terms is None:
        return None
    amount = terms.worth(points)
    if amount > kernel.MOST:  # more than JSON keeps exactly: better nothing than a wrong number
        return None
    return {"amount": amount, "currency": terms.currency}


@lru_cache(maxsize=512)
def _redemption(program_id: str, version: int) -> RedemptionTerms | None:
    return compile_redemption(programs.terms(program_id, version).document)


@lru_cache(maxsize=512)
def _earning(program_id: str, version: int) -> EarningTerms:
    return compile_terms(programs.terms(program_id, version).document)
