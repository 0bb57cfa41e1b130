"""What gunicorn says by itself, said as the service does: problems, and logs without people's data.

It answers requests that it cannot read before they reach the service, and would do so in HTML, and
log what was sent.
"""

import json
from typing import Any

from gunicorn import glogging, util

from config.settings import settings_from_environment

_UNREADABLE = "Invalid request from ip="
_ABOUT = f"{settings_from_environment().base_url}/problems/bad_request"


class Logger(glogging.Logger):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn's log, without the addresses and lines that it quotes."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning; of a request that could not be read, only the fact."""
        if msg.startswith(_UNREADABLE):
            msg, args = "A request could not be read as HTTP.", ()
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a failure of the server, without the address that was asked for."""
        if msg.startswith("Error handling request"):
            msg, args = "A request could not be handled.", ()
        super().exception(msg, *args, **kwargs)


def write_problem(sock: Any, status: int, reason: str, _quoted: str) -> None:
    """Answer a request that gunicorn could not read, in its place."""
    problem = {
        "type": _ABOUT,
        "title": "The request is malformed",
        "status": status,
        "detail": f"The request breaks a rule of HTTP: {reason}.",
        "code": "bad_request",
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, head.encode() + body)


util.write_error = write_problem
