"""Schemas at speed: what marshmallow does with data that is right, as plain functions made once.

marshmallow takes a field through a dozen calls; here a schema becomes a list of steps. Anything
that is not plainly right, or needs a hook, is left to marshmallow, which words every fault.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
from marshmallow import decorators

from loyalty.foundation.web.fields.base import Described, Field
from loyalty.foundation.web.fields.containers import List, Nested

Function = Callable[[Any], Any]

_LOAD_HOOKS = (
    decorators.PRE_LOAD,
    decorators.POST_LOAD,
    decorators.VALIDATES,
    decorators.VALIDATES_SCHEMA,
)
_DUMP_HOOKS = (decorators.PRE_DUMP, decorators.POST_DUMP)


def reader(schema: ma.Schema) -> Function | None:
    """Return a function that loads an object; None if the schema needs marshmallow.

    It raises `ValidationError`, without words, for data that may be wrong.
    """
    special = schema.many or schema.partial or schema.unknown != ma.RAISE
    if special or _has_hooks(schema, _LOAD_HOOKS):
        return None
    steps = [
        (
            field.data_key or name,
            field.attribute or name,
            _reader_of(field),
            field.allow_none,
            _default(field),
        )
        for name, field in schema.load_fields.items()
    ]

    def read(data: Any) -> dict[str, Any]:
        if type(data) is not dict:
            _refuse()
        loaded: dict[str, Any] = {}
        found = 0
        for key, name, read_value, may_be_null, default in steps:
            if key in data:
                found += 1
                value = data[key]
                if value is not None:
                    loaded[name] = read_value(value)
                elif may_be_null:
                    loaded[name] = None
                else:
                    _refuse()
            else:
                default(loaded, name)
        if found != len(data):
            _refuse()
        return loaded

    return read


def writer(schema: ma.Schema) -> Function | None:
    """Return a function that dumps a dict; None if the schema needs marshmallow."""
    if schema.many or _has_hooks(schema, _DUMP_HOOKS):
        return None
    fields = schema.dump_fields.items()
    if not all(_is_plain(field) for _, field in fields):
        return None
    steps = [
        (field.data_key or name, field.attribute or name, _writer_of(field))
        for name, field in fields
    ]

    def write(value: dict[str, Any]) -> dict[str, Any]:
        dumped: dict[str, Any] = {}
        for key, name, write_value in steps:
            if name in value:
                part = value[name]
                dumped[key] = part if part is None or write_value is None else write_value(part)
        return dumped

    return write


def _has_hooks(schema: ma.Schema, kinds: tuple[str, ...]) -> bool:
    return any(schema._hooks[kind] for kind in kinds)  # noqa: SLF001 - marshmallow's only word on it


def _is_plain(field: ma.fields.Field[Any]) -> bool:
    known = isinstance(field, Described | ma.fields.Dict)
    return known and field.dump_default is ma.missing


def _refuse() -> None:
    raise ma.ValidationError("")


def _default(field: ma.fields.Field[Any]) -> Callable[[dict[str, Any], str], None]:
    """Return what to do about a field that was not sent."""
    given = field.load_default
    if field.required:
        return lambda _loaded, _name: _refuse()
    if given is ma.missing:
        return lambda _loaded, _name: None
    if callable(given):
        return lambda loaded, name: loaded.__setitem__(name, given())
    return lambda loaded, name: loaded.__setitem__(name, given)


def _reader_of(field: ma.fields.Field[Any]) -> Function:
    if type(field) is Nested and not (field.many or field.unknown):
        return reader(field.schema) or field.deserialize
    if type(field) is List and not field.inner.allow_none:
        return _list_reader(field)
    if isinstance(field, Field):
        return field.plain_reader()
    return field.deserialize


def _list_reader(field: List) -> Function:
    read_item, least, most = _reader_of(field.inner), field.least, field.most

    def read(value: Any) -> list[Any]:
        if type(value) is not list or not least <= len(value) <= most or None in value:
            _refuse()
        return [read_item(item) for item in value]

    return read


def _writer_of(field: ma.fields.Field[Any]) -> Function | None:
    """Return what writes a value that is not null, None if it is written as it is."""
    if type(field) is Nested and not field.many:
        return _nested_writer(field.schema)
    if type(field) is List:
        write_item = _writer_of(field.inner)
        if write_item is None:
            return None
        return lambda value: [None if item is None else write_item(item) for item in value]
    if type(field)._serialize is ma.fields.Field._serialize:  # noqa: SLF001 - whether it is overridden
        return None
    return lambda value: field._serialize(value, None, None)  # noqa: SLF001 - as Field.serialize calls it


def _nested_writer(schema: ma.Schema) -> Function:
    write = writer(schema)
    if write is None:
        return schema.dump
    return lambda value: write(value) if type(value) is dict else schema.dump(value)
