"""What is due happens: points settle or expire and holds end, also where nobody asks.

Requests settle the accounts they touch themselves, with the same result. This
is for those that nobody touches, so that events come in time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from loyalty.foundation import db
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger import queries as ledger
from loyalty.ledger.book import POINTS, Book, stamp_of
from loyalty.ledger.state import Account
from loyalty.points import queries
from loyalty.programs import service as programs


def list_due_programs(now: datetime) -> Sequence[str]:
    """Return the ids of programs where something is due; `now` is the system's time."""
    return queries.list_due_programs(db.connection(), now)


def settle_due_accounts(call: Call, *, limit: int) -> Counter[str]:
    """Settle up to `limit` accounts where something is due and nobody else is at work.

    Returns what was done: `accounts` settled, `points_expired`, `vouchers_expired`,
    `holds_released`; nothing, if nothing is due.
    """
    connection, current = db.connection(), programs.current(call.program_id, call.now)
    book = Book(connection, stamp_of(call, current.now, current.terms.document))
    book.adopt(ledger.claim_due_accounts(connection, call.program_id, now=current.now, limit=limit))
    book.read()
    changes = Changes()
    book.write_into(changes)
    changes.write(connection)
    return sum(map(_done, book.accounts.values()), Counter())


def _done(account: Account) -> Counter[str]:
    expired = [-entry["points"] for entry in account.entries if entry["kind"] == "expire"]
    ended = sum(hold.state == "expired" for hold in account.changed_holds.values())
    done = Counter(accounts=1, holds_released=ended)
    if account.unit == POINTS:
        done["points_expired"] = sum(expired)
    else:
        done["vouchers_expired"] = len(expired)
    return done
