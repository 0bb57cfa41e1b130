"""Lists, objects within objects, and the caller's own metadata."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from loyalty.foundation.web.fields.base import Described, Field
from loyalty.foundation.web.fields.texts import Text

METADATA_KEYS = 50
METADATA_KEY_CHARACTERS = 100
METADATA_CHARACTERS = 500


class Nested(Described, fields.Nested):
    """An object of another schema."""

    expects = "must be an object"


class List(Described, fields.List[Any]):
    """A list of `least` to `most` items."""

    def __init__(
        self, item: ma.fields.Field[Any], *, least: int = 0, most: int = 1000, **options: Any
    ) -> None:
        super().__init__(item, **options)
        self.least, self.most = least, most
        self.expects = f"must be a list of {least} to {most} items"
        self.openapi = {"minItems": least, "maxItems": most}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self._wrong(value)
        if not self.least <= len(value) <= self.most:
            raise ma.ValidationError(f"{self.expects}, not {len(value)}")
        return super()._deserialize(value, attr, data, **kwargs)


class Metadata(Field[dict[str, str]]):
    """What the caller wants kept beside a thing: text by name, never read by the service."""

    expects = (
        f"must be an object of at most {METADATA_KEYS} texts of at most {METADATA_CHARACTERS} "
        f"characters, under names of 1 to {METADATA_KEY_CHARACTERS} characters"
    )
    _name = Text(METADATA_KEY_CHARACTERS)
    _text = Text(METADATA_CHARACTERS, least=0)

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"example": {"campaign": "spring"}, **options})
        self.openapi = {
            "type": "object",
            "maxProperties": METADATA_KEYS,
            "propertyNames": dict(self._name.openapi),
            "additionalProperties": dict(self._text.openapi),
        }

    def _read(self, value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise self._wrong(value)
        if len(value) > METADATA_KEYS:
            raise ma.ValidationError(f"{self.expects}, not {len(value)} of them")
        wrong: dict[str, list[str]] = {}
        for name, text in value.items():
            try:
                self._name.deserialize(name)
                self._text.deserialize(text)
            except ma.ValidationError as error:
                wrong[name] = [str(message) for message in error.messages]
        if wrong:
            raise ma.ValidationError(wrong)
        return value
