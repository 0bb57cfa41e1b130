"""Finding referrals, the people in them, and who shares a signal with whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, func, literal_column, or_, select
from sqlalchemy.engine import Connection

from loyalty.foundation import db
from loyalty.foundation.db import table_of
from loyalty.foundation.keyed import Among, Frequent, Keyed
from loyalty.ledger import queries as ledger
from loyalty.ledger.book import POINTS
from loyalty.members.models import ACTIVE, ERASED, MERGED, Member
from loyalty.referrals.flags import Person, person_of
from loyalty.referrals.models import QUALIFIED, REJECTED, Referral, ReferralSignal

Row = dict[str, Any]

REFERRAL = table_of(Referral)
SIGNAL = table_of(ReferralSignal)
ASKED = table_of(Member).alias("asked")
MEMBER = table_of(Member).alias("member")
_IN_PLACE = MEMBER.c.id == func.coalesce(ASKED.c.merged_into, ASKED.c.id)
_SIZE = len(ledger.ACCOUNT_COLUMNS)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a referral under lock, with the row of their points account."""

    account: tuple[Any, ...]
    asked: str
    id: str
    status: str
    person: Person

    @property
    def account_id(self) -> str:
        """The id of the points account."""
        return str(self.account[0])

    @property
    def is_active(self) -> bool:
        """Whether they can have a reward."""
        return self.status == ACTIVE


def _sides(among: Among) -> Select[Any]:
    return (
        select(
            *ledger.ACCOUNT_COLUMNS,
            ASKED.c.id.label("asked_id"),
            MEMBER.c.id.label("member_id"),
            MEMBER.c.status,
            MEMBER.c.email_key,
            MEMBER.c.phone,
        )
        .select_from(ASKED)
        .join(MEMBER, _IN_PLACE)
        .join(
            ledger.ACCOUNT,
            and_(ledger.ACCOUNT.c.owner_id == MEMBER.c.id, ledger.ACCOUNT.c.unit == POINTS),
        )
        .where(among(ASKED.c.id))
        .order_by(ledger.ACCOUNT.c.id)
        .with_for_update(of=[ledger.ACCOUNT, MEMBER])
    )


_LOCK_SIDES = Keyed(_sides)


def lock_sides(connection: Connection, member_ids: Collection[str]) -> dict[str, Side]:
    """Lock members with their points accounts, in the order of the account ids, by member id.

    A merged member leads to the one it became; an erased one is there, but not active.
    """
    if not member_ids:
        return {}
    found = {}
    for row in _LOCK_SIDES.rows(connection, member_ids):
        asked, member_id, status, *about = row[_SIZE:]
        side = Side(tuple(row[:_SIZE]), asked, member_id, status, person_of(member_id, *about))
        if side.status == MERGED:
            raise db.LostUpdate("a member was merged while their account was waited for")
        found[side.asked] = side
    return found


_REFERRAL_NAMES = [column.name for column in REFERRAL.c]
_OF_REFEREES = Keyed(lambda among: select(REFERRAL).where(among(REFERRAL.c.referee_id)))
_OF_ORDER = Frequent(
    select(REFERRAL)
    .where(
        REFERRAL.c.program_id == bindparam("program_id"),
        REFERRAL.c.order_ref == bindparam("order_ref"),
    )
    .order_by(REFERRAL.c.id)
    .with_for_update()
)


def list_of_referees(connection: Connection, member_ids: Collection[str]) -> dict[str, Row]:
    """Return how these members were brought, by their ids; what was rejected counts least."""
    if not member_ids:
        return {}
    found = [_row(row) for row in _OF_REFEREES.rows(connection, member_ids)]
    found.sort(key=lambda row: (row["state"] != REJECTED, row["id"]))
    return {row["referee_id"]: row for row in found}


def lock_of_order(connection: Connection, program_id: str, order_ref: str) -> list[Row]:
    """Lock the referrals that an order qualified, by the shop's order id."""
    keys = {"program_id": program_id, "order_ref": order_ref}
    return [_row(row) for row in _OF_ORDER.rows(connection, keys)]


CONCERNED_BY_ORDER: Select[Any] = (
    select(literal_column("0"), MEMBER.c.external_id)
    .select_from(REFERRAL)
    .join(ASKED, or_(ASKED.c.id == REFERRAL.c.advocate_id, ASKED.c.id == REFERRAL.c.referee_id))
    .join(MEMBER, _IN_PLACE)
    .where(
        REFERRAL.c.program_id == bindparam("program_id"),
        REFERRAL.c.order_ref == bindparam("order_id"),
        MEMBER.c.status != ERASED,
    )
)
"""Whose accounts a change of an order touches besides the buyer's: (0, the shop's id)."""


class Holder(NamedTuple):
    """Whose code it is: our id and the shop's."""

    id: str
    external_id: str


def find_by_codes(
    connection: Connection, program_id: str, codes: Collection[str]
) -> dict[str, Holder]:
    """Return active members by their codes; a merged member leads to the one it became."""
    if not codes:
        return {}
    rows = connection.execute(
        select(ASKED.c.referral_code, MEMBER.c.id, MEMBER.c.external_id)
        .join(MEMBER, _IN_PLACE)
        .where(
            ASKED.c.program_id == program_id,
            ASKED.c.referral_code.in_(list(codes)),
            MEMBER.c.status == ACTIVE,
        )
    )
    return {row[0]: Holder(*row[1:]) for row in rows}


def find_persons(connection: Connection, member_ids: Collection[str]) -> dict[str, Person]:
    """Return what tells members apart, by id."""
    if not member_ids:
        return {}
    rows = connection.execute(
        select(MEMBER.c.id, MEMBER.c.email_key, MEMBER.c.phone).where(
            MEMBER.c.id.in_(list(member_ids))
        )
    )
    return {row[0]: person_of(*row) for row in rows}


@dataclass(frozen=True, slots=True)
class Alike:
    """Members of one mailbox: whether one of them bought, and how they were brought."""

    member_ids: frozenset[str] = frozenset()
    buyers: frozenset[str] = frozenset()
    referred: frozenset[str] = frozenset()


def find_alike(
    connection: Connection, program_id: str, email_keys: Collection[str]
) -> dict[str, Alike]:
    """Return the members of each mailbox; those merged stand for what they became."""
    if not email_keys:
        return {}
    rows = connection.execute(
        select(ASKED.c.email_key, MEMBER.c.id, MEMBER.c.orders, REFERRAL.c.id)
        .join(MEMBER, _IN_PLACE)
        .outerjoin(REFERRAL, REFERRAL.c.referee_id == MEMBER.c.id)
        .where(ASKED.c.program_id == program_id, ASKED.c.email_key.in_(list(email_keys)))
    ).all()
    return {
        key: Alike(
            frozenset(member_id for one, member_id, _, _ in rows if one == key),
            frozenset(member_id for one, member_id, orders, _ in rows if one == key and orders),
            frozenset(member_id for one, member_id, _, found in rows if one == key and found),
        )
        for key in {row[0] for row in rows}
    }


def find_shared(
    connection: Connection,
    program_id: str,
    digests: Mapping[str, str],
    *,
    advocate_id: str,
    referee_id: str,
) -> tuple[set[str], set[str]]:
    """Return which kinds of signals the advocate shares, and which their other referees do."""
    if not digests:
        return set(), set()
    rows = connection.execute(
        select(SIGNAL.c.kind, SIGNAL.c.member_id)
        .distinct()
        .outerjoin(REFERRAL, REFERRAL.c.referee_id == SIGNAL.c.member_id)
        .where(
            SIGNAL.c.program_id == program_id,
            SIGNAL.c.digest.in_(list(digests.values())),
            SIGNAL.c.member_id != referee_id,
            or_(SIGNAL.c.member_id == advocate_id, REFERRAL.c.advocate_id == advocate_id),
        )
    ).all()
    same = {kind for kind, member_id in rows if member_id == advocate_id}
    return same, {kind for kind, member_id in rows if member_id != advocate_id} - same


def list_known_signals(connection: Connection, member_ids: Collection[str]) -> set[Any]:
    """Return (member id, kind, digest) of what was seen with members before."""
    rows = connection.execute(
        select(SIGNAL.c.member_id, SIGNAL.c.kind, SIGNAL.c.digest).where(
            SIGNAL.c.member_id.in_(list(member_ids))
        )
    )
    return {tuple(row) for row in rows}


def count_rewarded(
    connection: Connection, advocate_ids: Collection[str], *, since: datetime | None
) -> dict[str, int]:
    """Return how many referrals of each advocate qualified after an instant, or ever."""
    query = (
        select(REFERRAL.c.advocate_id, func.count())
        .where(REFERRAL.c.advocate_id.in_(list(advocate_ids)), REFERRAL.c.state == QUALIFIED)
        .group_by(REFERRAL.c.advocate_id)
    )
    if since is not None:
        query = query.where(REFERRAL.c.qualified_at > since)
    return {row[0]: row[1] for row in connection.execute(query)}


def find_parties(connection: Connection, program_id: str, referral_id: str) -> Row | None:
    """Return a referral's advocate and referee by their ids."""
    row = connection.execute(
        select(REFERRAL.c.advocate_id, REFERRAL.c.referee_id).where(
            REFERRAL.c.program_id == program_id, REFERRAL.c.id == referral_id
        )
    ).first()
    return None if row is None else {"advocate": row[0], "referee": row[1]}


def lock_referral(connection: Connection, referral_id: str) -> Row:
    """Lock a referral whose sides are locked, and return it."""
    found = select(REFERRAL).where(REFERRAL.c.id == referral_id).with_for_update()
    return dict(connection.execute(found).mappings().one())


def _row(values: Sequence[Any]) -> Row:
    return dict(zip(_REFERRAL_NAMES, values, strict=True))
