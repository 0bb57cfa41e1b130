"""What caps look at: one gesture, as it would be given or as it was."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Facts(NamedTuple):
    """A gesture for the caps; `value` and `order_total` are minor units of the program's currency.

    `order_ref` is the shop's id of the order that it makes good, if there is one.
    """

    member_id: str
    agent: str
    role: str
    reason: str | None
    type: str
    kind: str
    value: int
    order_ref: str | None = None
    order_total: int | None = None


class Freed(NamedTuple):
    """A gesture, given at `at`, of which `facts.value` counts no longer.

    Where a part stays spent the gesture itself `still_counts`.
    """

    gesture_id: str
    facts: Facts
    at: datetime
    still_counts: bool = False
