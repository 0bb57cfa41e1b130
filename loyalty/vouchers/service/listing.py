"""Vouchers for staff, for the shop's server and for the member they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.members import accounts
from loyalty.members import service as members
from loyalty.vouchers import queries
from loyalty.vouchers.service import making, reading


class BatchNotFound(Problem):
    """No such batch in this program."""

    code = "voucher_batch_not_found"
    status = 404
    title = "There is no such batch of vouchers"
    about = "No batch of this program has that id; issuing vouchers in bulk returns one."


def get_voucher(call: Call, code: str) -> dict[str, Any]:
    """Return a voucher by its code or its id. Raises VoucherNotFound."""
    names = reading.named(code)
    found = queries.find_vouchers(db.connection(), call.program_id, **names)
    if not found:
        raise making.not_found(code)
    return reading.shown_as_found(found[0], found[0].test_now or call.now)


def list_vouchers(
    call: Call,
    *,
    member: str | None = None,
    batch: str | None = None,
    class_: str | None = None,
    state: str | None = None,
    before: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return up to `limit` vouchers, newest first, from below an id; none for an unknown member."""
    filters = {"batch_id": batch, "class": class_, "state": state}
    if member is not None:
        found = accounts.find(db.connection(), call.program_id, [member]).get(member)
        if found is None:
            return []
        filters["member_id"] = found.id
    return _list(call, filters, before, limit)


def list_member_vouchers(
    call: Call, external_id: str, *, state: str | None, before: str | None, limit: int
) -> list[dict[str, Any]]:
    """Return the vouchers bound to a member as `list_vouchers` does. Raises MemberNotFound."""
    found = accounts.find(db.connection(), call.program_id, [external_id]).get(external_id)
    if found is None:
        raise members.not_found(external_id)
    return _list(call, {"member_id": found.id, "state": state}, before, limit)


def list_batch(call: Call, batch_id: str) -> Sequence[dict[str, Any]]:
    """Return the rows of a batch, oldest first. Raises BatchNotFound."""
    rows = queries.list_batch(db.connection(), call.program_id, batch_id)
    if not rows:
        raise BatchNotFound(f"There is no batch {batch_id!r} in this program.")
    return rows


def _list(
    call: Call, filters: dict[str, str | None], before: str | None, limit: int
) -> list[dict[str, Any]]:
    given = {name: value for name, value in filters.items() if value is not None}
    found = queries.list_vouchers(
        db.connection(), call.program_id, filters=given, before=before, limit=limit, now=call.now
    )
    return [reading.shown_as_found(one, one.test_now or call.now) for one in found]
