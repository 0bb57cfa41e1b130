"""The desk: what giving and deciding have in common, behind the program's gate.

The gate comes first, then the member's account, then the voucher's: everybody locks in this order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from loyalty.foundation import audit, db, events
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.ledger.book import Book, stamp_of
from loyalty.members import accounts
from loyalty.members import service as members
from loyalty.members.accounts import MemberAccount
from loyalty.programs import service as programs
from loyalty.recovery import queries
from loyalty.recovery.caps.facts import Facts, Freed
from loyalty.recovery.caps.gate import Gate, open_gate, preview_gate
from loyalty.recovery.models import EXPIRED, Gesture
from loyalty.recovery.service import precedent
from loyalty.recovery.service.agents import Giver
from loyalty.recovery.terms import RecoveryTerms, recovery_of

GESTURE = queries.GESTURE


class Desk:
    """One call's work: gate, member, book and changes; `now` is the gate's time."""

    def __init__(
        self, call: Call, gate: Gate, current: programs.Current, who: Giver | None
    ) -> None:
        self.call, self.gate, self.current, self.who = call, gate, current, who
        self.now = gate.at
        self.changes = Changes()
        self.book = Book(gate.connection, stamp_of(call, self.now, current.terms.document))

    @property
    def terms(self) -> RecoveryTerms:
        """The program's terms for gestures."""
        return recovery_of(self.call.program_id, self.current.terms.version)

    def member(self, external_id: str, *, locked: bool = True) -> MemberAccount:
        """Lock a member and take their account in, or only read it. Raises MemberNotFound."""
        find = accounts.lock if locked else accounts.find
        found = find(self.gate.connection, self.call.program_id, [external_id]).get(external_id)
        if found is None:
            raise members.not_found(external_id)
        if locked:
            self.book.adopt([found.account])
        return found

    def circumstances(
        self, member_id: str, order_ref: str | None, *, besides: str | None = None
    ) -> dict[str, Any]:
        """Return what giving to this member depends on."""
        return queries.find_circumstances(
            self.gate.connection,
            self.call.program_id,
            member_id,
            order_ref,
            since=precedent.member_since(self.now, self.terms.zone),
            besides=besides,
        )

    def expire_undecided(self) -> Sequence[dict[str, Any]]:
        """Free what waits for an approval that did not come in time; return those gestures."""
        rows = queries.list_undecided(self.gate.connection, self.call.program_id, self.now)
        self.gate.free([freed_of(row) for row in rows])
        for row in rows:
            self.change(row, state=EXPIRED, **freed_columns(row, self.now))
            self.event("gesture.expired", row, {})
        return rows

    def change(self, row: Mapping[str, Any], **values: Any) -> None:
        """Change a gesture's row, and what the caller holds of it if that is a dict."""
        columns = {name: value for name, value in values.items() if name in GESTURE.c}
        self.changes.update(Gesture, {"id": row["id"], **columns})
        if isinstance(row, dict):
            row.update(values)

    def event(self, name: str, row: Mapping[str, Any], data: dict[str, Any]) -> None:
        """Tell what happened to a gesture."""
        told = {"gesture": row["id"], "kind": row["kind"], "reason": row["reason"]}
        events.record(
            self.changes,
            name,
            program_id=self.call.program_id,
            member_id=row["member_id"],
            data={**told, "value": row["value_minor"], "currency": row["currency"], **data},
            request_id=self.call.request_id,
            occurred_at=self.now,
            now=self.now,
        )

    def audit(self, action: str, row: Mapping[str, Any], data: dict[str, Any]) -> None:
        """Put on record who did something to a gesture."""
        agent = self.who.agent if self.who else None
        audit.record(
            self.changes,
            self.call,
            action,
            subject=("gesture", row["id"]),
            now=self.now,
            data={"agent": agent, "member": row["member_id"], "value": row["value_minor"], **data},
        )

    def write(self) -> None:
        """Write everything in one go."""
        self.gate.write_into(self.changes)
        self.book.write_into(self.changes)
        self.changes.write(self.gate.connection)


def open_desk(call: Call, who: Giver | None, current: programs.Current | None = None) -> Desk:
    """Lock the program's gate and open the desk behind it; `current` if it was read already."""
    current = current or programs.current(call.program_id, call.now)
    version = current.terms.version
    gate = open_gate(db.connection(), call.program_id, version, current.now)
    return Desk(call, gate, current, who)


def preview_desk(call: Call, who: Giver, current: programs.Current) -> Desk:
    """Open a desk at which nobody waits and nothing is written."""
    version = current.terms.version
    gate = preview_gate(db.connection(), call.program_id, version, current.now)
    return Desk(call, gate, current, who)


def facts_of(row: Mapping[str, Any], *, value: int | None = None) -> Facts:
    """Return a gesture's row as caps look at it, or a part of its value."""
    return Facts(
        member_id=row["member_id"],
        agent=row["agent"],
        role=row["role"],
        reason=row["reason"],
        type=row["type"],
        kind=row["kind"],
        value=row["value_minor"] - row["freed_minor"] if value is None else value,
        order_ref=row["order_ref"],
    )


def freed_of(row: Mapping[str, Any]) -> Freed:
    """Return a gesture that does not count any more."""
    return Freed(row["id"], facts_of(row), row["at"])


def freed_columns(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the columns of a gesture that does not count any more."""
    return {"freed_at": now, "freed_minor": row["value_minor"]}
