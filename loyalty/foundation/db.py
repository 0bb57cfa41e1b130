"""The database: base class, column types, and the two ways to open a transaction.

Only doors open transactions (`transaction`, `reading`); services run inside
one, and `autobegin=False` makes SQLAlchemy refuse a query outside. What the
doors run is repeated whole by `retrying` when a race was lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    MetaData,
    Row,
    String,
    Table,
    event,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, scoped_session

T = TypeVar("T")

ATTEMPTS = 8
LOST_RACES = {"40001", "40P01", "23505"}  # serialization failure, deadlock, a natural key taken
SQLITE_BUSY_MS = 30_000


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime: `timestamptz`, or on SQLite text that sorts as time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of the engine."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive times; write SQLite's fixed-width text."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times must be aware")
        if dialect.name == "sqlite":
            return f"{value.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return UTC, whatever zone the connection speaks."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return datetime.fromisoformat(value)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


AnyRow = Row[*tuple[Any, ...]]
"""A row of a statement whose columns a type checker need not follow."""

Id = String(64).with_variant(String(64, collation="C"), "postgresql")
Json = JSON(none_as_null=True)
BigInt = BigInteger().with_variant(BigInteger(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Base(DeclarativeBase):
    """All tables; types follow the annotation unless the column says otherwise."""

    registry = registry(
        metadata=metadata,
        type_annotation_map={datetime: UtcTime(), dict[str, Any]: Json, list[Any]: Json},
    )


db = SQLAlchemy(metadata=metadata, session_options={"autobegin": False, "expire_on_commit": False})
session: scoped_session[Session] = db.session  # type: ignore[assignment] # a subclass of it


@contextmanager
def transaction() -> Iterator[None]:
    """Open the one writing transaction of a request: commit at the end, roll back on any error."""
    with session.begin():
        yield


@contextmanager
def reading() -> Iterator[None]:
    """Open a reading transaction: nothing is locked, each statement sees what is committed."""
    with session.begin():
        session.connection(execution_options=_reading_options())
        yield


@contextmanager
def snapshot() -> Iterator[None]:
    """Open a reading transaction in which all statements see one and the same moment."""
    with session.begin():
        session.connection(execution_options=_snapshot_options())
        yield


def in_transaction() -> bool:
    """Whether a transaction is open here."""
    return session().in_transaction()


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, for statements of SQLAlchemy Core."""
    return model.__table__  # type: ignore[return-value] # declared classes have whole tables


def connection() -> Connection:
    """Return the open transaction's connection, for statements of SQLAlchemy Core."""
    return session.connection()


def retrying(unit: Callable[[], T]) -> T:
    """Run a whole unit of work again when it lost a race, a few times at most."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return unit()
        except (DBAPIError, LostUpdate) as error:
            if attempt == ATTEMPTS or not _lost_race(error):
                raise
            session.remove()
    raise AssertionError("unreachable")


class LostUpdate(Exception):
    """A guarded update found its row changed by someone else; the unit is run again."""


def _lost_race(error: Exception) -> bool:
    if isinstance(error, LostUpdate):
        return True
    cause = getattr(error, "orig", None)
    if isinstance(cause, psycopg.Error):
        return cause.sqlstate in LOST_RACES
    return isinstance(cause, sqlite3.Error) and (
        cause.sqlite_errorname in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
        or cause.sqlite_errorname.startswith("SQLITE_BUSY")
    )


def _reading_options() -> dict[str, Any]:
    if db.engine.dialect.name == "postgresql":
        return {"isolation_level": "AUTOCOMMIT"}
    return {"reading": True}


def _snapshot_options() -> dict[str, Any]:
    if db.engine.dialect.name == "postgresql":
        return {"isolation_level": "REPEATABLE READ"}
    return {"reading": True}


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "foreign_keys = ON",
        "recursive_triggers = ON",  # else INSERT OR REPLACE deletes past the triggers
        "synchronous = FULL",
        f"busy_timeout = {SQLITE_BUSY_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "connect")
def _speak_utc(connection: Any, _record: object) -> None:
    if isinstance(connection, psycopg.Connection):
        connection.execute("SET TIME ZONE 'UTC'")
        connection.commit()


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    reading_only = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading_only else "BEGIN IMMEDIATE")
