"""The worker's loop: sweep, rest while nothing is due, and end when told to."""

from __future__ import annotations

import random
import select
import signal
import socket
import time
from collections import Counter
from types import TracebackType
from typing import Self

import structlog

from loyalty.foundation import db
from loyalty.foundation.web import logs
from loyalty.worker.sweeps import SWEEPS, Done, Sweep

SHORTEST_REST_SECONDS = 0.25
LONGEST_REST_SECONDS = 5.0

log = structlog.get_logger()


def run_once() -> dict[str, Done]:
    """Do everything that is due; return what each sweep did."""
    return {sweep.name: sum(sweep.pages(), Counter()) for sweep in SWEEPS}


def run(*, with_messages: bool = False) -> None:
    """Sweep until SIGTERM or SIGINT; the transaction under way is finished first.

    A sweep that fails is logged, `with_messages` with what the error says, and
    tried again later; the others go on.
    """
    rested_until: dict[str, float] = {}
    pause = SHORTEST_REST_SECONDS
    with Stop() as stop:
        log.info("the worker has started")
        while not stop.asked:
            busy = False
            for sweep in SWEEPS:
                if rested_until.get(sweep.name, 0) <= time.monotonic():
                    busy |= _run(sweep, stop, with_messages=with_messages)
                    rested_until[sweep.name] = time.monotonic() + sweep.pause_seconds
            pause = SHORTEST_REST_SECONDS if busy else min(pause * 2, LONGEST_REST_SECONDS)
            stop.wait(pause * random.uniform(0.5, 1))  # noqa: S311 - so that workers fall out of step
    log.info("the worker has ended")


class Stop:
    """Becomes `asked` with SIGTERM or SIGINT, and wakes whoever waits."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        """Take the signals over."""
        self._ear, self._mouth = socket.socketpair()
        self._mouth.settimeout(0)
        self._before = {each: signal.signal(each, self._hear) for each in self.SIGNALS}
        self._before_fd = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        places: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(self._before_fd)
        for each, handler in self._before.items():
            signal.signal(each, handler)
        self._ear.close()
        self._mouth.close()

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until the end is asked for."""
        if not self.asked:
            select.select([self._ear], [], [], seconds)

    def _hear(self, _number: int, _frame: object) -> None:
        self.asked = True


def _run(sweep: Sweep, stop: Stop, *, with_messages: bool) -> bool:
    """Run one sweep, and tell what it did; return whether it did anything."""
    done: Done = Counter()
    try:
        for page in sweep.pages():
            done += page
            if stop.asked:
                break
    except Exception as error:  # noqa: BLE001 - whatever it is, the other sweeps must go on
        told = logs.failure(error, with_message=with_messages)
        log.error("a sweep failed", sweep=sweep.name, **told)  # noqa: TRY400 - without its message
    finally:
        db.session.remove()
    if done:
        log.info("swept", sweep=sweep.name, **done)
    return bool(done)
