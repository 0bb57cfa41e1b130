"""Where the demo listens: whether that is free, and when it answers."""

from __future__ import annotations

import errno
import socket
import time
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from urllib.error import URLError

USUAL = "127.0.0.1:8000"
SECONDS_BETWEEN_TRIES = 0.1


class Unusable(Exception):
    """The service cannot listen there; the message says why and what to do."""


def free_url(bind: str) -> str:
    """Return the URL of `host:port`; raise `Unusable` if nobody can listen there."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    if bind.startswith("unix:"):
        raise Unusable(f"LOYALTY_BIND is {bind}, but the demo needs a host and a port.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, int(port)), family=family).close()
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            reason = "is taken: another program listens there, maybe another demo. Stop it"
        else:
            reason = f"cannot be used ({getattr(error, 'strerror', error)}). Put that right"
        raise Unusable(
            f"{bind} {reason}, or choose another port: LOYALTY_BIND=127.0.0.1:8001 make run"
        ) from None
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what it means
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def answers(url: str, seconds: float, *, while_: Callable[[], bool]) -> bool:
    """Wait until a URL answers 200, but not longer than `seconds` and only `while_` that is so."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and while_():
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
                if answer.status == HTTPStatus.OK:
                    return True
        except (URLError, OSError):  # not yet
            time.sleep(SECONDS_BETWEEN_TRIES)
    return False
