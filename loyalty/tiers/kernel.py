"""Which tier a member is in: pure, exact to the microsecond, the same whenever it is asked.

What a member did counts from its instant until a window later, that end not
included; the window's days and months are those of the program's time zone. A
tier is held while what counts reaches its threshold, and for its grace after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from loyalty.foundation import clock

MEASURES = ("points", "spend", "orders")

_CALENDAR_SLACK = timedelta(days=8)  # twice what months (3 days) and zones (1) can differ


class Activity(NamedTuple):
    """Something that counts towards tiers: points, minor units spent, and orders.

    What takes back is negative, at the instant it happened.
    """

    at: datetime
    points: int = 0
    spend: int = 0
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier, compiled. `window` and `grace` are durations, counted in `zone`."""

    id: str
    name: str
    measure: str
    needed: int
    window: str | None
    grace: str
    zone: str


class Progress(NamedTuple):
    """How far a member is towards a tier, right now and without any grace."""

    tier: str
    measure: str
    needed: int
    have: int
    missing: int


class Standing(NamedTuple):
    """The tier held, or None; until when, if nothing more happens (None: for ever)."""

    tier: str | None
    until: datetime | None
    progress: list[Progress]


class _Count(NamedTuple):
    """An amount, and from when until when it counts; the end is not included."""

    start: datetime
    end: datetime | None
    amount: int


class _Span(NamedTuple):
    """From when until when a tier is reached or held; the end is not included."""

    start: datetime
    end: datetime | None


def compile_tiers(document: Mapping[str, Any]) -> tuple[Tier, ...]:
    """Compile the tiers of a program document in its normal form, the lowest first."""
    zone = document["program"]["timezone"]
    return tuple(_compile(raw, zone) for raw in document["tiers"])


def _compile(raw: Mapping[str, Any], zone: str) -> Tier:
    qualify = raw["qualify"]
    measure = next(name for name in MEASURES if name in qualify)
    return Tier(
        id=raw["id"],
        name=raw.get("name", raw["id"]),
        measure=measure,
        needed=qualify[measure],
        window=qualify.get("window"),
        grace=raw.get("grace", "PT0S"),
        zone=zone,
    )


def oldest_needed(tiers: Sequence[Tier], at: datetime) -> datetime | None:
    """Return the instant from which activity must be known, or None if all of it must be."""
    if any(tier.window is None for tier in tiers):
        return None
    return min((_since(tier, at) for tier in tiers), default=at)


def standing(tiers: Sequence[Tier], activity: Sequence[Activity], at: datetime) -> Standing:
    """Return where a member stands at an instant, given what happened until then.

    Activity may come in any order; what is later than `at`, or earlier than
    `oldest_needed`, makes no difference.
    """
    counted = [_counted(tier, activity, at) for tier in tiers]
    progress = [_progress(tier, counts, at) for tier, counts in zip(tiers, counted, strict=True)]
    for tier, counts in zip(reversed(tiers), reversed(counted), strict=True):
        for span in _held(tier, counts):
            if span.start <= at and (span.end is None or at < span.end):
                return Standing(tier.id, span.end, progress)
    return Standing(None, None, progress)


def _counted(tier: Tier, activity: Sequence[Activity], at: datetime) -> list[_Count]:
    since = None if tier.window is None else _since(tier, at)
    return [
        _Count(
            done.at,
            None if tier.window is None else clock.add(tier.window, done.at, tier.zone),
            getattr(done, tier.measure),
        )
        for done in activity
        if done.at <= at and (since is None or done.at > since)
    ]


def _since(tier: Tier, at: datetime) -> datetime:
    """Return an instant before all that can matter: reckoned generously, decided exactly later."""
    before_grace = clock.subtract(tier.grace, at, tier.zone)
    return clock.subtract(tier.window or "PT0S", before_grace, tier.zone) - _CALENDAR_SLACK


def _progress(tier: Tier, counts: Sequence[_Count], at: datetime) -> Progress:
    have = sum(count.amount for count in counts if count.end is None or at < count.end)
    return Progress(tier.id, tier.measure, tier.needed, have, max(0, tier.needed - have))


def _held(tier: Tier, counts: Sequence[_Count]) -> Iterator[_Span]:
    """Yield the times in which a tier is held, those that touch made one, in order of time."""
    joined: _Span | None = None
    for span in _reached(tier, counts):
        end = None if span.end is None else clock.add(tier.grace, span.end, tier.zone)
        if joined and joined.end and span.start > joined.end:
            yield joined
            joined = None
        joined = _Span(joined.start if joined else span.start, end)
    if joined:
        yield joined


def _reached(tier: Tier, counts: Sequence[_Count]) -> Iterator[_Span]:
    """Yield the times in which what counts reaches the threshold, in order of time."""
    changes: dict[datetime, int] = defaultdict(int)
    for count in counts:
        changes[count.start] += count.amount
        if count.end is not None:
            changes[count.end] -= count.amount
    total, since = 0, None
    for moment in sorted(changes):
        total += changes[moment]
        if total >= tier.needed and since is None:
            since = moment
        elif total < tier.needed and since is not None:
            yield _Span(since, moment)
            since = None
    if since is not None:
        yield _Span(since, None)
