"""Rate limits: so many requests a minute for each key, or for each address without one.

Counted by the clock's minute: in Redis for all processes together where there
is one, else in each process. When Redis fails, each process counts alone for a
while: a limit is no reason to refuse everyone. Decision 0007 says why no
library does this.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import NamedTuple

import structlog
from flask import Request

from loyalty.foundation import problems

WINDOW_SECONDS = 60
_MOST_COUNTED = 100_000  # callers a minute that one process tells apart
_REDIS_TIMEOUT_SECONDS = 0.25
_REDIS_PAUSE_SECONDS = 10

log = structlog.get_logger()


class Standing(NamedTuple):
    """Where a caller stands after a request."""

    allowed: bool
    remaining: int
    reset_seconds: int


class Limits:
    """The limit of one application, and what was used of it."""

    def __init__(self, per_minute: int, redis_url: str | None = None) -> None:
        self.per_minute = per_minute
        self.policy = f'"default";q={per_minute};w={WINDOW_SECONDS}'
        self._alone = OwnCount()
        self._shared = SharedCount(redis_url) if redis_url else None

    def spend(self, who: str) -> Standing:
        """Count one request of `who`."""
        seconds = time.time()
        minute = int(seconds // WINDOW_SECONDS)
        used = self._shared.add(who, minute) if self._shared else None
        if used is None:
            used = self._alone.add(who, minute)
        reset_seconds = WINDOW_SECONDS - int(seconds % WINDOW_SECONDS)
        return Standing(used <= self.per_minute, max(0, self.per_minute - used), reset_seconds)


class OwnCount:
    """What callers used in the present minute, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._used: dict[str, int] = {}

    def add(self, who: str, minute: int) -> int:
        """Count one request; returns how many it makes."""
        with self._lock:
            if minute != self._minute:
                self._minute, self._used = minute, {}
            if who not in self._used and len(self._used) >= _MOST_COUNTED:
                who = "everyone else"
            used = self._used[who] = self._used.get(who, 0) + 1
            return used


class SharedCount:
    """The same in Redis, in one round trip."""

    def __init__(self, url: str) -> None:
        import redis  # noqa: PLC0415 - 8 MiB, for those who use it

        self._failures = redis.RedisError
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=_REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
        )
        self._paused_until = 0.0

    def add(self, who: str, minute: int) -> int | None:
        """Count one request; returns how many it makes, or None while Redis does not answer."""
        if time.monotonic() < self._paused_until:
            return None
        key = f"loyalty:limit:{who}:{minute}"
        try:
            commands = self._redis.pipeline(transaction=False)
            commands.incr(key)
            commands.expire(key, 2 * WINDOW_SECONDS)
            used, _ = commands.execute()
        except self._failures as error:
            self._paused_until = time.monotonic() + _REDIS_PAUSE_SECONDS
            log.warning("rate limits are counted by each process alone", error=type(error).__name__)
            return None
        return int(used)


def refusal(standing: Standing) -> problems.TooManyRequests:
    """Return the 429 to raise."""
    seconds = standing.reset_seconds
    return problems.TooManyRequests(
        f"The rate limit is used up; repeat the call in {seconds} seconds.",
        headers={"Retry-After": str(seconds)},
    )


def header(standing: Standing) -> str:
    """Return the RateLimit header as draft-ietf-httpapi-ratelimit-headers-10 has it."""
    return f'"default";r={standing.remaining};t={standing.reset_seconds}'


def who_asks(request: Request) -> str:
    """Return whom a request counts for: its credentials, else its address.

    Credentials are not checked yet; only a digest of them is counted under.
    """
    credentials = request.environ.get("HTTP_AUTHORIZATION")
    if credentials:
        return hashlib.blake2b(credentials.encode(), digest_size=12).hexdigest()
    return f"address:{request.remote_addr}"
