"""Members together with their points account: locked for writing, or read in one statement.

A merged member leads to the member it became. The tenant's version and clock
come along, so that most requests need no statement of their own for them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, select
from sqlalchemy.engine import Connection

from loyalty.foundation import db, idempotency
from loyalty.foundation.db import table_of
from loyalty.foundation.keyed import Among, Keyed
from loyalty.foundation.tenancy import Program
from loyalty.ledger import queries as ledger
from loyalty.ledger import reading
from loyalty.ledger.book import POINTS
from loyalty.members.models import ACTIVE, ERASED, MERGED, Member

ASKED = table_of(Member).alias("asked")
MEMBER = table_of(Member).alias("member")
PROGRAM = table_of(Program)

_FACTS = (
    ASKED.c.external_id.label("asked_for"),
    MEMBER.c.id,
    MEMBER.c.external_id,
    MEMBER.c.status,
    MEMBER.c.country,
    MEMBER.c.locale,
    MEMBER.c.metadata,
    MEMBER.c.joined_at,
    MEMBER.c.tier,
    MEMBER.c.tier_until,
    MEMBER.c.orders,
    MEMBER.c.spend,
    MEMBER.c.last_order_at,
    PROGRAM.c.version,
    PROGRAM.c.test_now,
    MEMBER.c.referral_pending,
)
_SIZE = len(ledger.ACCOUNT_COLUMNS)


@dataclass(slots=True)
class MemberAccount:
    """A member with the row of their points account (`ledger.ACCOUNT_COLUMNS`)."""

    account: tuple[Any, ...]
    asked_for: str
    id: str
    external_id: str
    status: str
    country: str | None
    locale: str | None
    metadata: dict[str, str] | None
    joined_at: datetime
    tier: str | None
    tier_until: datetime | None
    orders: int
    spend: int
    last_order_at: datetime | None
    version: int
    test_now: datetime | None
    referral_pending: bool = False

    @property
    def account_id(self) -> str:
        """The id of the points account."""
        return str(self.account[0])

    @property
    def is_active(self) -> bool:
        """Whether the member can earn and redeem."""
        return self.status == ACTIVE


def _joined(*columns: Any) -> Select[Any]:
    return (
        select(*ledger.ACCOUNT_COLUMNS, *columns)
        .select_from(ASKED)
        .join(MEMBER, MEMBER.c.id == func.coalesce(ASKED.c.merged_into, ASKED.c.id))
        .join(
            ledger.ACCOUNT,
            and_(ledger.ACCOUNT.c.owner_id == MEMBER.c.id, ledger.ACCOUNT.c.unit == POINTS),
        )
        .join(PROGRAM, PROGRAM.c.id == ASKED.c.program_id)
        .where(ASKED.c.program_id == bindparam("program_id"), MEMBER.c.status != ERASED)
    )


def _read(among: Among) -> Select[Any]:
    return _joined(*_FACTS).where(among(ASKED.c.external_id))


_READ = Keyed(_read)
_LOCK = Keyed(
    lambda among: (
        _read(among).order_by(ledger.ACCOUNT.c.id).with_for_update(of=[ledger.ACCOUNT, MEMBER])
    )
)


def lock(
    connection: Connection, program_id: str, external_ids: Collection[str]
) -> dict[str, MemberAccount]:
    """Lock members with their accounts, in the order of the account ids; by the id asked for.

    An answer that is kept for an Idempotency-Key then concerns the member, and is
    erased with them.
    """
    found = _fetch(connection, _LOCK, program_id, external_ids)
    for member in found.values():
        idempotency.concerns(member.id)
    return found


def find(
    connection: Connection, program_id: str, external_ids: Collection[str]
) -> dict[str, MemberAccount]:
    """Read the same without locking, for previews."""
    return _fetch(connection, _READ, program_id, external_ids)


def find_with_lots(
    connection: Connection, program_id: str, external_ids: Collection[str]
) -> dict[str, tuple[MemberAccount, Any, Any]]:
    """Return members with account, open lots and open holds as `reading` takes them.

    They are found by the id asked for; all are as they were at one moment.
    """
    statement = _with_lots(connection.dialect.name)
    rows = statement.rows(connection, external_ids, program_id=program_id)
    return {row[_SIZE]: (_member(row), *row[-2:]) for row in rows}


@lru_cache(maxsize=4)
def _with_lots(dialect: str) -> Keyed:
    columns = (*_FACTS, *reading.open_lots_and_holds(dialect))
    return Keyed(lambda among: _joined(*columns).where(among(ASKED.c.external_id)))


def _fetch(
    connection: Connection, statement: Keyed, program_id: str, external_ids: Collection[str]
) -> dict[str, MemberAccount]:
    if not external_ids:
        return {}
    rows = statement.rows(connection, external_ids, program_id=program_id)
    found: dict[str, MemberAccount] = {}
    by_id: dict[str, MemberAccount] = {}
    for member in map(_member, rows):
        found[member.asked_for] = by_id.setdefault(member.id, member)
    if any(member.status == MERGED for member in found.values()):
        raise db.LostUpdate("a member was merged while its account was waited for")
    return found


def _member(row: Sequence[Any]) -> MemberAccount:
    end = _SIZE + len(_FACTS)
    return MemberAccount(tuple(row[:_SIZE]), *row[_SIZE:end])
