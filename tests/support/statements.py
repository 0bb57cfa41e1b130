"""Counts SQL statements: `with statements.seen() as sent: …; assert len(sent) == 1`."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from loyalty.foundation import db


@contextmanager
def seen() -> Iterator[list[str]]:
    """Collect what is sent to the database of the current application, BEGIN and COMMIT apart."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    engine = db.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
