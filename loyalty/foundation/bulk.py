"""Set-based writing: everything a unit of work changed, in as few statements as can be.

On PostgreSQL all tables go in one statement (data-modifying CTEs over JSON
record sets, whatever the number of rows); on SQLite in one `executemany` per
table. Both leave types, keys and checks to the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Table, bindparam, insert, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from loyalty.foundation.db import Base, LostUpdate, metadata, table_of
from loyalty.foundation.keyed import Frequent

Row = Mapping[str, Any]
Key = tuple[Any, ...]
Step = tuple[Table, str, list[Row]]
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]
NATURAL_KEY = "external_id"
GUARD = "was_"  # a field `was_version` must still be the row's version


class Changes:
    """Collects the rows to insert and update, then writes them at once."""

    def __init__(self) -> None:
        self._inserts: dict[Table, list[Row]] = {}
        self._updates: dict[Table, dict[Key, Row]] = {}

    def insert(self, model: type[Base], *rows: Row) -> None:
        """Add new rows."""
        self._inserts.setdefault(table_of(model), []).extend(rows)

    def update(self, model: type[Base], *rows: Row) -> None:
        """Add changed rows, each with its whole primary key; changes of one row are merged.

        A field `was_<column>` guards: the row must still hold that value, else
        the write raises `LostUpdate`.
        """
        table = table_of(model)
        of_table = self._updates.setdefault(table, {})
        for row in rows:
            key = _key(table, row)
            of_table[key] = {**of_table[key], **row} if key in of_table else row

    def write(self, connection: Connection) -> None:
        """Write everything collected and forget it."""
        steps = self._steps()
        self._inserts, self._updates = {}, {}
        if not steps:
            return
        if connection.dialect.name == "postgresql":
            _write_in_one(connection, steps)
        else:
            _write_each(connection, steps)

    def _steps(self) -> list[Step]:
        """Sort by table (parents first) and by the columns that the rows name."""
        for table in self._inserts.keys() & self._updates.keys():
            self._complete_new_rows(table)
        steps: list[Step] = []
        for table, rows in sorted(self._inserts.items(), key=lambda item: _rank(item[0])):
            steps += [(table, "insert", alike) for alike in _by_columns(_in_key_order(table, rows))]
        for table, changed in self._updates.items():
            steps += [(table, "update", alike) for alike in _by_columns(changed.values())]
        return steps

    def _complete_new_rows(self, table: Table) -> None:
        """Let a change of a row that is itself new become part of the new row."""
        changed = self._updates[table]
        complete = []
        for row in self._inserts[table]:
            change = changed.pop(_key(table, row), {})
            values = {name: value for name, value in change.items() if not name.startswith(GUARD)}
            complete.append({**row, **values} if change else row)
        self._inserts[table] = complete


def _in_key_order(table: Table, rows: list[Row]) -> list[Row]:
    """Sort by the shop's own ids, so that two batches never wait for each other crosswise."""
    if len(rows) == 1 or NATURAL_KEY not in table.c:
        return rows
    return sorted(rows, key=lambda row: row[NATURAL_KEY])


def _key(table: Table, row: Row) -> Key:
    return tuple(row[column.name] for column in table.primary_key)


def _by_columns(rows: Iterable[Row]) -> list[list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return list(groups.values())


@lru_cache(maxsize=256)
def _rank(table: Table) -> int:
    """Parents before children, as SQLite checks foreign keys statement by statement."""
    return metadata.sorted_tables.index(table)


def _write_each(connection: Connection, steps: list[Step]) -> None:
    for table, verb, rows in steps:
        if verb == "insert":
            connection.execute(insert(table), [dict(row) for row in rows])
            continue
        statement = _update_statement(table, tuple(rows[0]))
        renamed = [{f"p_{name}": value for name, value in row.items()} for row in rows]
        if connection.execute(statement, renamed).rowcount != len(rows):
            raise LostUpdate(table.name)


@lru_cache(maxsize=256)
def _update_statement(table: Table, names: tuple[str, ...]) -> Any:
    keys, values, guards = _roles(table, names)
    return (
        update(table)
        .where(*(table.c[key] == bindparam(f"p_{key}") for key in keys))
        .where(*(table.c[name.removeprefix(GUARD)] == bindparam(f"p_{name}") for name in guards))
        .values({name: bindparam(f"p_{name}") for name in values})
    )


def _write_in_one(connection: Connection, steps: list[Step]) -> None:
    shape = tuple((table, verb, tuple(rows[0]), len(rows) == 1) for table, verb, rows in steps)
    parameters = {f"rows_{n}": _dump(rows) for n, (_, _, rows) in enumerate(steps)}
    (written,) = _statement(shape).rows(connection, parameters)
    for count, (table, _, rows) in zip(written, steps, strict=True):
        if count != len(rows):
            raise LostUpdate(table.name)


def _dump(rows: list[Row]) -> str:
    given = rows[0] if len(rows) == 1 else rows
    return orjson.dumps(given, option=orjson.OPT_NON_STR_KEYS).decode()


@lru_cache(maxsize=256)
def _statement(shape: tuple[tuple[Table, str, tuple[str, ...], bool], ...]) -> Frequent:
    parts = [_part(n, *step) for n, step in enumerate(shape)]
    counts = ", ".join(f"(SELECT count(*) FROM w{n})" for n in range(len(shape)))  # noqa: S608
    return Frequent(text(f"WITH {', '.join(parts)} SELECT {counts}"))


def _part(n: int, table: Table, verb: str, names: tuple[str, ...], single: bool) -> str:  # noqa: FBT001
    columns = ", ".join(f'"{name}" {_type(table, name)}' for name in names)
    # the planner takes a set for a hundred rows, and would read a whole table to change one
    function = "json_to_record" if single else "json_to_recordset"
    rows = f"{function}(CAST(:rows_{n} AS json)) AS r({columns})"
    if verb == "insert":
        listed = ", ".join(f'"{name}"' for name in names)
        into = f'INSERT INTO "{table.name}" ({listed})'
        return f"w{n} AS ({into} SELECT {listed} FROM {rows} RETURNING 1)"  # noqa: S608
    keys, values, guards = _roles(table, names)
    assignments = ", ".join(f'"{name}" = r."{name}"' for name in values)
    match = " AND ".join(
        [f't."{key}" = r."{key}"' for key in keys]
        + [f't."{name.removeprefix(GUARD)}" = r."{name}"' for name in guards]
    )
    change = f'UPDATE "{table.name}" AS t SET {assignments}'  # noqa: S608
    return f"w{n} AS ({change} FROM {rows} WHERE {match} RETURNING 1)"


def _roles(table: Table, names: tuple[str, ...]) -> tuple[list[str], list[str], list[str]]:
    keys = [column.name for column in table.primary_key]
    guards = [name for name in names if name.startswith(GUARD)]
    return keys, [name for name in names if name not in keys and name not in guards], guards


def _type(table: Table, name: str) -> str:
    column = table.c[name.removeprefix(GUARD)]
    return column.type.compile(_POSTGRESQL).split(" COLLATE ")[0]
