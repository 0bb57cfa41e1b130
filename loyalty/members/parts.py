"""What other slices keep about a person, told by them so that members need not know them.

A slice's routes register a part: how to show it, how to erase it, and what to
do when two members become one. Each function is told all members that are this
one person and needs a fixed number of statements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from loyalty.foundation.call import Call

Export = Callable[[Call, Sequence[str]], Any]
Erase = Callable[[Call, Sequence[str]], None]
Merge = Callable[[Call, str, str], None]


def _keep(_call: Call, _member_ids: Sequence[str]) -> None:
    """Erase nothing: ids and numbers are not personal."""


def _leave(_call: Call, _source_id: str, _target_id: str) -> None:
    """Move nothing: it is found through the pointer."""


@dataclass(frozen=True)
class Part:
    """One section of what is known about a person.

    `export(call, member_ids)` returns what JSON can hold, times as datetimes,
    `erase(call, member_ids)` removes what is personal,
    `merge(call, source_id, target_id)` moves what the source had.
    """

    name: str
    export: Export
    erase: Erase = _keep
    merge: Merge = _leave


_parts: dict[str, Part] = {}


def register(part: Part) -> None:
    """Add a section, once per name."""
    if _parts.setdefault(part.name, part) is not part:
        raise ValueError(f"two slices register the part {part.name!r}")


def list_parts() -> list[Part]:
    """Return the sections in the order of their names."""
    return [_parts[name] for name in sorted(_parts)]
