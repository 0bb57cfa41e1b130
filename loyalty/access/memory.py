"""What a process remembers of the credentials it has seen, for at most a second.

`docs/decisions/0003-keys-are-remembered-for-a-second.md` says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

MOST = 10_000  # remembered at once; more than that starts anew


class Ticket(NamedTuple):
    """The moment before a credential was looked up."""

    at: float
    revocations: int


class Memory(Generic[T]):
    """Remembers what belongs to a digest; what it says is never older than `ttl_seconds`."""

    def __init__(self, ttl_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.ttl_seconds = ttl_seconds
        self._monotonic = monotonic
        self._revocations = 0
        self._known: dict[str, tuple[float, T]] = {}

    def recall(self, digest: str) -> T | None:
        """Return what is remembered, if it is young enough."""
        found = self._known.get(digest)
        if found is None or self._monotonic() - found[0] >= self.ttl_seconds:
            return None
        return found[1]

    def ticket(self) -> Ticket:
        """Return the present moment; take it before looking up what will be remembered."""
        return Ticket(self._monotonic(), self._revocations)

    def remember(self, digest: str, known: T, ticket: Ticket) -> None:
        """Remember what was looked up, unless something was revoked meanwhile."""
        if ticket.revocations != self._revocations:
            return
        if len(self._known) >= MOST:
            self._known = {}
        self._known[digest] = (ticket.at, known)

    def forget(self) -> None:
        """Forget everything, also what is being looked up right now: a key was revoked."""
        self._revocations += 1
        self._known = {}
