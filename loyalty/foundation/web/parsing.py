"""Reading what a request brings: strict JSON and parameters, checked by a schema.

JSON is read by orjson, which is fast and refuses what RFC 8259 refuses; what it
lets pass (repeated names, null characters) is found by comparing the text with
what a second writing of the value gives.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, NoReturn

import marshmallow as ma
import orjson
from flask import current_app, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from loyalty.foundation import problems

MIB = 2**20
BODY_LIMIT = MIB
MAX_DEPTH = 64
MAX_ERRORS = 50
Location = Literal["json", "query", "path"]

_JSON_TYPES = {"application/json", "application/json; charset=utf-8"}


def load(schema: ma.Schema, location: Location, *, required: bool = True) -> Any:
    """Return what the request brings in `location` as the schema loads it.

    Raises `InvalidRequest` with a pointer for each fault, or what `json_body` raises.
    """
    if location == "json":
        data, where = json_body(required=required), "body"
    elif location == "query":
        data, where = _query(request), "query"
    else:
        data, where = dict(request.view_args or {}), "path"
    try:
        return schema.load(data)
    except ma.ValidationError as error:
        raise invalid(error.messages, where) from None


def json_body(*, required: bool = True) -> Any:
    """Return the JSON value in the body of the current request; an absent optional one is `{}`.

    Raises `PayloadTooLarge`, `UnsupportedMediaType` or `MalformedJson`.
    """
    if "json_body" not in g:
        text = body_text()
        if text:
            _check_media_type(request)
            g.json_body = read_json(text)
        elif required:
            raise problems.MalformedJson("The body is empty; send a JSON object.")
        else:
            g.json_body = {}
    return g.json_body


def refuse_body() -> None:
    """Refuse what a call that takes no body cannot mean; nothing and `{}` pass."""
    if given := json_body(required=False):
        names = list(given) if isinstance(given, dict) else ["_schema"]
        raise invalid({name: ["is not known here: this call takes no body"] for name in names})


def canonical_body() -> bytes:
    """Return the body so that the same JSON value always gives the same bytes; b"" for none."""
    return orjson.dumps(json_body(), option=orjson.OPT_SORT_KEYS) if body_text() else b""


def body_text() -> bytes:
    """Return the body as it came; raises `PayloadTooLarge` over the limit of the view."""
    view = current_app.view_functions.get(request.endpoint or "")
    limit = request.max_content_length = getattr(view, "body_limit", BODY_LIMIT)
    try:
        text = request.get_data()
    except HTTPException:
        raise
    except Exception as error:
        # each server has errors of its own for chunks that are none and connections that break
        raise problems.BadRequest("The body did not come whole; send it again.") from error
    if len(text) >= limit and request.content_length is None:
        # werkzeug cuts a body that comes in chunks, without a word
        raise problems.PayloadTooLarge(f"The body must have fewer than {limit} bytes.")
    announced = request.environ.get("CONTENT_LENGTH") or ""
    if announced.isdecimal() and len(text) < int(announced):
        raise problems.BadRequest("The body ended before its Content-Length.")
    return text


def read_json(text: bytes) -> Any:
    """Return the value of a JSON text; raises `MalformedJson` for whatever is not plain JSON."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise problems.MalformedJson(_fault(text, error)) from None
    try:
        again = orjson.dumps(value)
    except TypeError:  # orjson writes 254 levels at most
        _refuse_depth()
    if again.count(b"{") + again.count(b"[") > MAX_DEPTH and _deeper_than(MAX_DEPTH, value):
        _refuse_depth()
    bare, again_bare = _without_escapes(text), _without_escapes(again)
    if bare.count(b'"') != again_bare.count(b'"'):
        raise problems.MalformedJson(_repeated_name(text))
    if rb"\u0000" in again_bare:
        raise problems.MalformedJson(r"The body has a null character (\u0000) in a text.")
    return value


def invalid(messages: Any, where: str = "body") -> problems.InvalidRequest:
    """Return the problem for marshmallow's nested messages."""
    found = list(_flatten(messages, ()))
    errors = [
        problems.FieldError(problems.pointer(path), message, where)
        for path, message in found[:MAX_ERRORS]
    ]
    first, more = errors[0], len(found) - 1
    subject = {
        "body": first.pointer or "The body",
        "query": f"The query parameter {first.pointer[1:]}",
        "path": f"{first.pointer[1:]} in the address",
    }[where]
    following = f" {more} more in errors." if more else ""
    return problems.InvalidRequest(
        f"{subject} {first.detail.rstrip('.')}.{following}", errors=errors
    )


def _query(request: Request) -> dict[str, str]:
    try:
        given = dict(request.args.lists())
    except UnicodeDecodeError:
        raise problems.BadRequest("The query string must be UTF-8, percent-encoded.") from None
    repeated = {
        name: [f"is given {len(values)} times; give it once"]
        for name, values in given.items()
        if len(values) > 1
    }
    if repeated:
        raise invalid(repeated, "query")
    return {name: values[0] for name, values in given.items()}


def _check_media_type(request: Request) -> None:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise problems.UnsupportedMediaType("Send the body without Content-Encoding.")
    if request.environ.get("CONTENT_TYPE", "").lower() in _JSON_TYPES:
        return
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in {"utf-8", "utf8"}:
        given = request.mimetype or "none"
        raise problems.UnsupportedMediaType(
            f"The body must be sent with Content-Type: application/json in UTF-8, not {given}."
        )


def _without_escapes(text: bytes) -> bytes:
    """Drop escaped backslashes and quotes: what is left of quotes begins and ends texts."""
    return text.replace(rb"\\", b"").replace(rb"\"", b"") if b"\\" in text else text


def _deeper_than(depth: int, value: Any) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _refuse_depth() -> NoReturn:
    raise problems.MalformedJson(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _fault(text: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        text.decode()
    except UnicodeDecodeError as undecodable:
        return f"The body is not UTF-8 from byte {undecodable.start} on."
    if error.doc[error.pos :].lstrip("-").startswith(("NaN", "Infinity")):
        return f"NaN and Infinity are no numbers in JSON; line {error.lineno} has one."
    return f"The body is not JSON: {error.msg}, at line {error.lineno}, column {error.colno}."


def _repeated_name(text: bytes) -> str:
    repeated: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        counts = Counter(name for name, _ in pairs)
        repeated.extend(name for name, count in counts.items() if count > 1)

    json.loads(text, object_pairs_hook=look)
    return f'The name "{repeated[0][:64]}" appears twice in one object; give each name once.'


def _flatten(
    messages: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(messages, dict):
        for step, inner in messages.items():
            yield from _flatten(inner, path if step == "_schema" else (*path, step))
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flatten(inner, path)
    else:
        yield path, str(messages)
