"""The gate: gestures of a program pass it one after the other, and are weighed on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from loyalty.foundation.bulk import Changes
from loyalty.foundation.db import table_of
from loyalty.ledger.state import PAST
from loyalty.programs import service as programs
from loyalty.recovery.caps import kernel, usage, windows
from loyalty.recovery.caps.facts import Facts, Freed
from loyalty.recovery.caps.kernel import Weighed
from loyalty.recovery.caps.models import CapUsage, RecoveryGate
from loyalty.recovery.caps.terms import CapTerms, caps_of
from loyalty.recovery.caps.usage import Key, Span, Used

GATE = table_of(RecoveryGate)


class Gate:
    """A program's caps at one instant, `at`, which never runs backwards."""

    def __init__(
        self,
        connection: Connection,
        program_id: str,
        version: int,
        at: datetime,
        kept: Iterable[str],
    ) -> None:
        self.connection = connection
        self.program_id = program_id
        self.at = at
        self._caps = caps_of(program_id, version)
        self._zone = programs.terms(program_id, version).document["program"]["timezone"]
        self._kept = set(kept)
        self._used: dict[Key, Used] = {}
        self._changed: set[Key] = set()
        self._freed: set[str] = set()

    def weigh(self, facts: Facts) -> list[Weighed]:
        """Weigh a gesture against every cap that looks at it, in the document's order."""
        pairs = self._pairs(facts)
        self._add_up({**self._stored(pairs), **self._unbuilt(pairs)})
        return [
            kernel.weigh(cap, facts, self._used_of(cap, facts), self._resets_at(cap))
            for cap in self._caps
            if kernel.weighs(cap, facts)
        ]

    def count(self, facts: Facts) -> None:
        """Let a gesture that was weighed count from now on."""
        for cap, key in self._pairs(facts):
            self._add((cap.fingerprint, key), facts.value, 1)

    def free(self, freed: Sequence[Freed]) -> None:
        """Let gestures count no more, in every window that still contains them.

        Sums that nobody keeps are left alone: whoever needs one builds it without these gestures.
        """
        pairs = [(cap, key, one) for one in freed for cap, key in self._pairs(one.facts)]
        self._add_up(self._stored([(cap, key) for cap, key, _ in pairs]))
        for cap, key, one in pairs:
            counted = (cap.fingerprint, key)
            if counted in self._used and one.at > self._used[counted].since:
                self._add(counted, -one.facts.value, 0 if one.still_counts else -1)
        self._freed |= {one.gesture_id for one in freed if not one.still_counts}

    def write_into(self, changes: Changes) -> None:
        """Add what changed to the transaction's changes."""
        kept = sorted({cap.fingerprint for cap in self._caps})
        changes.update(
            RecoveryGate, {"program_id": self.program_id, "last_at": self.at, "kept": kept}
        )
        for cap, key in self._changed:
            used = self._used[cap, key]
            row = {
                "program_id": self.program_id,
                "cap": cap,
                "key": key,
                "used_value": used.value,
                "used_count": used.count,
                "since": used.since,
            }
            (changes.update if used.stored else changes.insert)(CapUsage, row)
        self._changed = set()

    def _pairs(self, facts: Facts) -> list[tuple[CapTerms, str]]:
        """Return the sums that a gesture belongs to, each once: (a cap of it, its key)."""
        found = {
            (cap.fingerprint, key): (cap, key)
            for cap in self._caps
            if kernel.looks_at(cap, facts) and (key := kernel.key_of(cap, facts)) is not None
        }
        return list(found.values())

    def _used_of(self, cap: CapTerms, facts: Facts) -> int:
        key = kernel.key_of(cap, facts)
        if key is None:
            return 0
        used = self._used[cap.fingerprint, key]
        return used.value if cap.measure == "value" else used.count

    def _resets_at(self, cap: CapTerms) -> datetime | None:
        return windows.resets_at(cap.window, self.at, self._zone)

    def _add(self, counted: Key, value: int, count: int) -> None:
        used = self._used[counted]
        used.value += value
        used.count += count
        self._changed.add(counted)

    def _stored(self, pairs: Sequence[tuple[CapTerms, str]]) -> dict[Key, Span]:
        """Read the sums that are kept; return what left their windows since they were touched."""
        unread = {
            (cap.fingerprint, key): cap
            for cap, key in pairs
            if cap.fingerprint in self._kept and (cap.fingerprint, key) not in self._used
        }
        found = usage.find_used(self.connection, self.program_id, unread)
        self._used |= found
        left: dict[Key, Span] = {}
        for pair, used in found.items():
            start = self._since(unread[pair])
            if start > used.since:
                self._slide(pair, start, left, Span(unread[pair], pair[1], used.since, start))
        return left

    def _unbuilt(self, pairs: Sequence[tuple[CapTerms, str]]) -> dict[Key, Span]:
        """Begin the sums that nobody keeps yet; return what is in their windows."""
        spans = {}
        for cap, key in pairs:
            pair = (cap.fingerprint, key)
            if pair not in self._used:
                start = self._since(cap)
                self._used[pair] = Used(0, 0, start, stored=False)
                spans[pair] = Span(cap, key, start, self.at)
        return spans

    def _add_up(self, spans: Mapping[Key, Span]) -> None:
        """Put into new sums what is in their windows, take from kept ones what left theirs."""
        sums = usage.add_up(self.connection, self.program_id, list(spans.values()), self._freed)
        for pair, (value, count) in zip(spans, sums, strict=True):
            sign = -1 if self._used[pair].stored else 1
            self._add(pair, sign * value, sign * count)

    def _since(self, cap: CapTerms) -> datetime:
        return windows.since(cap.window, self.at, self._zone)

    def _slide(self, pair: Key, start: datetime, spans: dict[Key, Span], left: Span) -> None:
        """Let the window begin later: what left it is taken off, or a new period starts at nothing.

        Whoever gave something in the new period would have begun it.
        """
        used = self._used[pair]
        used.since = start
        if self._resets_at(left.cap) is None:
            spans[pair] = left
        else:
            used.value = used.count = 0
            self._changed.add(pair)


def open_gate(connection: Connection, program_id: str, version: int, now: datetime) -> Gate:
    """Lock a program's gate: nobody else gives there until the transaction ends."""
    row = connection.execute(_find(program_id).with_for_update()).one_or_none()
    if row is None:
        _make(connection, program_id)
        row = connection.execute(_find(program_id).with_for_update()).one()
    gone = set(row.kept) - {cap.fingerprint for cap in caps_of(program_id, version)}
    usage.forget(connection, program_id, gone)
    return Gate(connection, program_id, version, max(now, row.last_at), row.kept)


def preview_gate(connection: Connection, program_id: str, version: int, now: datetime) -> Gate:
    """Return a gate that nobody waits at, to weigh what is not given."""
    row = connection.execute(_find(program_id)).one_or_none()
    at, kept = (now, []) if row is None else (max(now, row.last_at), row.kept)
    return Gate(connection, program_id, version, at, kept)


def _find(program_id: str) -> Select[Any]:
    return select(GATE.c.last_at, GATE.c.kept).where(GATE.c.program_id == program_id)


def _make(connection: Connection, program_id: str) -> None:
    """Make a program's gate, unless someone else has just done so."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"program_id": program_id, "last_at": PAST, "kept": []}
    connection.execute(dialect.insert(GATE).values(row).on_conflict_do_nothing())
