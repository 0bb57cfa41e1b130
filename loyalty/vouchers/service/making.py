"""Vouchers that the shop issues itself, one or thousands at once, and takes back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.foundation import audit, db, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError, Problem
from loyalty.ledger.book import Book, stamp_of
from loyalty.members import accounts
from loyalty.members import service as members
from loyalty.members.accounts import MemberAccount
from loyalty.programs import service as programs
from loyalty.vouchers import codes, queries, rules
from loyalty.vouchers.service import issuing, reading, refusing
from loyalty.vouchers.terms import vouchers_of


class VoucherNotFound(Problem):
    """No such voucher in this program."""

    code = "voucher_not_found"
    status = 404
    title = "There is no such voucher"
    about = "No voucher of this program has that code or id."


class VoucherCodeTaken(Problem):
    """Another voucher has the code."""

    code = "voucher_code_taken"
    status = 409
    title = "Another voucher has this code"
    about = (
        "Codes are unique in a program, upper and lower case, hyphens and spaces ignored, also "
        "among vouchers that are used up. Choose another one, or leave `code` out for a new one."
    )


def issue_voucher(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """Issue one voucher, bound to a member or free; return it in the API's shape.

    `given` is what `rules.terms_for` takes, with `member`, `code` and `country` if there are.
    Raises MemberNotFound, VoucherCodeTaken, UseGestures, VoucherTermsRefused.
    """
    rules.refuse_agents(call, "vouchers")
    connection = db.connection()
    member, current = _member_and_terms(call, given.get("member"))
    country = given.get("country") or (member.country if member else None)
    terms = _terms_for(given, current, country)
    code = given.get("code")
    if code and queries.find_taken_codes(connection, call.program_id, [codes.canonical(code)]):
        raise VoucherCodeTaken(
            f"A voucher of this program has the code {code!r}; choose another one.",
            errors=[FieldError("/code", "must be one that no other voucher has")],
        )
    book, changes = _open(call, current), Changes()
    row = issuing.issue(
        book,
        changes,
        call,
        terms,
        member_id=member.id if member else None,
        source=("api", call.actor),
        now=current.now,
        code=code,
    )
    _audit(changes, call, ("voucher", row["id"]), row, current.now, count=1)
    account = book.accounts[row["account_id"]]
    bound_to = member.external_id if member else None
    shown = reading.shown(row, account, current.now, member=bound_to)
    book.write_into(changes)
    changes.write(connection)
    return shown


def issue_batch(call: Call, given: Mapping[str, Any], *, count: int) -> dict[str, Any]:
    """Issue many free vouchers with the same terms; return the batch's id and their number.

    Raises UseGestures, VoucherTermsRefused.
    """
    rules.refuse_agents(call, "vouchers")
    _, current = _member_and_terms(call, None)
    terms = _terms_for(given, current, given.get("country"))
    batch_id = ids.new_id("bat")
    book, changes = _open(call, current), Changes()
    rows = [
        issuing.issue(
            book,
            changes,
            call,
            terms,
            member_id=None,
            source=("bulk", batch_id),
            now=current.now,
            batch_id=batch_id,
        )
        for _ in range(count)
    ]
    _audit(changes, call, ("batch", batch_id), rows[0], current.now, count=count)
    book.write_into(changes)
    changes.write(db.connection())
    return {"batch": batch_id, "count": count}


def revoke_voucher(call: Call, code: str) -> dict[str, Any]:
    """Take back what is neither spent nor held of a voucher; repeating is harmless.

    `code` may also be the voucher's id. Returns it in the API's shape. Raises VoucherNotFound.
    """
    connection = db.connection()
    found = queries.lock_vouchers(connection, call.program_id, **reading.named(code))
    if not found:
        raise not_found(code)
    [locked] = found
    now = locked.test_now or call.now
    document = programs.terms(call.program_id, locked.version).document
    book, changes = Book(connection, stamp_of(call, now, document)), Changes()
    book.adopt([locked.account])
    book.read(lots_of=[locked.account_id])
    refusing.revoke(book, changes, call, locked, now=now)
    book.write_into(changes)
    changes.write(connection)
    account = book.accounts[locked.account_id]
    return reading.shown(locked.voucher, account, now, member=locked.member)


def not_found(code: str) -> VoucherNotFound:
    """Return the problem that no voucher has this code."""
    return VoucherNotFound(f"There is no voucher {code!r} in this program.")


def _member_and_terms(
    call: Call, external_id: str | None
) -> tuple[MemberAccount | None, programs.Current]:
    """Lock the member, who brings the program's version and time along, or read these alone."""
    if external_id is None:
        return None, programs.current(call.program_id, call.now)
    found = accounts.lock(db.connection(), call.program_id, [external_id]).get(external_id)
    if found is None:
        raise members.not_found(external_id)
    terms = programs.terms(call.program_id, found.version)
    return found, programs.Current(terms, found.test_now or call.now)


def _terms_for(
    given: Mapping[str, Any], current: programs.Current, country: str | None
) -> dict[str, Any]:
    return rules.terms_for(
        given,
        terms=vouchers_of(current.terms.program_id, current.terms.version),
        about=current.terms.document["program"],
        country=country,
        now=current.now,
    )


def _open(call: Call, current: programs.Current) -> Book:
    return Book(db.connection(), stamp_of(call, current.now, current.terms.document))


def _audit(
    changes: Changes,
    call: Call,
    subject: tuple[str, str],
    row: Mapping[str, Any],
    now: datetime,
    *,
    count: int,
) -> None:
    data = {
        "kind": row["kind"],
        "class": row["class"],
        "units": reading.issued_units(row),
        "member": row["member_id"],
        "count": count,
    }
    audit.record(changes, call, f"{subject[0]}.issued", subject=subject, now=now, data=data)
