"""Public identifiers: a prefix that names the kind, and a time-ordered UUID."""

from __future__ import annotations

from uuid_utils import uuid7


def new_id(prefix: str) -> str:
    """Return `prefix_<uuid7>`, sortable by time of creation."""
    return f"{prefix}_{uuid7()}"
