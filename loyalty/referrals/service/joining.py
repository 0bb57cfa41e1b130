"""What becomes of referrals when two members turn out to be one person, or one is forgotten."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, or_, select, update

from loyalty.foundation import db
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.db import table_of
from loyalty.ledger.book import Book, stamp_of
from loyalty.members.models import Member
from loyalty.programs import service as programs
from loyalty.referrals import flags
from loyalty.referrals.models import FLAGGED, PENDING, QUALIFIED, REJECTED
from loyalty.referrals.queries import REFERRAL, SIGNAL
from loyalty.referrals.service import following, rows
from loyalty.referrals.service.rows import Row, Work
from loyalty.referrals.terms import referral_terms


def merge_members(call: Call, source_id: str, target_id: str) -> None:
    """Move what the source brought, and how it was brought, to the target, once.

    The first way in which the person was brought stays. Where one had brought the other, nothing
    is rewarded: what was given is taken back.
    """
    connection, current = db.connection(), programs.current(call.program_id, call.now)
    book = Book(connection, stamp_of(call, current.now, current.terms.document))
    work = Work(book, Changes(), call, current.now)
    _end_what_joins(work, source_id, target_id)
    book.write_into(work.changes)
    work.changes.write(connection)
    _move_referrals(source_id, target_id)
    _move_signals(source_id, target_id)
    waits = (
        select(REFERRAL.c.id)
        .where(
            REFERRAL.c.referee_id == target_id,
            REFERRAL.c.state.in_((PENDING, FLAGGED)),
            REFERRAL.c.order_ref.is_(None),
        )
        .exists()
    )
    member = table_of(Member)
    connection.execute(
        update(member).where(member.c.id == target_id).values(referral_pending=waits)
    )


def erase_members(call: Call, member_ids: Sequence[str]) -> None:
    """Forget codes, notes and signals of these members; what was given stays given.

    What they had not been rewarded for yet never will be.
    """
    connection, current = db.connection(), programs.current(call.program_id, call.now)
    of_them = or_(REFERRAL.c.advocate_id.in_(member_ids), REFERRAL.c.referee_id.in_(member_ids))
    found = connection.execute(
        select(REFERRAL).where(of_them, REFERRAL.c.state.in_((PENDING, FLAGGED)))
    ).mappings()
    book = Book(connection, stamp_of(call, current.now, current.terms.document))
    work = Work(book, Changes(), call, current.now)
    for row in [dict(row) for row in found]:
        _reject(work, row, flags.GONE)
    work.changes.write(connection)
    connection.execute(update(REFERRAL).where(of_them).values(code=None, note=None))
    connection.execute(delete(SIGNAL).where(SIGNAL.c.member_id.in_(member_ids)))


def _end_what_joins(work: Work, source_id: str, target_id: str) -> None:
    """End referrals of one by the other, and the later way in which the person was brought."""
    both = (source_id, target_id)
    found = work.book.connection.execute(
        select(REFERRAL).where(REFERRAL.c.referee_id.in_(both)).order_by(REFERRAL.c.id)
    ).mappings()
    brought = [dict(row) for row in found]
    first = min(brought, key=lambda row: (_is_open(row), row["id"]), default=None)
    for row in brought:
        if row["advocate_id"] in both:
            _end(work, row, flags.SELF)
        elif row is not first and _is_open(row):
            _reject(work, row, flags.TWICE)


def _end(work: Work, row: Row, flag: str) -> None:
    if _is_open(row):
        _reject(work, row, flag)
    elif row["state"] == QUALIFIED:
        terms = referral_terms(work.call.program_id, row["terms_version"])
        if terms is not None:
            sides = following.lock(work, row)
            following.void(work, row, sides, terms, why=following.ONE_PERSON)
            rows.change(work, row, {"flags": flags.in_order({*row["flags"], flag})})


def _is_open(row: Row) -> bool:
    """Whether nothing has been given for it, but might be."""
    return row["state"] in (PENDING, FLAGGED)


def _reject(work: Work, row: Row, flag: str) -> None:
    rows.add_flag(work, row, flag, REJECTED)
    work.changes.update(Member, {"id": row["referee_id"], "referral_pending": False})


def _move_referrals(source_id: str, target_id: str) -> None:
    """Move both sides; where both members were rewarded for, the source keeps its own."""
    connection, theirs = db.connection(), REFERRAL.alias("theirs")
    rewarded = select(theirs.c.id).where(
        theirs.c.referee_id == target_id, theirs.c.state != REJECTED
    )
    connection.execute(
        update(REFERRAL).where(REFERRAL.c.advocate_id == source_id).values(advocate_id=target_id)
    )
    connection.execute(
        update(REFERRAL)
        .where(
            REFERRAL.c.referee_id == source_id,
            or_(REFERRAL.c.state == REJECTED, ~rewarded.exists()),
        )
        .values(referee_id=target_id)
    )


def _move_signals(source_id: str, target_id: str) -> None:
    connection, theirs = db.connection(), SIGNAL.alias("theirs")
    known = select(theirs.c.digest).where(
        theirs.c.member_id == target_id,
        theirs.c.kind == SIGNAL.c.kind,
        theirs.c.digest == SIGNAL.c.digest,
    )
    connection.execute(
        update(SIGNAL)
        .where(SIGNAL.c.member_id == source_id, ~known.exists())
        .values(member_id=target_id)
    )
    connection.execute(delete(SIGNAL).where(SIGNAL.c.member_id == source_id))
