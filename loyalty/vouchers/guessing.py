"""Guessing codes is slowed down: so many tries in vain for each client, key and program.

Tries are counted in the database, for all processes together, in a transaction of their own
after the refused one is undone (`vouchers.guard` opens it). Over the limit the answer is 429
whatever the code, so nothing is learned by going on. A try that raced past the look at the
counts is still answered 429 when it is counted, unless its code was good.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, delete, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from loyalty.foundation import clock, db
from loyalty.foundation.call import Call
from loyalty.foundation.db import table_of
from loyalty.foundation.keyed import Frequent
from loyalty.foundation.problems import Problem
from loyalty.foundation.tenancy import Program
from loyalty.programs import service as programs
from loyalty.vouchers.models import VoucherGuess
from loyalty.vouchers.terms import VoucherTerms, vouchers_of

GUESS = table_of(VoucherGuess)
PROGRAM = table_of(Program)
EVERYONE = ""  # the row that counts for the program
KEY = "key_"  # how the id of a key begins, which counts for shoppers that nobody names
KEPT = timedelta(days=30)


class TooManyGuesses(Problem):
    """Too many codes were tried in vain."""

    code = "too_many_guesses"
    status = 429
    title = "Too many voucher codes were tried"
    about = (
        "So many codes that cannot be used were tried, by this client or in the whole program, "
        "that no code is looked at for a while, right or wrong. Wait as long as Retry-After says. "
        "The program's document sets the limits under `vouchers`."
    )


class Attempt(NamedTuple):
    """A call that tries a code: for whom it counts, by which terms, at which time."""

    program_id: str
    client: str | None
    terms: VoucherTerms
    now: datetime


_attempt: ContextVar[Attempt | None] = ContextVar("attempt", default=None)

_COUNTS = Frequent(
    select(PROGRAM.c.version, PROGRAM.c.test_now, GUESS.c.client, GUESS.c.since, GUESS.c.count)
    .select_from(PROGRAM)
    .outerjoin(
        GUESS,
        and_(
            GUESS.c.program_id == PROGRAM.c.id,
            or_(GUESS.c.client == EVERYONE, GUESS.c.client == bindparam("client")),
        ),
    )
    .where(PROGRAM.c.id == bindparam("program_id"))
)


def refuse_if_over(call: Call, client: str | None) -> programs.Current:
    """Begin a try of a code, unless there were too many in vain; return the program's terms.

    Call it first, in the transaction that looks at the code, in a view that is
    `guarded_from_guessing`. `client` is what `guard.client_of` returned. One statement, always.
    Raises TooManyGuesses.
    """
    parameters = {"program_id": call.program_id, "client": client or EVERYONE}
    rows = _COUNTS.rows(db.connection(), parameters)
    version, test_now = rows[0][:2]
    now = test_now or call.now
    attempt = Attempt(call.program_id, client, vouchers_of(call.program_id, version), now)
    _attempt.set(attempt)
    counts = [tuple(row[2:]) for row in rows if row[2] is not None]
    _refuse(attempt, counts, reached=1)
    return programs.Current(programs.terms(call.program_id, version), now)


def begin() -> None:
    """Forget the try of an earlier call."""
    _attempt.set(None)


def find_attempt() -> Attempt | None:
    """Return the try that the present call made, if it got so far."""
    return _attempt.get()


def count_failure(connection: Connection, attempt: Attempt) -> None:
    """Count a try in vain. Raises TooManyGuesses if others were counted past the limit first.

    Whoever calls this keeps what it wrote, also when it raises.
    """
    clients = [attempt.client, EVERYONE] if attempt.client else [EVERYONE]
    rows = [
        {"program_id": attempt.program_id, "client": one, "since": attempt.now, "count": 1}
        for one in clients
    ]
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(GUESS).values(rows)
    is_over = GUESS.c.since <= clock.subtract(attempt.terms.guess_window, attempt.now)
    upsert = new.on_conflict_do_update(
        index_elements=[GUESS.c.program_id, GUESS.c.client],
        set_={
            "since": case((is_over, new.excluded.since), else_=GUESS.c.since),
            "count": case((is_over, 1), else_=GUESS.c.count + 1),
        },
    ).returning(GUESS.c.client, GUESS.c.since, GUESS.c.count)
    counts = [tuple(row) for row in connection.execute(upsert)]
    _refuse(attempt, counts, reached=0)


def forget_old(*, now: datetime, limit: int = 1000) -> int:
    """Delete counts that began over 30 days ago, oldest first; returns how many.

    `now` is the system's time.
    """
    connection, keys = db.connection(), (GUESS.c.program_id, GUESS.c.client)
    is_old = GUESS.c.since < now - KEPT
    old = select(*keys).where(is_old).order_by(GUESS.c.since).limit(limit)
    found = [tuple(row) for row in connection.execute(old)]
    if found:
        connection.execute(delete(GUESS).where(tuple_(*keys).in_(found), is_old))
    return len(found)


def _limit(terms: VoucherTerms, client: str) -> int:
    if client == EVERYONE:
        return terms.guesses_per_program
    return terms.guesses_per_key if client.startswith(KEY) else terms.guesses_per_client


def _refuse(attempt: Attempt, counts: Iterable[tuple[Any, ...]], *, reached: int) -> None:
    """Raise TooManyGuesses if a count with `reached` more would be over its limit."""
    ends = []
    for client, since, count in counts:
        limit = _limit(attempt.terms, client)
        end = clock.add(attempt.terms.guess_window, since)
        if count + reached > limit and end > attempt.now:
            ends.append(end)
    if ends:
        seconds = max(1, ceil((max(ends) - attempt.now).total_seconds()))
        raise TooManyGuesses(
            f"Too many voucher codes were tried in vain; try again in {seconds} seconds.",
            headers={"Retry-After": str(seconds)},
        )
