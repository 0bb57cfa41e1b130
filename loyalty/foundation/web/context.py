"""The id of the request being served, for logs, entries and events, wherever they are written."""

from __future__ import annotations

from contextvars import ContextVar

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def request_id() -> str | None:
    """Return the id of the request being served, or None outside of one."""
    return _request_id.get()


def set_request_id(request_id: str | None) -> None:
    """Begin to serve the request with this id."""
    _request_id.set(request_id)
