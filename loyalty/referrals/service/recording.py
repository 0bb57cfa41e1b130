"""Recording that a member brought somebody, with whatever speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from loyalty.foundation import audit, db, idempotency, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError, Problem
from loyalty.ledger.book import Book, stamp_of
from loyalty.members import accounts, identity
from loyalty.members import service as members
from loyalty.members.accounts import MemberAccount
from loyalty.referrals import queries, signals
from loyalty.referrals.flags import Person, Verdict, judge
from loyalty.referrals.models import ReferralSignal
from loyalty.referrals.service import reading, rows
from loyalty.referrals.service.rows import Work
from loyalty.referrals.terms import ReferralTerms, referral_terms


class ReferralsOff(Problem):
    """The program has no terms for referrals."""

    code = "referrals_off"
    status = 422
    title = "The program rewards no referrals"
    about = "The program document has no `[referrals]`; add what both sides get, and try again."


class ReferralCodeUnknown(Problem):
    """Nobody has this code."""

    code = "referral_code_unknown"
    status = 404
    title = "No member has this referral code"
    about = (
        "A referral code is a member's own; `GET /v1/members/{external_id}/referral` shows it. "
        "Upper and lower case are the same."
    )


class AlreadyReferred(Problem):
    """Somebody else brought the referee."""

    code = "already_referred"
    status = 409
    title = "Somebody else has brought this person"
    about = (
        "A person is brought once, by whoever was first; another id with the same mailbox is the "
        "same person. The first referral was left as it is."
    )


class _Given(NamedTuple):
    """What a caller tells about a referral."""

    code: str
    referee: Mapping[str, Any]
    digests: Mapping[str, str]
    advocate_digests: Mapping[str, str]


def record_referral(
    call: Call,
    *,
    code: str,
    referee: Mapping[str, Any],
    signals: Mapping[str, str | None] | None = None,
    advocate_signals: Mapping[str, str | None] | None = None,
    pepper: str,
) -> tuple[dict[str, Any], bool]:
    """Record that the holder of a code brought somebody; return it and whether it was known.

    `referee` has `external_id` and maybe `email`, `name` and `phone`; an unknown one joins. What
    speaks against the referral makes it `flagged` or `rejected`. Raises `ReferralCodeUnknown`,
    `ReferralsOff`, `MemberNotFound`, `AlreadyReferred`.
    """
    connection = db.connection()
    code, name = identity.referral_code_key(code), referee["external_id"]
    holder = queries.find_by_codes(connection, call.program_id, [code]).get(code)
    if holder is None:
        raise ReferralCodeUnknown(
            f"No member of this program has the referral code {code!r}.",
            errors=[FieldError("/code", "must be the code of a member")],
        )
    found = accounts.lock(connection, call.program_id, {holder.external_id, name})
    advocate, member = found.get(holder.external_id), found.get(name)
    if advocate is None or advocate.id != holder.id:
        raise db.LostUpdate("the advocate was erased or merged while they were waited for")
    terms, now = _terms(call, advocate)
    before = _find_before(member, advocate)
    if before is None and member is None and not terms.enrols:
        raise members.not_found(name)
    work = Work(Book(connection, stamp_of(call, now, terms.document)), Changes(), call, now)
    if before is None:
        given = _Given(
            code,
            referee,
            _digests(call, {**(signals or {}), "phone": referee.get("phone")}, pepper),
            _digests(call, advocate_signals or {}, pepper),
        )
        before = _record(work, given, advocate, member)
        is_known = False
    else:
        is_known = True
        idempotency.concerns(before["referee_id"])
    return reading.show(call, before["id"], now), is_known


def _digests(call: Call, given: Mapping[str, str | None], pepper: str) -> dict[str, str]:
    return signals.digests(call.program_id, given, pepper)


def _terms(call: Call, member: MemberAccount) -> tuple[ReferralTerms, Any]:
    terms = referral_terms(call.program_id, member.version)
    if terms is None:
        raise ReferralsOff("This program rewards no referrals; its document has no [referrals].")
    return terms, member.test_now or call.now


def _find_before(member: MemberAccount | None, advocate: MemberAccount) -> dict[str, Any] | None:
    """Return how the referee was brought by the same advocate; refuse a second advocate."""
    if member is None:
        return None
    before = queries.list_of_referees(db.connection(), [member.id]).get(member.id)
    if before is not None and before["advocate_id"] != advocate.id:
        raise _already(member.external_id)
    return before


def _record(
    work: Work, given: _Given, advocate: MemberAccount, member: MemberAccount | None
) -> dict[str, Any]:
    referee_id = member.id if member else ids.new_id("mbr")
    verdict = _judge(work, given, advocate, member, referee_id)
    if member is None:
        members.enrol(
            work.changes,
            program_id=work.call.program_id,
            now=work.now,
            member_id=referee_id,
            **given.referee,
        )
    row = rows.add_referral(
        work, advocate_id=advocate.id, referee_id=referee_id, code=given.code, verdict=verdict
    )
    seen = {(referee_id, *one) for one in given.digests.items()}
    seen |= {(advocate.id, *one) for one in given.advocate_digests.items()}
    _remember(work, seen)
    subject = ("referral", row["id"])
    data = {"advocate": advocate.id, "referee": referee_id, "state": row["state"]}
    audit.record(
        work.changes, work.call, "referral.recorded", subject=subject, now=work.now, data=data
    )
    work.changes.write(work.book.connection)
    idempotency.concerns(referee_id)
    return row


def _judge(
    work: Work,
    given: _Given,
    advocate: MemberAccount,
    member: MemberAccount | None,
    referee_id: str,
) -> Verdict:
    connection, program_id = work.book.connection, work.call.program_id
    known = {advocate.id} | ({member.id} if member else set())
    persons = queries.find_persons(connection, known)
    referee = _person(referee_id, given.referee, persons.get(referee_id))
    alike = queries.find_alike(connection, program_id, referee.email_keys).values()
    if any(one.referred - {referee_id} for one in alike):
        raise _already(given.referee["external_id"])
    same, shared = queries.find_shared(
        connection, program_id, given.digests, advocate_id=advocate.id, referee_id=referee_id
    )
    same |= {
        kind for kind in given.digests if given.digests[kind] == given.advocate_digests.get(kind)
    }
    if any(advocate.id in one.member_ids for one in alike):
        same.add("email")
    return judge(
        persons[advocate.id],
        referee,
        bought=bool(member and member.orders) or any(one.buyers for one in alike),
        like_advocate=same,
        like_others=shared - same,
    )


def _person(referee_id: str, given: Mapping[str, Any], known: Person | None) -> Person:
    """Return what tells the referee apart: what is on record, and what is told now."""
    email, phone = given.get("email"), signals.phone_key(given.get("phone"))
    emails = {identity.email_key(email)} if email else set()
    phones = {phone} if phone else set()
    if known is not None:
        emails, phones = emails | known.email_keys, phones | known.phone_keys
    return Person(referee_id, frozenset(emails), frozenset(phones))


def _remember(work: Work, seen: set[Any]) -> None:
    known = queries.list_known_signals(work.book.connection, {one[0] for one in seen})
    work.changes.insert(
        ReferralSignal,
        *(
            {
                "member_id": member_id,
                "kind": kind,
                "digest": digest,
                "program_id": work.call.program_id,
                "created_at": work.now,
            }
            for member_id, kind, digest in sorted(seen - known)
        ),
    )


def _already(external_id: str) -> AlreadyReferred:
    return AlreadyReferred(f"The person {external_id!r} was brought by another member before.")
