"""What all fields have in common: what they expect, in words and in OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import marshmallow as ma
from marshmallow import fields

T = TypeVar("T")
_SHOWN = 40  # characters of a wrong value that its message repeats


class Described:
    """Adds sentences and documentation to a marshmallow field; comes first among the bases."""

    expects: str
    """What is right, from the verb on: "must be …"."""

    openapi: Mapping[str, Any]
    """The JSON Schema of what is taken and given, or what adds to marshmallow's own."""

    def __init__(
        self, *args: Any, about: str | None = None, example: object = None, **options: Any
    ) -> None:
        metadata = dict(options.pop("metadata", None) or {})
        if about is not None:
            metadata["description"] = about
        if example is not None:
            metadata["example"] = example
        super().__init__(*args, metadata=metadata, **options)  # type: ignore[call-arg] # a mixin

    def make_error(self, key: str, **kwargs: Any) -> ma.ValidationError:
        """Say what is missing, and what would be right."""
        if key == "required":
            return ma.ValidationError(f"is missing; it {self.expects}")
        if key == "null":
            return ma.ValidationError(f"{self.expects}, not null")
        return super().make_error(key, **kwargs)  # type: ignore[misc,no-any-return] # marshmallow's

    def _wrong(self, value: object) -> ma.ValidationError:
        return ma.ValidationError(f"{self.expects}, not {shown(value)}")


class Field(Described, fields.Field[T], Generic[T]):
    """A field for one value; `_read` returns it or raises `_wrong`, and is never given null."""

    openapi: Mapping[str, Any] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._has_steps = bool(self.validators or self.pre_load or self.post_load)

    def _read(self, value: Any) -> T:
        raise NotImplementedError

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Skip marshmallow's chain of validators where there is none: it is half the cost."""
        if value is None or value is ma.missing or self._has_steps:
            return super().deserialize(value, attr, data, **kwargs)
        return self._deserialize(value, attr, data, **kwargs)

    def plain_reader(self) -> Callable[[Any], Any]:
        """Return the shortest function that reads a value which is not null."""
        return self.deserialize if self._has_steps else self._read

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002 - marshmallow's signature
        data: Mapping[str, Any] | None,  # noqa: ARG002
        **_kwargs: Any,
    ) -> T:
        return self._read(value)


def shown(value: object) -> str:
    """Return a wrong value as a message shows it, in the words of JSON and not too long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= _SHOWN else f'"{value[:_SHOWN]}…"'
    if isinstance(value, int | float):
        return str(value)[:_SHOWN]
    return "an object" if isinstance(value, dict) else "a list"
