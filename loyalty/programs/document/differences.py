"""What changed between two versions of a program document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from loyalty.foundation import problems

Path = tuple[str, ...]


class Change(NamedTuple):
    """One change. `path` names items of lists by their id, not by their place."""

    path: str
    before: Any
    after: Any


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return the changes from one normal form to another, in the order of the documents.

    What is added has None before, what is removed has None after. Items that
    changed places are one change at the list, with the ids in their order.
    """
    return list(_tables(old, new, ()))


def _tables(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> Iterator[Change]:
    for key in [*old, *(key for key in new if key not in old)]:
        yield from _values(old.get(key), new.get(key), (*path, key))


def _values(old: Any, new: Any, path: Path) -> Iterator[Change]:
    if old == new and type(old) is type(new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _tables(old, new, path)
    elif (before := _by_id(old)) is not None and (after := _by_id(new)) is not None:
        yield from _tables(before, after, path)
        stayed = (
            [name for name in before if name in after],
            [name for name in after if name in before],
        )
        if stayed[0] != stayed[1]:
            yield Change(problems.pointer(path), *stayed)
    else:
        yield Change(problems.pointer(path), old, new)


def _by_id(value: Any) -> dict[str, Any] | None:
    """Return a list's items by their id or code, or None if they have none."""
    if not isinstance(value, list):
        return None
    named = {}
    for item in value:
        name = isinstance(item, Mapping) and (item.get("id") or item.get("code"))
        if not name:
            return None
        named[name] = item
    return named
