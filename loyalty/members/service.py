"""Enrolling, changing and finding members.

Merging them is the matter of `merging`, exporting and erasing of `dossier`; statistics are kept by
the orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from loyalty.foundation import audit, db, idempotency, ids, problems
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger import book
from loyalty.ledger.models import Account
from loyalty.members import identity, queries
from loyalty.members.models import ACTIVE, ERASED, MERGED, Member
from loyalty.members.queries import Row

CLEARABLE = ("name", "phone", "birthday", "locale", "country", "contact", "metadata")


class MemberNotFound(problems.Problem):
    """No member has this external id."""

    code = "member_not_found"
    status = 404
    title = "There is no such member"
    about = (
        "No member of this program has that id. `PUT /v1/members/{external_id}` enrols one; ids "
        "are the shop's own and are compared letter by letter."
    )


class MemberMerged(problems.Problem):
    """The member became another one."""

    code = "member_merged"
    status = 409
    title = "This member was merged into another"
    about = (
        "The member is only a pointer now; `merged_into` names the member that holds the points. "
        "Use that one."
    )


class MemberErased(problems.Problem):
    """The person asked to be forgotten."""

    code = "member_erased"
    status = 409
    title = "This member was erased"
    about = (
        "Nothing personal of this member is kept, and nothing can be earned or redeemed any more. "
        "The same person may be enrolled anew and starts from zero."
    )


class ReferralCodeTaken(problems.Problem):
    """Two members cannot share a code."""

    code = "referral_code_taken"
    status = 409
    title = "This referral code belongs to another member"
    about = "A referral code names one member of a program. Choose another, or leave it out."


def enrol(
    changes: Changes,
    *,
    program_id: str,
    external_id: str,
    now: datetime,
    member_id: str | None = None,
    account_id: str | None = None,
    email: str | None = None,
    name: str | None = None,
    phone: str | None = None,
    birthday: date | None = None,
    locale: str | None = None,
    country: str | None = None,
    joined_at: datetime | None = None,
    referral_code: str | None = None,
    contact: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Row:
    """Add a new member and their empty points account to the changes; return the member's row.

    No statement is run, and the row may be changed until the changes are
    written. Whether the id and the code are free is for the caller to know; the
    database insists.
    """
    member_id = member_id or ids.new_id("mbr")
    row: Row = {
        "id": member_id,
        "program_id": program_id,
        "external_id": external_id,
        "status": ACTIVE,
        "email": email,
        "email_key": identity.email_key(email) if email else None,
        "name": name,
        "phone": phone,
        "birthday": birthday,
        "locale": locale,
        "country": country,
        "joined_at": joined_at or now,
        "referral_code": referral_code or identity.new_referral_code(name),
        "contact": contact,
        "metadata": metadata,
        "tier": None,
        "tier_until": None,
        "orders": 0,
        "spend": 0,
        "last_order_at": None,
        "referral_pending": False,
        "merged_into": None,
        "created_at": now,
        "updated_at": now,
    }
    changes.insert(Member, row)
    changes.insert(
        Account,
        book.new_account(
            account_id=account_id or ids.new_id("acc"),
            owner_id=member_id,
            program_id=program_id,
            unit="points",
        ),
    )
    return row


def put_member(call: Call, external_id: str, profile: Mapping[str, Any]) -> tuple[Row, bool]:
    """Enrol a member, or set the given fields of one; None clears a field.

    Returns the member and whether it is new. Raises `MemberMerged`,
    `MemberErased`, `ReferralCodeTaken`.
    """
    now = queries.get_program(call.program_id).test_now or call.now
    row = queries.lock_members(call.program_id, [external_id]).get(external_id)
    if row is not None:
        refuse_former(row)
        idempotency.concerns(row["id"])
    if profile.get("referral_code"):
        _refuse_taken(call.program_id, profile["referral_code"], external_id)
    if row is not None:
        return _update(call, row, profile, now), False
    changes = Changes()
    new = enrol(changes, program_id=call.program_id, external_id=external_id, now=now, **profile)
    audit.record(changes, call, "member.enrolled", subject=("member", new["id"]), now=now)
    changes.write(db.connection())
    idempotency.concerns(new["id"])
    return new, True


def get_member(call: Call, external_id: str) -> Row:
    """Return a member, also a merged one. Raises `MemberNotFound`."""
    row = queries.find_member(call.program_id, external_id)
    if row is None:
        raise not_found(external_id)
    return row


def get_active_member(call: Call, external_id: str) -> Row:
    """Return a member that can act. Raises `MemberNotFound`, `MemberMerged`, `MemberErased`."""
    row = get_member(call, external_id)
    refuse_former(row)
    return row


def list_members(call: Call, *, email: str | None, before: str | None, limit: int) -> list[Row]:
    """Return up to `limit` members, newest first, from below an id; `email` names one mailbox."""
    key = None if email is None else identity.email_key(email)
    return queries.list_members(call.program_id, email_key=key, before=before, limit=limit)


def refuse_former(row: Row) -> None:
    """Raise `MemberErased` or `MemberMerged` for a member that can change no more."""
    if row["status"] == ERASED:
        raise MemberErased(f"The member {row['external_id']!r} was erased; enrol them anew.")
    if row["status"] == MERGED:
        raise merged(
            row["external_id"], queries.find_external_id(row["program_id"], row["merged_into"])
        )


def merged(external_id: str, into: str | None) -> MemberMerged:
    """Return the problem that a member is only a pointer to another one."""
    return MemberMerged(
        f"The member {external_id!r} was merged into {into!r}; use that one.", merged_into=into
    )


def not_found(external_id: str) -> MemberNotFound:
    """Return the problem that nobody has this id."""
    return MemberNotFound(f"There is no member {external_id!r} in this program.")


def _refuse_taken(program_id: str, code: str, external_id: str) -> None:
    holder = queries.find_referral_code_holder(program_id, code)
    if holder not in {None, external_id}:
        raise ReferralCodeTaken(
            f"The referral code {code!r} belongs to another member; choose another one."
        )


def _update(call: Call, row: Row, profile: Mapping[str, Any], now: datetime) -> Row:
    values = {name: profile[name] for name in CLEARABLE if name in profile}
    if "email" in profile:
        email = profile["email"]
        values |= {"email": email, "email_key": identity.email_key(email) if email else None}
    if profile.get("joined_at"):
        values["joined_at"] = profile["joined_at"]
    if "referral_code" in profile:
        name = profile.get("name", row["name"])
        values["referral_code"] = profile["referral_code"] or identity.new_referral_code(name)
    changed = {name: value for name, value in values.items() if row[name] != value}
    if not changed:
        return row
    fields = {"fields": sorted(changed)}
    changed["updated_at"] = now
    changes = Changes()
    changes.update(Member, {"id": row["id"], **changed})
    about = ("member", row["id"])
    audit.record(changes, call, "member.changed", subject=about, now=now, data=fields)
    changes.write(db.connection())
    return {**row, **changed}
