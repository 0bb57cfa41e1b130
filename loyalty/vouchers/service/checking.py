"""What a voucher would take off an order, asked with a code that may be a guess.

Whatever the cause of a refusal, the same statements are run and the same is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from loyalty.foundation import db
from loyalty.foundation.call import Call
from loyalty.members import accounts
from loyalty.vouchers import codes, guessing, queries
from loyalty.vouchers.discount import discount
from loyalty.vouchers.models import STORED_VALUE
from loyalty.vouchers.service import reading, refusing

CountUses = Callable[[Connection, str, str], int]


def count_uses_by(count: CountUses) -> None:
    """Say how uses are counted: (connection, voucher id, member id) → how often one used it.

    Reservations live on a floor above, so the checkout's door hands this in.
    """
    global _count_uses  # noqa: PLW0603 - set once, when the doors are imported
    _count_uses = count


def check_voucher(
    call: Call,
    code: str,
    *,
    order: Mapping[str, Any],
    member: str | None = None,
    client: str | None = None,
) -> dict[str, Any]:
    """Return what the voucher would take off the order; nothing is set aside.

    `member` is the shop's id, `client` what `guard.client_of` returned. Raises VoucherNotUsable,
    VoucherUsedUp, VoucherNotApplicable, TooManyGuesses.
    """
    connection = db.connection()
    now = guessing.refuse_if_over(call, client).now
    found = _find(connection, call.program_id, code)
    member_id: str | None = None
    uses = 0
    if member is not None:
        known = accounts.find(connection, call.program_id, [member]).get(member)
        member_id = known.id if known else None
        uses = _count_uses(connection, found.id if found else "", member_id or "")
    account = found.account_at(now) if found else None
    refusing.require_usable(found, member_id=member_id, account=account, now=now)
    if found is None or account is None:
        raise AssertionError("an unknown voucher was called usable")
    row = found.voucher
    if row["uses_per_member"] is not None and uses >= row["uses_per_member"]:
        raise refusing.refuse_spent_by_member(found)
    balance = account.available if row["kind"] == STORED_VALUE else None
    amount = discount(row, order, balance=balance)
    shown = reading.shown(row, account, now, member=found.member)
    return {
        "valid": True,
        "discount": {"amount": amount, "currency": row["currency"]},
        **{name: shown[name] for name in ("code", "kind", "class", "remaining", "expires_at")},
    }


def _find(connection: Connection, program_id: str, code: str) -> queries.LockedVoucher | None:
    """Look for a code, also for one that no voucher can have: the statement is always run."""
    found = queries.find_vouchers(connection, program_id, codes=[codes.canonical(code)])
    return found[0] if found else None


def _none_counted(_connection: Connection, _voucher_id: str, _member_id: str) -> int:
    """Count nothing: nobody has said how."""
    return 0


_count_uses: CountUses = _none_counted
