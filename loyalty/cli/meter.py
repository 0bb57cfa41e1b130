"""How far a long command has come: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 5.0

Reach = Callable[[int], None]


@contextmanager
def rows_done(done: int, total: int) -> Iterator[Reach]:
    """Show on standard error how many rows are done, how fast, and how long it will take.

    Yields the function to call with the number of rows done so far. `total` may be an estimate.
    """
    with (_bar if sys.stderr.isatty() else _lines)(done, total) as reach:
        yield reach


@contextmanager
def _bar(done: int, total: int) -> Iterator[Reach]:
    pace = _Pace(done, total)
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} rows/s,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total, completed=done, rate="?")

        def reach(now_done: int) -> None:
            shown = max(total, now_done)
            bar.update(task, completed=now_done, total=shown, rate=f"{pace.rate(now_done):,.0f}")

        yield reach


@contextmanager
def _lines(done: int, total: int) -> Iterator[Reach]:
    pace, told_at = _Pace(done, total), time.monotonic()

    def reach(now_done: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= SECONDS_BETWEEN_LINES:
            told_at = time.monotonic()
            click.echo(pace.sentence(now_done), err=True)

    yield reach


class _Pace:
    """How fast it goes since the beginning of this run."""

    def __init__(self, done: int, total: int) -> None:
        self._first, self._total, self._began = done, total, time.monotonic()

    def rate(self, done: int) -> float:
        return (done - self._first) / max(time.monotonic() - self._began, 0.001)

    def sentence(self, done: int) -> str:
        rate = self.rate(done)
        left = timedelta(seconds=round(max(self._total - done, 0) / max(rate, 0.001)))
        return f"{done:,} of {self._total:,} rows, {rate:,.0f} rows/s, {left} left"
