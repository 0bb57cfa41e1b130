"""Sums of gestures in windows: rows that slide, and the few gestures that are added up for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    delete,
    func,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.engine import Connection

from loyalty.foundation.db import metadata, table_of
from loyalty.recovery.caps.models import CapUsage
from loyalty.recovery.caps.terms import CapTerms

USAGE = table_of(CapUsage)
_COLUMNS = {"order": "order_ref", "member": "member_id"}

Key = tuple[str, str]
"""A cap's fingerprint, and for whom it adds up."""


@dataclass(slots=True)
class Used:
    """What counts after `since`; `stored` if there is a row of it."""

    value: int
    count: int
    since: datetime
    stored: bool


class Span(NamedTuple):
    """Gestures of one cap and key from after one instant up to another."""

    cap: CapTerms
    key: str
    after: datetime
    until: datetime


def find_used(connection: Connection, program_id: str, keys: Collection[Key]) -> dict[Key, Used]:
    """Read the rows there are."""
    if not keys:
        return {}
    rows = connection.execute(
        select(USAGE).where(
            USAGE.c.program_id == program_id, tuple_(USAGE.c.cap, USAGE.c.key).in_(list(keys))
        )
    )
    return {
        (row.cap, row.key): Used(row.used_value, row.used_count, row.since, stored=True)
        for row in rows
    }


def add_up(
    connection: Connection, program_id: str, spans: Sequence[Span], without: Collection[str]
) -> list[tuple[int, int]]:
    """Return (value, count) of what counts in each span, in one statement.

    `without` are ids of gestures that ceased to count in this very transaction.
    """
    if not spans:
        return []
    sums = [_sum(n, program_id, span, without) for n, span in enumerate(spans)]
    rows = connection.execute(union_all(*sums))
    found = {n: (int(value), int(count)) for n, value, count in rows}
    return [found[n] for n in range(len(spans))]


def forget(connection: Connection, program_id: str, caps: Collection[str]) -> None:
    """Delete the rows of caps that are no longer there."""
    if caps:
        gone = USAGE.c.cap.in_(list(caps))
        connection.execute(delete(USAGE).where(USAGE.c.program_id == program_id, gone))


def _sum(n: int, program_id: str, span: Span, without: Collection[str]) -> Select[Any]:
    gesture = _gesture()
    value = func.coalesce(func.sum(gesture.c.value_minor - gesture.c.freed_minor), 0)
    summed = select(literal(n).label("n"), value.label("value"), func.count().label("count")).where(
        gesture.c.program_id == program_id,
        gesture.c.freed_at.is_(None),
        gesture.c.at > span.after,
        gesture.c.at <= span.until,
        *_of_key(gesture, span.cap, span.key),
        *_of_words(gesture, span.cap.where),
    )
    return summed.where(gesture.c.id.not_in(list(without))) if without else summed


def _of_key(gesture: Table, cap: CapTerms, key: str) -> list[ColumnElement[bool]]:
    if cap.per == "program":
        return []
    return [gesture.c[_COLUMNS.get(cap.per, cap.per)] == key]


def _of_words(gesture: Table, where: Mapping[str, tuple[str, ...]]) -> list[ColumnElement[bool]]:
    return [gesture.c[name].in_(words) for name, words in where.items()]


def _gesture() -> Table:
    """Return the table that adds up; it belongs to the slice above this package."""
    return metadata.tables["gesture"]
