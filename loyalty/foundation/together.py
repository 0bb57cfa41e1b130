"""Doing together what several requests of this process wait for.

While one piece of work is under way, requests that want the same kind of work queue up; the next
one takes all of them along. A request that meets nobody is served at once and alone, so nothing is
ever delayed to collect more.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Place(Generic[Item, Result]):
    """Where one request waits; `turn` is released when it has its result, or has to lead."""

    __slots__ = ("error", "item", "leads", "result", "turn")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.turn = threading.Lock()
        self.turn.acquire()
        self.leads = False
        self.result: Result | None = None
        self.error: BaseException | None = None


class Together(Generic[Item, Result]):
    """One kind of work that may be done for many at once.

    `work` gets items and returns their results in the same order. If it fails for several, it is
    run for each alone, so that what is wrong with one is nobody else's trouble: it must be safe to
    repeat after a failure. One piece of work runs at a time, for at most `most` items: two at once
    would be half as large.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Sequence[Result]], *, most: int = 64
    ) -> None:
        self._work = work
        self._most = most
        self._lock = threading.Lock()
        self._is_free = True
        self._waiting: deque[_Place[Item, Result]] = deque()

    def do(self, item: Item) -> Result:
        """Return the result for one item, or raise what its work raised."""
        place = _Place[Item, Result](item)
        with self._lock:
            leads, self._is_free = self._is_free, False
            if not leads:
                self._waiting.append(place)
        if not leads:
            place.turn.acquire()
        if leads or place.leads:
            self._lead(place)
        if place.error is not None:
            raise place.error
        return place.result  # type: ignore[return-value] # set where there is no error

    def _lead(self, own: _Place[Item, Result]) -> None:
        time.sleep(0)  # whoever is about to join, joins
        with self._lock:
            count = min(len(self._waiting), self._most - 1)
            places = [own, *(self._waiting.popleft() for _ in range(count))]
        try:
            self._serve(places)
        finally:
            self._hand_over()
            for place in places[1:]:
                place.turn.release()

    def _hand_over(self) -> None:
        with self._lock:
            if not self._waiting:
                self._is_free = True
                return
            following = self._waiting.popleft()
        following.leads = True
        following.turn.release()

    def _serve(self, places: list[_Place[Item, Result]]) -> None:
        try:
            results = self._work([place.item for place in places])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it belongs
            if len(places) == 1:
                places[0].error = error
                return
            for place in places:
                self._serve([place])
            return
        except BaseException as error:  # this process is told to end
            for place in places:
                place.error = error
            raise
        for place, result in zip(places, results, strict=True):
            place.result = result
