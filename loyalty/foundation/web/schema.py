"""The base of all schemas, money, and lists that are read page by page."""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property, lru_cache
from typing import Any, ClassVar, TypeVar

import marshmallow as ma
import orjson
from flask import current_app, request

from loyalty.foundation.web import fields, quick

T = TypeVar("T")
Key = tuple[str | int, ...]

_UNKNOWN = "is not a known field"
_SUGGESTIONS = 5  # for one object; looking for what was meant takes time
_SIGNATURE_BYTES = 9
_CURSOR_CHARACTERS = 1024


class Schema(ma.Schema):
    """An object of the API: unknown fields are refused, messages continue a sentence.

    `example` is a whole body that people copy from the documentation; it is valid as it stands.
    """

    example: ClassVar[Mapping[str, Any] | None] = None
    error_messages = {"unknown": _UNKNOWN, "type": "must be an object"}  # noqa: RUF012 - marshmallow's

    class Meta:
        unknown = ma.RAISE

    def load(self, data: Any, **options: Any) -> Any:
        """Load as marshmallow does, quickly where everything is right."""
        if self._read is not None and not any(options.values()):
            with suppress(ma.ValidationError):
                return self._read(data)
        return super().load(data, **options)

    def dump(self, obj: Any, **options: Any) -> Any:
        """Dump as marshmallow does, dicts quickly."""
        if self._write is not None and type(obj) is dict and not any(options.values()):
            return self._write(obj)
        return super().dump(obj, **options)

    @cached_property
    def _read(self) -> quick.Function | None:
        return quick.reader(self)

    @cached_property
    def _write(self) -> quick.Function | None:
        return quick.writer(self)

    def handle_error(
        self, error: ma.ValidationError, data: Any, *, many: bool, **_kwargs: Any
    ) -> None:
        """Suggest the field that was probably meant by an unknown one."""
        del data
        found = error.messages
        items = list(found.values()) if many and isinstance(found, dict) else [found]
        for messages in items:
            if isinstance(messages, dict):
                unknown = [name for name, message in messages.items() if message == [_UNKNOWN]]
                for name in unknown[:_SUGGESTIONS]:
                    messages[name] = [_UNKNOWN + self._suggestion(name)]

    def _suggestion(self, name: str) -> str:
        known = (field.data_key or key for key, field in self.load_fields.items())
        meant = _closest(name[:64], tuple(known))
        return f'; did you mean "{meant}"?' if meant else ""


class Money(Schema):
    """An amount with its currency."""

    amount = fields.MinorUnits(required=True, about="In minor units: 1050 is 10.50 EUR.")
    currency = fields.Currency(required=True)


class Cursor(fields.Field[Key]):
    """Where a page ends: the sort key of its last row, signed for the list that gave it."""

    expects = "must be a next_cursor that this list returned; leave it out for the first page"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.openapi = {"type": "string", "maxLength": _CURSOR_CHARACTERS}

    def _read(self, value: Any) -> Key:
        key = decode_cursor(value) if isinstance(value, str) else None
        if key is None:
            raise self._wrong(value)
        return key


class ListQuery(Schema):
    """How to ask for a page; subclasses add filters. `cursor` arrives as the key, or None."""

    limit = fields.IntegerText(
        least=1, most=100, load_default=25, about="How many to return at most."
    )
    cursor = Cursor(load_default=None, about="The `next_cursor` of the page before.")


@cache
def page_of(item: type[Schema]) -> type[Schema]:
    """Return the schema of one page of items."""
    members = {
        "data": fields.List(fields.Nested(item), most=100, required=True),
        "has_more": fields.Boolean(required=True, about="Whether another page follows."),
        "next_cursor": fields.Text(
            _CURSOR_CHARACTERS,
            required=True,
            allow_none=True,
            about="What to pass as `cursor` for the next page; null on the last one.",
        ),
    }
    return type(f"{item.__name__}Page", (Schema,), members)


def page(rows: Sequence[T], limit: int, key: Callable[[T], Key]) -> dict[str, Any]:
    """Make a page from `limit + 1` rows, read so that it is known whether more follow.

    `key` returns what the rows are sorted by, as text and whole numbers, unique among them; the
    next call finds it in its query's `cursor`.
    """
    shown = rows[:limit]
    has_more = len(rows) > limit
    next_cursor = encode_cursor(key(shown[-1])) if has_more else None
    return {"data": shown, "has_more": has_more, "next_cursor": next_cursor}


def encode_cursor(key: Key) -> str:
    """Return the cursor for a key in the list that the current request reads."""
    payload = orjson.dumps(key)
    return base64.urlsafe_b64encode(_signature(payload) + payload).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> Key | None:
    """Return the key of a cursor, or None if this list did not make it."""
    try:
        signed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters beyond ASCII
        return None
    signature, payload = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(payload)):
        return None
    return tuple(orjson.loads(payload))


@lru_cache(maxsize=1024)
def _closest(name: str, known: tuple[str, ...]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def _signature(payload: bytes) -> bytes:
    secret = str(current_app.config["SECRET_KEY"]).encode()
    message = f"cursor {request.endpoint} ".encode() + payload
    return hmac.digest(secret, message, hashlib.sha256)[:_SIGNATURE_BYTES]
