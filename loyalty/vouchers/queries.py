"""Finding vouchers together with their accounts, whom they are bound to, and the program's time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.engine import Connection

from loyalty.foundation.db import table_of
from loyalty.foundation.keyed import Among, Keyed
from loyalty.foundation.tenancy import Program
from loyalty.ledger import queries as ledger
from loyalty.ledger import reading
from loyalty.ledger.state import Account
from loyalty.members.models import Member
from loyalty.vouchers.models import STORED_VALUE, Voucher

VOUCHER = table_of(Voucher)
MEMBER = table_of(Member)
PROGRAM = table_of(Program)
ACCOUNT, HOLD, LOT = ledger.ACCOUNT, ledger.HOLD, ledger.LOT

Row = dict[str, Any]

_VOUCHER_NAMES = [str(column.name) for column in VOUCHER.columns]
_EXPIRED: ColumnElement[int] = (
    select(func.coalesce(func.sum(LOT.c.expired), 0))
    .where(LOT.c.account_id == ACCOUNT.c.id)
    .correlate(ACCOUNT)
    .scalar_subquery()
)
_FACTS = (
    MEMBER.c.external_id.label("member"),
    _EXPIRED.label("expired_units"),
    PROGRAM.c.version,
    PROGRAM.c.test_now,
)
_ACCOUNT_AT = len(_VOUCHER_NAMES)
_FACTS_AT = _ACCOUNT_AT + len(ledger.ACCOUNT_COLUMNS)
_LOTS_AT = _FACTS_AT + len(_FACTS)


@dataclass(slots=True)
class LockedVoucher:
    """A voucher's row with the row of its account (`ledger.ACCOUNT_COLUMNS`).

    `member` is the shop's id of whom it is bound to. `expired_units` are those that expired by
    the time the account was last written. `lots` and `holds` are there where it was found
    without a lock; they let `account_at` settle the account in memory.
    """

    voucher: Row
    account: tuple[Any, ...]
    member: str | None
    expired_units: int
    version: int
    test_now: datetime | None
    lots: Any = None
    holds: Any = None

    @property
    def id(self) -> str:
        """The voucher's id."""
        return str(self.voucher["id"])

    @property
    def account_id(self) -> str:
        """The id of the voucher's account."""
        return str(self.account[0])

    def account_at(self, now: datetime) -> Account:
        """Return the account as it is at an instant; only of a voucher found without a lock."""
        return reading.account_at(self.account, self.lots, self.holds, now)


def _joined(*more: Any) -> Select[Any]:
    return (
        select(*VOUCHER.columns, *ledger.ACCOUNT_COLUMNS, *_FACTS, *more)
        .select_from(VOUCHER)
        .join(ACCOUNT, ACCOUNT.c.id == VOUCHER.c.account_id)
        .outerjoin(MEMBER, MEMBER.c.id == VOUCHER.c.member_id)
        .join(PROGRAM, PROGRAM.c.id == VOUCHER.c.program_id)
        .where(VOUCHER.c.program_id == bindparam("program_id"))
    )


def _locking(column: ColumnElement[Any]) -> Keyed:
    def build(among: Among) -> Select[Any]:
        chosen = _joined().where(among(column)).order_by(ACCOUNT.c.id)
        return chosen.with_for_update(of=[ACCOUNT, VOUCHER])

    return Keyed(build)


_LOCK_BY_CODE = _locking(VOUCHER.c.code)
_LOCK_BY_ID = _locking(VOUCHER.c.id)


def lock_vouchers(
    connection: Connection,
    program_id: str,
    *,
    codes: Collection[str] = (),
    ids: Collection[str] = (),
) -> list[LockedVoucher]:
    """Lock vouchers with their accounts, in the order of the accounts' ids, in one statement.

    Named are canonical codes, or ids; not both.
    """
    if not codes and not ids:
        return []
    statement, keys = (_LOCK_BY_CODE, codes) if codes else (_LOCK_BY_ID, ids)
    return [_found(row) for row in statement.rows(connection, keys, program_id=program_id)]


@lru_cache(maxsize=8)
def _finding(dialect: str, name: str) -> Keyed:
    both = reading.open_lots_and_holds(dialect)
    return Keyed(lambda among: _joined(*both).where(among(VOUCHER.c[name])))


def find_vouchers(
    connection: Connection,
    program_id: str,
    *,
    codes: Collection[str] = (),
    ids: Collection[str] = (),
) -> list[LockedVoucher]:
    """Read the same without locking, with open lots and holds, in one statement."""
    if not codes and not ids:
        return []
    statement = _finding(connection.dialect.name, "code" if codes else "id")
    return [_found(row) for row in statement.rows(connection, codes or ids, program_id=program_id)]


def find_taken_codes(connection: Connection, program_id: str, codes: Collection[str]) -> set[str]:
    """Return those canonical codes that vouchers of the program have."""
    rows = connection.execute(
        select(VOUCHER.c.code).where(
            VOUCHER.c.program_id == program_id, VOUCHER.c.code.in_(list(codes))
        )
    )
    return {row[0] for row in rows}


def list_vouchers(
    connection: Connection,
    program_id: str,
    *,
    filters: Mapping[str, str],
    before: str | None,
    limit: int,
    now: datetime,
) -> list[LockedVoucher]:
    """Return vouchers, newest first, from below an id, as `find_vouchers` does.

    `filters` may name `batch_id`, `member_id`, `class` and `state`, which is the state at the
    program's time, `now` without a test clock.
    """
    dialect = connection.dialect.name
    statement = _listing(dialect, frozenset(filters), before is not None)
    parameters: Row = {"program_id": program_id, "limit": limit, **filters}
    if before is not None:
        parameters["before"] = before
    if "state" in filters:
        parameters["now"] = now
    return [_found(row) for row in connection.execute(statement, parameters).all()]


@lru_cache(maxsize=64)
def _listing(dialect: str, names: frozenset[str], goes_on: bool) -> Select[Any]:  # noqa: FBT001
    query = _joined(*reading.open_lots_and_holds(dialect))
    for name in sorted(names - {"state"}):
        query = query.where(VOUCHER.c[name] == bindparam(name))
    if "state" in names:
        query = query.where(_state() == bindparam("state"))
    if goes_on:
        query = query.where(VOUCHER.c.id < bindparam("before"))
    return query.order_by(VOUCHER.c.id.desc()).limit(bindparam("limit"))


def _state() -> ColumnElement[str]:
    """Return the state as `service.reading.state_of` works it out from the settled account."""
    now = func.coalesce(PROGRAM.c.test_now, bindparam("now", type_=PROGRAM.c.test_now.type))
    held = (
        select(func.coalesce(func.sum(HOLD.c.units), 0))
        .where(HOLD.c.account_id == ACCOUNT.c.id, ledger.OPEN_HOLD, HOLD.c.expires_at > now)
        .correlate(ACCOUNT, PROGRAM)
        .scalar_subquery()
    )
    left = ACCOUNT.c.available + ACCOUNT.c.pending + ACCOUNT.c.held
    issued = case((VOUCHER.c.kind == STORED_VALUE, VOUCHER.c.amount), else_=VOUCHER.c.uses)
    is_over = and_(VOUCHER.c.expires_at.is_not(None), VOUCHER.c.expires_at <= now)
    return case(
        (VOUCHER.c.revoked_at.is_not(None), literal_column("'revoked'")),
        (held > 0, literal_column("'reserved'")),
        (and_(is_over, or_(left > 0, _EXPIRED > 0)), literal_column("'expired'")),
        (left == 0, literal_column("'redeemed'")),
        (left < issued, literal_column("'partially_redeemed'")),
        else_=literal_column("'issued'"),
    )


def list_batch(connection: Connection, program_id: str, batch_id: str) -> Sequence[Row]:
    """Return the vouchers of a batch without their accounts, oldest first."""
    rows = connection.execute(
        select(VOUCHER)
        .where(VOUCHER.c.program_id == program_id, VOUCHER.c.batch_id == batch_id)
        .order_by(VOUCHER.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def _found(row: Sequence[Any]) -> LockedVoucher:
    voucher = dict(zip(_VOUCHER_NAMES, row, strict=False))
    facts, rest = row[_FACTS_AT:_LOTS_AT], row[_LOTS_AT:]
    member, expired, version, test_now = facts
    account = tuple(row[_ACCOUNT_AT:_FACTS_AT])
    return LockedVoucher(voucher, account, member, int(expired), version, test_now, *rest)
