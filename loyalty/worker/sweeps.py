"""The sweeps: each does what is due, page by page, in small transactions that may be repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from loyalty.foundation import clock, db, idempotency
from loyalty.foundation.call import Call
from loyalty.orders.service import review
from loyalty.points import settling
from loyalty.recovery.follow_ups import service as follow_ups
from loyalty.recovery.proactive import service as proactive
from loyalty.recovery.service import deciding
from loyalty.vouchers import guessing

PAGE = 200  # accounts or members of one transaction: short enough that nobody waits long
ACTOR = "worker"

Done = Counter[str]


class Sweep(NamedTuple):
    """Something to look after; `pages` yields what each transaction did until nothing is due."""

    name: str
    pages: Callable[[], Iterator[Done]]
    pause_seconds: float = 0
    """How long it may rest after it was run, if that is longer than the worker's own pause."""


def _settle_points() -> Iterator[Done]:
    return _in_programs(settling.list_due_programs, settling.settle_due_accounts)


def _review_tiers() -> Iterator[Done]:
    return _in_programs(review.list_due_programs, review.review_due_members)


def _tell_follow_ups() -> Iterator[Done]:
    return _in_programs(follow_ups.list_due_programs, follow_ups.tell_due)


def _end_approvals() -> Iterator[Done]:
    def end(call: Call, *, limit: int) -> Done:
        del limit  # all of a program at once: few wait for so long
        return Counter(gestures=deciding.expire_undecided(call))

    return _in_programs(deciding.list_due_programs, end)


def _give_gifts() -> Iterator[Done]:
    return _in_programs(proactive.list_due_programs, proactive.give_due)


def _forget_keys() -> Iterator[Done]:
    return _pages(lambda: Counter(keys=idempotency.forget_expired(now=clock.system_now())))


def _forget_guesses() -> Iterator[Done]:
    return _pages(lambda: Counter(guesses=guessing.forget_old(now=clock.system_now())))


SWEEPS = (
    Sweep("settle points", _settle_points),
    Sweep("review tiers", _review_tiers),
    Sweep("end approvals", _end_approvals),
    Sweep("tell follow-ups due", _tell_follow_ups),
    Sweep("give gifts", _give_gifts, pause_seconds=60),
    Sweep("forget idempotency keys", _forget_keys, pause_seconds=600),
    Sweep("forget voucher guesses", _forget_guesses, pause_seconds=600),
)


def _in_programs(
    list_due: Callable[[datetime], Sequence[str]], run: Callable[..., Done]
) -> Iterator[Done]:
    with db.reading():
        program_ids = list_due(clock.system_now())
    for program_id in program_ids:

        def page(program_id: str = program_id) -> Done:
            call = Call(program_id, ACTOR, None, clock.system_now())
            return run(call, limit=PAGE)

        yield from _pages(page)


def _pages(page: Callable[[], Done]) -> Iterator[Done]:
    def unit() -> Done:
        with db.transaction():
            return +page()

    while done := db.retrying(unit):
        yield done
