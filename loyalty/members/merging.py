"""Two members that are one person become one: value moves once, a pointer stays.

What the target's profile says is kept; the source keeps its own until it is
erased together with the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.foundation import audit, db, events, problems
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger import kernel
from loyalty.ledger import merging as ledger
from loyalty.ledger.book import Book, stamp_of
from loyalty.members import accounts, parts, queries, service
from loyalty.members.accounts import MemberAccount
from loyalty.members.models import MERGED, Member
from loyalty.members.queries import Row


class MergeRefused(problems.Problem):
    """A member cannot become itself, directly or in a circle."""

    code = "merge_refused"
    status = 422
    title = "These members cannot be merged"
    about = (
        "A member is merged into another one, so `into` may name neither the member itself nor "
        "one that was merged into it before."
    )


def merge_member(call: Call, external_id: str, *, into: str, document: Mapping[str, Any]) -> Row:
    """Merge a member into another one, and return the one that stays.

    A target that was merged itself stands for the one it became, and whatever
    was merged into the source then points at the target. Repeating it changes
    nothing. `document` is the program's, for the ledger's words. Raises
    `MemberNotFound`, `MergeRefused`, and `MemberMerged` for a source that went
    elsewhere.
    """
    found = accounts.lock(db.connection(), call.program_id, [external_id, into])
    for asked in (external_id, into):
        if asked not in found:
            raise service.not_found(asked)
    source, target = found[external_id], found[into]
    was_merged = source.external_id != external_id
    if external_id == into or (source.id == target.id and not was_merged):
        detail = "must be another member than the one that is merged"
        raise MergeRefused(
            f"`into` {detail}: {into!r} is {external_id!r}, or was merged into it.",
            errors=[problems.FieldError("/into", detail)],
        )
    if was_merged and source.id != target.id:
        raise service.merged(external_id, source.external_id)
    if not was_merged:
        _merge(call, source, target, document)
    return service.get_member(call, target.external_id)


def _merge(
    call: Call, source: MemberAccount, target: MemberAccount, document: Mapping[str, Any]
) -> None:
    if source.spend + target.spend > kernel.MOST:
        raise MergeRefused(f"Together they would have spent more than {kernel.MOST:,}.")
    now = target.test_now or call.now
    changes = Changes()
    book = Book(db.connection(), stamp_of(call, now, document))
    book.adopt([source.account, target.account])
    ledger.move_all(book, source.account_id, target.account_id)
    book.write_into(changes)
    changes.update(Member, _pointer(source, target, now), _sum(source, target, now))
    events.record(
        changes,
        "member.merged",
        program_id=call.program_id,
        member_id=target.id,
        data={"source": source.id},
        request_id=call.request_id,
        occurred_at=now,
        now=now,
    )
    subject, data = ("member", target.id), {"source": source.id}
    audit.record(changes, call, "member.merged", subject=subject, now=now, data=data)
    changes.write(db.connection())
    queries.repoint(source.id, target.id)
    for part in parts.list_parts():
        part.merge(call, source.id, target.id)


def _pointer(source: MemberAccount, target: MemberAccount, now: datetime) -> Row:
    return {
        "id": source.id,
        "status": MERGED,
        "merged_into": target.id,
        "joined_at": source.joined_at,
        "orders": 0,
        "spend": 0,
        "last_order_at": None,
        "updated_at": now,
    }


def _sum(source: MemberAccount, target: MemberAccount, now: datetime) -> Row:
    times = [at for at in (source.last_order_at, target.last_order_at) if at is not None]
    return {
        "id": target.id,
        "status": target.status,
        "merged_into": None,
        "joined_at": min(source.joined_at, target.joined_at),
        "orders": source.orders + target.orders,
        "spend": source.spend + target.spend,
        "last_order_at": max(times, default=None),
        "updated_at": now,
    }
