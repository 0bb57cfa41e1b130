"""How far the import of a file has come, remembered in the transaction of its rows.

Whatever ends an import, what is remembered is what is committed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.foundation import db


class ImportProgress(db.Base):
    """The last committed row of a file that is being imported, or was.

    `file` is the hash of what is imported and how it is read. `rejected_bytes` is how long the
    file of rejected rows was then.
    """

    __tablename__ = "import_progress"
    __table_args__ = (
        CheckConstraint("recorded + repeated + rejected = row_count", name="all_rows"),
    )

    program_id: Mapped[str] = mapped_column(db.Id, ForeignKey("program.id"), primary_key=True)
    file: Mapped[str] = mapped_column(String(64), primary_key=True)
    row_count: Mapped[int] = mapped_column(db.BigInt)
    recorded: Mapped[int] = mapped_column(db.BigInt)
    repeated: Mapped[int] = mapped_column(db.BigInt)
    rejected: Mapped[int] = mapped_column(db.BigInt)
    rejected_bytes: Mapped[int] = mapped_column(db.BigInt)
    updated_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows of a file that are done, and what became of them."""

    row_count: int = 0
    recorded: int = 0
    repeated: int = 0
    rejected: int = 0
    rejected_bytes: int = 0


_TABLE = db.table_of(ImportProgress)
_COLUMNS = [_TABLE.c[name] for name in Progress.__slots__]


def find_progress(program_id: str, file: str) -> Progress:
    """Return how far a file has come; nowhere, if it was never begun."""
    row = db.connection().execute(select(*_COLUMNS).where(*_is(program_id, file))).one_or_none()
    return Progress() if row is None else Progress(*row)


def note_progress(program_id: str, file: str, progress: Progress, *, now: datetime) -> None:
    """Remember how far a file has come, together with its rows or not at all."""
    values = {**asdict(progress), "updated_at": now}
    connection = db.connection()
    changed = connection.execute(update(_TABLE).where(*_is(program_id, file)).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(_TABLE), {"program_id": program_id, "file": file, **values})


def _is(program_id: str, file: str) -> tuple[ColumnElement[bool], ...]:
    return (_TABLE.c.program_id == program_id, _TABLE.c.file == file)
