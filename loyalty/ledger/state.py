"""An account in memory: what the kernel decides on, and what changed since it was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from loyalty.foundation.money import written

FOREVER = datetime.max.replace(tzinfo=UTC)
PAST = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Stamp:
    """Who writes, when, because of which request, and what a unit is called.

    Accounts of one unit in one book share theirs: `Book.sign` changes who writes for all of them.
    """

    now: datetime
    actor: str
    request_id: str | None = None
    one: str = "point"
    other: str = "points"
    currency: str | None = None

    def count(self, units: int) -> str:
        """Return `1 point`, `2 points`, or where units are money `12.50 EUR`."""
        if self.currency is not None:
            return written(units, self.currency)
        return f"{units:,} {self.one if units == 1 else self.other}"


@dataclass(frozen=True, slots=True)
class Posting:
    """Why a movement happens: its kind, natural key, explanation and time."""

    kind: str
    source_type: str
    source_id: str
    explanation: str
    occurred_at: datetime
    breakdown: list[dict[str, Any]] | None = None
    terms_version: int | None = None
    reverses: str | None = None
    counterpart: str | None = None


@dataclass(slots=True)
class Lot:
    """What was granted together; `remaining` is pending until `settled`, then available."""

    number: int
    granted: int
    remaining: int
    held: int
    expired: int
    settled: bool
    available_at: datetime
    expires_at: datetime | None
    source_type: str
    source_id: str

    @property
    def due(self) -> datetime | None:
        """When time changes this lot next."""
        if not self.remaining:
            return None
        if not self.settled:
            return min(self.available_at, self.expires_at or FOREVER)
        return self.expires_at

    @property
    def spending_order(self) -> tuple[datetime, datetime, int]:
        """Soonest to expire first, then oldest."""
        return (self.expires_at or FOREVER, self.available_at, self.number)


@dataclass(slots=True)
class Hold:
    """Units set aside; `lots` are (lot number, units) in the order of spending."""

    id: str
    units: int
    lots: list[tuple[int, int]]
    state: str
    captured: int
    returned: int
    created_at: datetime
    expires_at: datetime
    closed_at: datetime | None = None


@dataclass(slots=True)
class Account:
    """An account's balances with the lots and holds that were read along.

    `lots` is None while nothing needed them: a plain grant touches no old lot.
    """

    stamp: Stamp
    id: str
    owner_id: str
    program_id: str
    unit: str
    available: int
    pending: int
    held: int
    debt: int
    earned: int
    peak: int
    version: int
    entry_count: int
    lot_count: int
    head: str
    next_due: datetime | None
    lots: dict[int, Lot] | None = None
    holds: dict[str, Hold] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    new_lots: dict[int, Lot] = field(default_factory=dict)
    changed_lots: dict[int, Lot] = field(default_factory=dict)
    new_holds: dict[str, Hold] = field(default_factory=dict)
    changed_holds: dict[str, Hold] = field(default_factory=dict)
    moved_holds: dict[str, Hold] = field(default_factory=dict)
    touched: bool = False

    @property
    def total(self) -> int:
        """All that the owner has, less what is owed."""
        return self.available + self.pending + self.held - self.debt

    def is_due(self) -> bool:
        """Whether something should have settled, expired or been released by now."""
        return self.next_due is not None and self.next_due <= self.stamp.now

    def spendable(self) -> list[Lot]:
        """Lots with available units, in the order of spending."""
        lots = (lot for lot in self.known_lots() if lot.settled and lot.remaining)
        return sorted(lots, key=lambda lot: lot.spending_order)

    def known_lots(self) -> Iterable[Lot]:
        """Return all lots that were read or made; the reading must have happened."""
        if self.lots is None:
            raise LookupError(f"the lots of {self.id} were not read")
        return self.lots.values()

    def changed(self, lot: Lot) -> None:
        """Note that a lot has to be written back."""
        if lot.number not in self.new_lots:
            self.changed_lots[lot.number] = lot

    def hold_changed(self, hold: Hold) -> None:
        """Note that a hold has to be written back."""
        if hold.id not in self.new_holds:
            self.changed_holds[hold.id] = hold
