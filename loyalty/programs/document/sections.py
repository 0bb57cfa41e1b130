"""What every table of a program document has in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import marshmallow

from loyalty.foundation import problems
from loyalty.programs.document import fields

Messages = Mapping[Any, Any]


class Section(marshmallow.Schema):
    """A table with known keys; `null` is the same as leaving a key out."""

    class Meta:
        unknown = marshmallow.EXCLUDE  # refused below, with a suggestion

    error_messages = {"type": "It must be a table (a JSON object)."}  # noqa: RUF012 - marshmallow's

    @marshmallow.pre_load
    def _leave_out_null(self, raw: Any, **_: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        return {key: value for key, value in raw.items() if value is not None}

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _refuse_unknown(self, _: Any, raw: Any, **__: Any) -> None:
        if isinstance(raw, Mapping):
            known = fields.keys(self)
            raise_all({key: [_unknown(key, known)] for key in raw if key not in known})


def _unknown(key: object, known: list[str]) -> str:
    near = fields.near_miss(key, known)
    return f"Unknown key.{near}" if near else f"Unknown key. Known here: {', '.join(known)}."


def raise_all(errors: Messages) -> None:
    """Raise these messages as one `ValidationError`, if there are any."""
    if errors:
        raise marshmallow.ValidationError(dict(errors))


def one_of(data: Mapping[str, Any], raw: Any, *names: str) -> dict[str, list[str]]:
    """Return errors unless exactly one of these keys is there, right or wrong."""
    given = [name for name in names if name in data or (isinstance(raw, Mapping) and name in raw)]
    if not given:
        return {names[0]: [f"It is missing; write one of {', '.join(names)}."]}
    return {name: [f"Leave it out or leave out `{given[0]}`."] for name in given[1:]}


def flatten(messages: object, path: tuple[str | int, ...] = ()) -> Iterator[problems.FieldError]:
    """Yield marshmallow's nested messages as pointers and sentences."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from flatten(inner, path if key == "_schema" else (*path, key))
    elif isinstance(messages, list):
        for message in messages:
            yield from flatten(message, path)
    else:
        yield problems.FieldError(problems.pointer(path), str(messages))
