"""Statements that run often: compiled once, and sent to PostgreSQL's driver as they are.

SQLAlchemy's cursor, result and row objects cost a fifth of an order's time. What psycopg returns
needs none of them: connections speak UTC, and JSON is read as SQLAlchemy would read it. SQLite
goes SQLAlchemy's way, which converts its texts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy import ARRAY, ColumnElement, Compiled, Executable, Text, any_, bindparam, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

KEYS = "keys"
Among = Callable[[ColumnElement[Any]], ColumnElement[bool]]


class Frequent:
    """One statement of SQLAlchemy with named parameters; its rows come as sequences of values."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._text: str | None = None
        self._constants: dict[str, Any] = {}

    def rows(
        self, connection: Connection, parameters: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        """Run it and return all rows. Raises what SQLAlchemy would raise."""
        if connection.dialect.name != "postgresql":
            return connection.execute(self._statement, dict(parameters)).all()
        if self._text is None:
            self._compile(connection)
        return _fetch(connection, str(self._text), {**self._constants, **parameters})

    def _compile(self, connection: Connection) -> None:
        compiled: Compiled = self._statement.compile(dialect=connection.dialect)  # type: ignore[attr-defined] # every statement of ours can be
        self._constants = {
            name: value for name, value in (compiled.params or {}).items() if value is not None
        }
        self._text = str(compiled)


class Keyed:
    """A statement that asks for rows whose text column is among the keys it is run with.

    PostgreSQL keeps the plan of a prepared `column = $1`, but not of a list, so there are two
    forms. `build` returns the statement, given the function that makes a column's condition.
    """

    def __init__(self, build: Callable[[Among], Executable]) -> None:
        self._one = Frequent(build(lambda column: column == bindparam(KEYS)))
        self._several = {
            "postgresql": Frequent(
                build(lambda column: column == any_(bindparam(KEYS, type_=ARRAY(Text))))
            ),
            "sqlite": Frequent(build(lambda column: column.in_(bindparam(KEYS, expanding=True)))),
        }

    def rows(
        self, connection: Connection, keys: Collection[str], **parameters: Any
    ) -> Sequence[Sequence[Any]]:
        """Run the statement for these keys and return all rows; there must be a key."""
        if len(keys) == 1:
            return self._one.rows(connection, {KEYS: next(iter(keys)), **parameters})
        several = self._several[connection.dialect.name]
        return several.rows(connection, {KEYS: list(keys), **parameters})


def plan_each_time(connection: Connection) -> None:
    """Let the running transaction's statements be planned for the rows they really have.

    For work on many rows: a plan kept from when the tables were young made batches three times
    slower until the next ANALYZE.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_CUSTOM_PLANS)


_CUSTOM_PLANS = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), "
    "set_config('enable_seqscan', 'on', true)"
)


def _fetch(
    connection: Connection, statement: str, parameters: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    for tell in connection.dispatch.before_cursor_execute:  # whoever counts statements
        tell(connection, None, statement, parameters, None, False)  # noqa: FBT003 - not for many
    driver: Any = connection.connection.driver_connection
    try:
        found: list[Sequence[Any]] = driver.execute(statement, parameters).fetchall()
    except psycopg.Error as error:
        if driver.closed:  # the server went away, and with it all connections that wait here
            connection.invalidate(error)
            connection.engine.dispose()
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, hide_parameters=True
        ) from error
    return found
