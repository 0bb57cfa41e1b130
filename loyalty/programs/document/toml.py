"""A program document as TOML text, laid out the way a person would write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit

_ITEMS = ("rules", "tiers", "rewards", "reasons", "caps")
"""Lists of tables, which TOML cannot show empty in their usual form; leaving them out says it."""


def dumps(document: Mapping[str, Any]) -> str:
    """Return TOML: a table for each section and each of its items, the rest within the line."""
    whole = tomlkit.document()
    for name, section in _filled(document):
        whole[name] = _section(section)
    return tomlkit.dumps(whole)


def _filled(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in values.items() if value or key not in _ITEMS]


def _is_items(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _tables(values: list[Any]) -> Any:
    tables = tomlkit.aot()
    for value in values:
        tables.append(_item(value))
    return tables


def _item(values: Mapping[str, Any]) -> Any:
    table = tomlkit.table()
    for key, value in values.items():
        table[key] = _within_line(value)
    return table


def _section(values: Any) -> Any:
    if not isinstance(values, Mapping):
        return _tables(values) if _is_items(values) else _within_line(values)
    table = _item({key: value for key, value in _filled(values) if not _is_items(value)})
    for key, value in values.items():  # last, or the keys after them would belong to their tables
        if _is_items(value):
            table[key] = _tables(value)
    return table


def _within_line(value: Any) -> Any:
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        for key, inner in value.items():
            table[key] = _within_line(inner)
        return table
    if isinstance(value, list):
        array = tomlkit.array()
        for inner in value:
            array.append(_within_line(inner))
        return array
    return value
