"""A voucher's terms, which never change, and how often each caller guessed codes.

What a voucher is still worth is the matter of its account in the ledger, which it owns.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id

STORED_VALUE = "stored_value"
KINDS = ("amount", "percent", "free_shipping", "fee_waiver", STORED_VALUE)
GOODWILL, PURCHASED = "goodwill", "purchased"
CLASSES = (GOODWILL, "promotional", "reward", PURCHASED)


class Voucher(Base):
    """The terms of one voucher.

    `code` is canonical (`codes.canonical`), `written` as people read it. `percent` is an exact
    rational as text; amounts are minor units of `currency`. Without `member_id` anyone may use
    it. `source_type` and `source_id` say what it was issued for. State and what remains are
    worked out from the account, whose units are uses, or minor units of stored value.
    """

    __tablename__ = "voucher"
    __table_args__ = (
        UniqueConstraint("program_id", "code", name="uq_voucher_code"),
        Index("ix_voucher_listed", "program_id", "id"),
        Index(None, "account_id", unique=True),
        Index(None, "member_id", "id"),
        Index(None, "batch_id", "id"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint(f"class IN {CLASSES}", name="class"),
        CheckConstraint("class <> 'purchased' OR kind = 'stored_value'", name="purchased"),
        CheckConstraint("uses >= 1", name="uses"),
        CheckConstraint("amount > 0 AND max_discount > 0", name="amounts"),
        CheckConstraint("kind <> 'percent' OR percent IS NOT NULL", name="percent"),
        CheckConstraint(
            "kind NOT IN ('amount', 'stored_value') OR amount IS NOT NULL", name="amount"
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    account_id: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    code: Mapped[str] = mapped_column(String(40))
    written: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(16))
    class_: Mapped[str] = mapped_column("class", String(16))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int | None] = mapped_column(BigInt)
    percent: Mapped[str | None] = mapped_column(String(32))
    max_discount: Mapped[int | None] = mapped_column(BigInt)
    uses: Mapped[int] = mapped_column(BigInt)
    uses_per_member: Mapped[int | None] = mapped_column(BigInt)
    member_id: Mapped[str | None] = mapped_column(Id, ForeignKey("member.id"))
    min_order: Mapped[int | None] = mapped_column(BigInt)
    skus: Mapped[list[Any] | None]
    categories: Mapped[list[Any] | None]
    starts_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    source_type: Mapped[str] = mapped_column(String(16))
    source_id: Mapped[str] = mapped_column(String(255))
    batch_id: Mapped[str | None] = mapped_column(Id)
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(128))
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata")


class VoucherGuess(Base):
    """How many codes were tried in vain since an instant: by a client, or in all (`client` "").

    `client` is a keyed hash of whom the shop says it asks for, or the id of its key.
    """

    __tablename__ = "voucher_guess"
    __table_args__ = (CheckConstraint("count >= 1", name="count"), Index(None, "since"))

    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"), primary_key=True)
    client: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime]
    count: Mapped[int] = mapped_column(BigInt)
