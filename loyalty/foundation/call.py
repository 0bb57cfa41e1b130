"""A call: on whose behalf a service works, what its writes are signed with, and when it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Call:
    """One request as services see it.

    `now` is the system's time; a test program's own clock, read in the
    transaction, goes before it. `actor` and `request_id` are written on every
    entry and event. `agent` is the person of the staff that a key is bound to:
    what people give has caps, so they give by gestures alone.
    """

    program_id: str
    actor: str
    request_id: str | None
    now: datetime
    agent: str | None = None
