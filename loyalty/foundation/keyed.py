"""Reading by a set of keys, quickly for one and for a thousand.

PostgreSQL keeps the plan of a prepared `column = $1`. It does not keep one for a list, so a
statement for a set has two forms; which one runs depends on how many keys there are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, CursorResult, Executable, Text, any_, bindparam, text
from sqlalchemy.engine import Connection

KEYS = "keys"
Among = Callable[[ColumnElement[Any]], ColumnElement[bool]]


class Keyed:
    """A statement that asks for rows whose text column is among the keys it is run with.

    `build` returns the statement; it is given the function that makes the condition of a column.
    """

    def __init__(self, build: Callable[[Among], Executable]) -> None:
        self._one = build(lambda column: column == bindparam(KEYS))
        self._several = {
            "postgresql": build(lambda column: column == any_(bindparam(KEYS, type_=ARRAY(Text)))),
            "sqlite": build(lambda column: column.in_(bindparam(KEYS, expanding=True))),
        }

    def run(
        self, connection: Connection, keys: Collection[str], **parameters: Any
    ) -> CursorResult[*tuple[Any, ...]]:
        """Execute the statement for these keys; there must be at least one."""
        if len(keys) == 1:
            return connection.execute(self._one, {KEYS: next(iter(keys)), **parameters})
        statement = self._several[connection.dialect.name]
        return connection.execute(statement, {KEYS: list(keys), **parameters})


def plan_each_time(connection: Connection) -> None:
    """Let the running transaction's statements be planned for the rows they really have.

    For work on many rows: a plan kept from when the tables were young made batches three times
    slower until the next ANALYZE.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_CUSTOM_PLANS)


_CUSTOM_PLANS = text("SET LOCAL plan_cache_mode = force_custom_plan")
