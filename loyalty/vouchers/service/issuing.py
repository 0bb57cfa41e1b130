"""Issuing vouchers: the row, its account, and the lot that is its value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.foundation import clock, events, ids
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger import kernel
from loyalty.ledger.book import USES, Book, new_account
from loyalty.ledger.models import Account
from loyalty.ledger.state import Posting
from loyalty.vouchers import codes
from loyalty.vouchers.models import STORED_VALUE, Voucher
from loyalty.vouchers.service.reading import issued_units

_OPTIONAL = (
    *("amount", "percent", "max_discount", "uses_per_member", "min_order", "skus", "categories"),
    *("starts_at", "expires_at", "metadata"),
)


def issue(
    book: Book,
    changes: Changes,
    call: Call,
    terms: Mapping[str, Any],
    *,
    member_id: str | None,
    source: tuple[str, str],
    now: datetime,
    code: str | None = None,
    batch_id: str | None = None,
) -> dict[str, Any]:
    """Add a voucher with its account and first lot to book and changes; runs no statement.

    `terms` are as `terms_of` returns them: `kind`, `class_` and `currency`, the rest may be left
    out. `source` is (type, id), `code` one that is free, as the shop wrote it; without one a new
    one is made. Returns the voucher's row. The caller writes book and changes.
    """
    canonical = codes.canonical(code) if code is not None else codes.new_code()
    row = {
        "id": ids.new_id("vch"),
        "program_id": call.program_id,
        "account_id": ids.new_id("acc"),
        "code": canonical,
        "written": codes.written(canonical) if code is None else code,
        "kind": terms["kind"],
        "class": terms["class_"],
        "currency": terms["currency"],
        "uses": 1 if terms["kind"] == STORED_VALUE else terms.get("uses") or 1,
        **{name: terms.get(name) for name in _OPTIONAL},
        "member_id": member_id,
        "source_type": source[0],
        "source_id": source[1],
        "batch_id": batch_id,
        "revoked_at": None,
        "created_at": now,
        "actor": call.actor,
    }
    changes.insert(Voucher, row)
    _grant(book, changes, row, now)
    _tell(changes, call, row, now)
    return row


def terms_of(
    document_voucher: Mapping[str, Any],
    program_document: Mapping[str, Any],
    now: datetime,
    *,
    class_: str,
) -> dict[str, Any]:
    """Return the terms for `issue` from a `voucher` table of the program's document.

    `expires_after` counts from `now`, in the program's time zone.
    """
    about, after = program_document["program"], document_voucher.get("expires_after")
    expires_at = clock.add(after, now, about["timezone"]) if after else None
    return {
        "kind": document_voucher["kind"],
        "class_": class_,
        "currency": about["currency"],
        "uses": document_voucher.get("uses", 1),
        **{name: document_voucher.get(name) for name in _OPTIONAL},
        "starts_at": None,
        "expires_at": expires_at,
        "metadata": None,
    }


def _grant(book: Book, changes: Changes, row: Mapping[str, Any], now: datetime) -> None:
    place = {
        "account_id": row["account_id"],
        "owner_id": row["id"],
        "program_id": row["program_id"],
        "unit": row["currency"] if row["kind"] == STORED_VALUE else USES,
    }
    changes.insert(Account, new_account(**place))
    account, units = book.open_account(**place), issued_units(row)
    text = f"Voucher issued with {account.stamp.count(units)}."
    kernel.grant(
        account,
        units,
        Posting("issue", "voucher", row["id"], text, now),
        available_at=max(row["starts_at"] or now, now),
        expires_at=row["expires_at"],
    )


def _tell(changes: Changes, call: Call, row: Mapping[str, Any], now: datetime) -> None:
    events.record(
        changes,
        "voucher.issued",
        program_id=call.program_id,
        member_id=row["member_id"],
        data={
            "voucher": row["id"],
            "kind": row["kind"],
            "class": row["class"],
            "units": issued_units(row),
            "source": {"type": row["source_type"], "id": row["source_id"]},
        },
        request_id=call.request_id,
        occurred_at=now,
        now=now,
    )
