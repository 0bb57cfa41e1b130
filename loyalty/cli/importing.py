"""Running an import: chunk by chunk, each one transaction together with how far it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Protocol

import click
import orjson

from loyalty.cli import meter
from loyalty.cli.group import actor
from loyalty.cli.intake import Columns, Values
from loyalty.cli.tables import Record, Rejects, Table
from loyalty.foundation import clock, db, progress
from loyalty.foundation.call import Call
from loyalty.foundation.problems import Problem
from loyalty.foundation.progress import Progress

ROWS_AT_ONCE = 500  # in one transaction


class Outcome(Protocol):
    """What a service says of one row: recorded, recorded before, or refused."""

    @property
    def replayed(self) -> bool:
        """Whether it was recorded before."""

    @property
    def problem(self) -> Problem | None:
        """Why it was refused."""


Save = Callable[[Call, Sequence[Values]], Sequence[Outcome]]


@dataclass(frozen=True)
class Import:
    """A file on its way into a program; `save` records a chunk of its rows."""

    kind: str
    program_id: str
    table: Table
    columns: Columns
    save: Save

    def run(self, *, resume: bool) -> Progress:
        """Import the file, or with `resume` what is left of it; return what became of all rows."""
        rejects = Rejects.beside(self.table)
        done = self._find_progress() if resume else Progress()
        rejects.require(done.rejected_bytes)
        records = islice(self.table.records(), done.row_count, None)
        with meter.rows_done(done.row_count, self.table.line_count) as reach:
            try:
                for chunk in _chunks(records):
                    done = db.retrying(partial(self._commit, chunk, done, rejects))
                    reach(done.row_count)
            except KeyboardInterrupt:
                db.session.remove()
                committed = self._find_progress().row_count
                raise click.ClickException(
                    f"Stopped after {committed} rows; --resume goes on from there."
                ) from None
        return done

    def _commit(self, chunk: Sequence[Record], before: Progress, rejects: Rejects) -> Progress:
        now = clock.system_now()
        read = [self.columns.read(record) for record in chunk]
        with db.transaction():
            faults, repeated = self._save(Call(self.program_id, actor(), None, now), read)
            refused = [
                (record.cells, fault)
                for record, fault in zip(chunk, faults, strict=True)
                if fault is not None
            ]
            done = Progress(
                row_count=before.row_count + len(chunk),
                recorded=before.recorded + len(chunk) - repeated - len(refused),
                repeated=before.repeated + repeated,
                rejected=before.rejected + len(refused),
                rejected_bytes=rejects.put(before.rejected_bytes, refused),
            )
            progress.note_progress(self.program_id, self._key, done, now=now)
        return done

    def _save(self, call: Call, read: Sequence[Values | str]) -> tuple[list[str | None], int]:
        """Record what could be read; return why each row was refused, and how many are known."""
        good = [values for values in read if not isinstance(values, str)]
        outcomes = iter(self.save(call, good) if good else ())
        faults: list[str | None] = []
        repeated = 0
        for values in read:
            if isinstance(values, str):
                faults.append(values)
                continue
            outcome = next(outcomes)
            repeated += outcome.replayed
            faults.append(self.columns.reason(outcome.problem) if outcome.problem else None)
        return faults, repeated

    def _find_progress(self) -> Progress:
        with db.reading():
            return progress.find_progress(self.program_id, self._key)

    @property
    def _key(self) -> str:
        """What is imported, and how it is read."""
        what = [self.kind, self.table.digest, sorted(self.columns.names.items())]
        return sha256(orjson.dumps(what)).hexdigest()


def _chunks(records: Iterator[Record]) -> Iterator[list[Record]]:
    while chunk := list(islice(records, ROWS_AT_ONCE)):
        yield chunk
