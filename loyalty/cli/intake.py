"""From the cells of a row to what a service takes: which column is which field, how it is read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import click
import marshmallow as ma
import orjson

from loyalty.cli.tables import REASON, Record
from loyalty.foundation.problems import Problem
from loyalty.foundation.web import parsing

METADATA = "metadata."
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,16}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Read = Callable[[str], Any]
Values = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """What rows of one kind have: the fields, how some are read, and the schema of the whole.

    `shape` turns values by field into what the schema takes; it is told the row's number too.
    """

    fields: Collection[str]
    required: Collection[str]
    readers: Mapping[str, Read]
    schema: ma.Schema
    shape: Callable[[Values, int], Values]
    has_metadata: bool = False

    def knows(self, field: str) -> bool:
        """Whether rows have this field."""
        return field in self.fields or (self.has_metadata and field.startswith(METADATA))


class Columns:
    """Where in a row each field is. Raises `ClickException` for what does not fit.

    `renamed` are column names by field; other fields are in the columns of their own names.
    `names` has both, `ignored` the columns that hold none.
    """

    def __init__(self, form: Form, header: Sequence[str], renamed: Mapping[str, str]) -> None:
        self._form = form
        for field in renamed:
            if not form.knows(field):
                raise click.ClickException(
                    f"There is no field {field!r}; rows have {', '.join(form.fields)}."
                )
        own = {name: name for name in header if form.knows(name) and name not in renamed.values()}
        self.names = {**own, **renamed}
        self._places = [
            (field, _place(name, header), form.readers.get(field))
            for field, name in self.names.items()
        ]
        for field in form.required:
            if field not in self.names:
                raise click.ClickException(
                    f"The file has no column {field!r}; say which one it is with --column "
                    f"{field}=NAME. Its columns are {', '.join(header)}."
                )
        self.ignored = [name for name in header if name not in {*self.names.values(), REASON}]

    def read(self, record: Record) -> Values | str:
        """Return a row as the schema loads it, or what is wrong with it."""
        if record.fault is not None:
            return record.fault
        values: Values = {}
        for field, place, read in self._places:
            if text := record.cells[place].strip():
                values[field] = read(text) if read else text
        try:
            loaded: Values = self._form.schema.load(self._form.shape(values, record.number))
        except ma.ValidationError as error:
            return self.reason(parsing.invalid(error.messages))
        return loaded

    def reason(self, problem: Problem) -> str:
        """Return why a row was refused, in the words of its columns."""
        faults = [f"{self._column(error.pointer)} {error.detail}" for error in problem.errors]
        return "; ".join(faults) or problem.detail

    def not_read(self) -> str:
        """Return a sentence about the columns that hold no field, and what may have been meant."""
        said = []
        for name in self.ignored:
            meant = difflib.get_close_matches(name, self._form.fields, n=1)
            said.append(f"{name} (did you mean {meant[0]}?)" if meant else name)
        return f"Columns that are not read: {', '.join(said)}."

    def _column(self, pointer: str) -> str:
        steps = [step for step in pointer.split("/")[1:] if step != "external_id"]
        if steps[:1] == ["member"] and len(steps) > 1:
            steps = steps[1:]
        field = ".".join(steps)
        return self.names.get(field, field) or "the row"


def whole_number(text: str) -> int | str:
    """Return the number, or the text as it is for the schema to refuse."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text


def json(text: str) -> Any:
    """Return the value of a cell that holds JSON, or the text as it is."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def beginning_of_day(zone: str) -> Read:
    """Make a reader of instants that takes a mere date as the beginning of that local day."""
    return _of_day(zone, days=0)


def end_of_day(zone: str) -> Read:
    """Make a reader of instants that takes a mere date as the end of that local day."""
    return _of_day(zone, days=1)


def _of_day(zone: str, *, days: int) -> Read:
    @lru_cache(maxsize=4096)
    def read(text: str) -> str:
        if not _DAY.fullmatch(text):
            return text
        try:
            day = date.fromisoformat(text) + timedelta(days=days)
        except (ValueError, OverflowError):
            return text
        local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        return f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    return read


def _place(name: str, header: Sequence[str]) -> int:
    if header.count(name) != 1:
        has = "several columns" if name in header else "no column"
        raise click.ClickException(
            f"The file has {has} {name!r}; its columns are {', '.join(header)}."
        )
    return header.index(name)
