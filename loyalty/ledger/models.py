"""The ledger's tables; every invariant that one row can show is a constraint here.

Entries are immutable: the migration adds triggers that refuse UPDATE and DELETE.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation.db import Base, BigInt, Id

KINDS = (
    "earn",
    "bonus",
    "referral",
    "action",
    "goodwill",
    "adjust",
    "redeem",
    "redeem_return",
    "clawback",
    "expire",
    "reinstate",
    "opening",
    "transfer_in",
    "transfer_out",
    "issue",
    "revoke",
)
NO_HASH = "0" * 64


class Account(Base):
    """What one owner holds of one unit, in four buckets that are never negative.

    `version` counts writes, `entry_count` and `lot_count` number the account's entries
    and lots, `earned` and `peak` what came in over its life and the most
    it ever held, `head` is the hash of the last entry, and `next_due` says
    when something settles, expires or is released next.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("owner_id", "unit"),
        CheckConstraint("available >= 0", name="available"),
        CheckConstraint("pending >= 0", name="pending"),
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("debt >= 0", name="debt"),
        CheckConstraint("debt = 0 OR available = 0", name="debt_is_paid_first"),
        CheckConstraint("entry_count >= 0 AND lot_count >= 0", name="counts"),
        Index(
            "ix_account_due",
            "program_id",
            "next_due",
            postgresql_where=text("next_due IS NOT NULL"),
            sqlite_where=text("next_due IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, ForeignKey("program.id"))
    owner_id: Mapped[str] = mapped_column(Id)
    unit: Mapped[str] = mapped_column(String(8))
    available: Mapped[int] = mapped_column(BigInt)
    pending: Mapped[int] = mapped_column(BigInt)
    held: Mapped[int] = mapped_column(BigInt)
    debt: Mapped[int] = mapped_column(BigInt)
    earned: Mapped[int] = mapped_column(BigInt)
    peak: Mapped[int] = mapped_column(BigInt)
    version: Mapped[int] = mapped_column(BigInt)
    entry_count: Mapped[int]
    lot_count: Mapped[int]
    head: Mapped[str] = mapped_column(String(64))
    next_due: Mapped[datetime | None]


class Entry(Base):
    """One movement between an account and its counterpart, with the balances after it.

    `lots` says by how much each of the account's lots changed; `hash` covers
    the previous entry's hash and everything in this one.
    """

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("id"),
        UniqueConstraint("account_id", "kind", "source_type", "source_id", name="uq_entry_natural"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint("seq >= 1", name="seq"),
    )

    account_id: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(16))
    points: Mapped[int] = mapped_column(BigInt)
    counterpart: Mapped[str] = mapped_column(String(64))
    available: Mapped[int] = mapped_column(BigInt)
    pending: Mapped[int] = mapped_column(BigInt)
    held: Mapped[int] = mapped_column(BigInt)
    debt: Mapped[int] = mapped_column(BigInt)
    lots: Mapped[dict[str, Any]]
    source_type: Mapped[str] = mapped_column(String(16))
    source_id: Mapped[str] = mapped_column(String(600))
    explanation: Mapped[str] = mapped_column(Text)
    breakdown: Mapped[list[Any] | None]
    terms_version: Mapped[int | None]
    reverses: Mapped[str | None] = mapped_column(Id)
    actor: Mapped[str] = mapped_column(String(128))
    request_id: Mapped[str | None] = mapped_column(String(128))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    hash: Mapped[str] = mapped_column(String(64))


class Lot(Base):
    """What was granted together and what is left of it, spendable (`remaining`) or held."""

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint("granted > 0", name="granted"),
        CheckConstraint("remaining >= 0", name="remaining"),
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("expired >= 0", name="expired"),
        Index(
            "ix_lot_open",
            "account_id",
            postgresql_where=text("remaining > 0 OR held > 0"),
            sqlite_where=text("remaining > 0 OR held > 0"),
        ),
        Index(None, "account_id", "source_type", "source_id"),
    )

    account_id: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    granted: Mapped[int] = mapped_column(BigInt)
    remaining: Mapped[int] = mapped_column(BigInt)
    held: Mapped[int] = mapped_column(BigInt)
    expired: Mapped[int] = mapped_column(BigInt)
    settled: Mapped[bool]
    available_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    source_type: Mapped[str] = mapped_column(String(16))
    source_id: Mapped[str] = mapped_column(String(600))


class Hold(Base):
    """Units set aside for a purchase that is not paid yet.

    `lots` lists `[lot number, units]` in the order of spending; what was
    captured is its beginning, what was returned later the end of that.
    """

    __tablename__ = "hold"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'captured', 'voided', 'expired')", name="state"),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("captured >= 0 AND captured <= units", name="captured"),
        CheckConstraint("returned >= 0 AND returned <= captured", name="returned"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed"),
        Index(
            "ix_hold_open",
            "account_id",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
        Index(None, "account_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_id: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    units: Mapped[int] = mapped_column(BigInt)
    lots: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(String(8))
    captured: Mapped[int] = mapped_column(BigInt)
    returned: Mapped[int] = mapped_column(BigInt)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
