"""Opening balances: points that members bring along from elsewhere, each recorded once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from loyalty.earning.terms import compile_terms
from loyalty.foundation import db, events, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError, Problem
from loyalty.ledger import kernel
from loyalty.ledger.book import POINTS, Book, stamp_of
from loyalty.ledger.state import Posting
from loyalty.members import accounts
from loyalty.members import service as members
from loyalty.points import queries
from loyalty.points.models import Opening
from loyalty.programs import service as programs

Input = Mapping[str, Any]


class OpeningConflict(Problem):
    """The id was used for another opening balance."""

    code = "opening_conflict"
    status = 409
    title = "Another opening balance has this id"
    about = (
        "An opening balance with the same id but another member, other points or another expiry "
        "was recorded before; it was left as it is. Correct it with an adjustment."
    )


class OpeningExpired(Problem):
    """The points are worth nothing any more."""

    code = "opening_expired"
    status = 422
    title = "These points have expired already"
    about = "Points that a member brings along must still be good; leave out those that expired."


class Outcome(NamedTuple):
    """What became of one opening balance: recorded, recorded before, or refused."""

    replayed: bool
    problem: Problem | None = None


def record_openings(call: Call, openings: Sequence[Input]) -> list[Outcome]:
    """Grant opening balances, each as a lot of its own; return one outcome each, in their order.

    Each is a mapping as `schemas.NewOpening` loads it. Unknown members join,
    also where the program otherwise asks them to. Without `expires_at` points
    expire as if they were earned now.
    """
    desk = _open(call, openings)
    outcomes = [_record(desk, opening) for opening in openings]
    desk.book.write_into(desk.changes)
    desk.changes.write(desk.book.connection)
    return outcomes


@dataclass(slots=True)
class _Desk:
    """The members concerned, under lock, and the openings that were seen before."""

    call: Call
    now: datetime
    expires_at: datetime | None
    book: Book
    changes: Changes
    account_ids: dict[str, str]
    seen: dict[str, str]


def _open(call: Call, openings: Sequence[Input]) -> _Desk:
    connection = db.connection()
    found = accounts.lock(connection, call.program_id, {one["member"] for one in openings})
    current = programs.current(call.program_id, call.now)
    book = Book(connection, stamp_of(call, current.now, current.terms.document))
    book.adopt(member.account for member in found.values())
    book.read()
    return _Desk(
        call=call,
        now=current.now,
        expires_at=compile_terms(current.terms.document).schedule(current.now)[1],
        book=book,
        changes=Changes(),
        account_ids={asked_for: member.account_id for asked_for, member in found.items()},
        seen=queries.find_openings(connection, call.program_id, {one["id"] for one in openings}),
    )


def _record(desk: _Desk, opening: Input) -> Outcome:
    content = _fingerprint(opening)
    before = desk.seen.get(opening["id"])
    if before is not None:
        problem = None if before == content else _conflict(opening)
        return Outcome(replayed=problem is None, problem=problem)
    if opening["expires_at"] is not None and opening["expires_at"] <= desk.now:
        detail = "must lie in the future"
        return Outcome(
            replayed=False,
            problem=OpeningExpired(
                "The points have expired already.", errors=[FieldError("/expires_at", detail)]
            ),
        )
    account_id = desk.account_ids.get(opening["member"])
    if account_id is not None:  # a newcomer has room for whatever a number can tell
        try:
            kernel.require_room(desk.book.accounts[account_id], opening["points"])
        except kernel.BalanceTooLarge as problem:
            return Outcome(replayed=False, problem=problem)
    account_id = account_id or _enrol(desk, opening)
    desk.seen[opening["id"]] = content
    _grant(desk, account_id, opening, content)
    return Outcome(replayed=False)


def _enrol(desk: _Desk, opening: Input) -> str:
    account_id = ids.new_id("acc")
    program_id = desk.call.program_id
    member = members.enrol(
        desk.changes,
        program_id=program_id,
        external_id=opening["member"],
        now=desk.now,
        account_id=account_id,
        email=opening["email"],
        name=opening["name"],
    )
    desk.book.open_account(
        account_id=account_id, owner_id=member["id"], program_id=program_id, unit=POINTS
    )
    desk.account_ids[opening["member"]] = account_id
    return account_id


def _grant(desk: _Desk, account_id: str, opening: Input, content: str) -> None:
    account, points = desk.book.accounts[account_id], opening["points"]
    text = f"{desk.book.stamp.count(points)} brought along."
    posting = Posting("opening", "opening", opening["id"], text, desk.now)
    expires_at = opening["expires_at"] or desk.expires_at
    kernel.grant(account, points, posting, available_at=desk.now, expires_at=expires_at)
    desk.changes.insert(
        Opening,
        {
            "program_id": desk.call.program_id,
            "external_id": opening["id"],
            "account_id": account_id,
            "fingerprint": content,
            "points": points,
            "recorded_at": desk.now,
        },
    )
    events.record(
        desk.changes,
        "points.opened",
        program_id=desk.call.program_id,
        member_id=account.owner_id,
        data={"opening": opening["id"], "points": points, "expires_at": expires_at},
        request_id=desk.call.request_id,
        occurred_at=desk.now,
        now=desk.now,
    )


def _fingerprint(opening: Input) -> str:
    content = orjson.dumps([opening["member"], opening["points"], opening["expires_at"]])
    return hashlib.sha256(content).hexdigest()


def _conflict(opening: Input) -> OpeningConflict:
    return OpeningConflict(
        f"Opening balance {opening['id']!r} was recorded before with other content."
    )
