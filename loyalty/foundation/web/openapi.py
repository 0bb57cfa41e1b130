"""What the OpenAPI document says about every operation: headers, keys, scopes, problems."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import marshmallow as ma
from apispec.ext.marshmallow import MarshmallowPlugin

from loyalty.foundation import problems
from loyalty.foundation.web import fields, paths, schema
from loyalty.foundation.web.fields import standards

VERSION = "1.0.0"
DESCRIPTION = """\
Points, reservations and orders that a shop and its customers can trust.

Send an API key as `Authorization: Bearer sk_…`. Bodies are JSON in UTF-8; unknown fields are
refused. Money is in integer minor units beside an ISO 4217 code, points are integers, and integers
are written without a decimal point: 5.0 is refused, as it may mean five whole euros. Times are
RFC 3339 in UTC, durations ISO 8601. Lists take `limit` and `cursor`.

Errors are problem documents (RFC 9457): `code` is stable, `type` is a page about it, `errors`
points at each fault. A call with an `Idempotency-Key` takes effect once, however often it is
repeated within 30 days.
"""

_HEADERS = {
    "Request-Id": (
        (
            "Names the call in the logs and on what it wrote. Yours, if you sent one of 1 to 128 "
            "letters, digits, dots, hyphens and underscores."
        ),
        "req_019a4f6e-0d6b-7c3a-9c55-0d8c1c3f9e2a",
    ),
    "RateLimit": ("What is left of the limit, and the seconds until it is whole again.", None),
    "RateLimit-Policy": ("The limit (`q`) and the seconds it is for (`w`).", None),
    "Idempotent-Replayed": ("`true` if this is the answer of an earlier call.", "true"),
    "Retry-After": ("Seconds to wait before repeating the call.", "1"),
}
_ON_EVERY_ANSWER = ("Request-Id", "RateLimit", "RateLimit-Policy")
_WITH_RETRY_AFTER = (problems.TooManyRequests, problems.IdempotencyInProgress)


class FieldError(schema.Schema):
    """One fault in the request."""

    pointer = fields.Text(
        required=True, about="RFC 6901 pointer into the body, or a slash and a parameter's name."
    )
    detail = fields.Text(required=True, about="What is wrong and what would be right.")
    where = fields.Choice(
        ["query", "path", "header"], data_key="in", about="Given if the fault is in a parameter."
    )


class Problem(schema.Schema):
    """Why the service refused, after RFC 9457."""

    type_ = fields.Text(data_key="type", required=True, about="Address of a page about the code.")
    title = fields.Text(required=True)
    status = fields.Integer(required=True, least=400, most=599)
    detail = fields.Text(required=True, about="What was wrong this time, in a sentence.")
    code = fields.Text(required=True, about="Stable name of the problem.")
    request_id = fields.Text()
    errors = fields.List(fields.Nested(FieldError))

    class Meta:
        unknown = ma.INCLUDE


class SchemaNames:
    """Names schemas by their class; where two slices use one name, the later adds the slice's."""

    def __init__(self) -> None:
        self._taken: dict[str, type] = {}

    def __call__(self, given: type[ma.Schema] | ma.Schema) -> str:
        """Return the name of a schema in the document."""
        kind = given if isinstance(given, type) else type(given)
        if self._taken.setdefault(kind.__name__, kind) is kind:
            return kind.__name__
        return f"{kind.__module__.split('.')[1].capitalize()}{kind.__name__}"


def describe(base_url: str) -> dict[str, Any]:
    """Return what apispec needs to begin the document."""
    return {
        "marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=SchemaNames()),
        "title": "Loyalty",
        "version": VERSION,
        "openapi_version": "3.1.0",
        "info": {"description": DESCRIPTION},
        "servers": [{"url": base_url}],
    }


def add_components(api: Any) -> None:
    """Add what operations refer to: headers, parameters, the way to sign in, long lists."""
    components = api.spec.components
    for name, (about, example) in _HEADERS.items():
        described: dict[str, Any] = {"description": about, "schema": {"type": "string"}}
        if name in _ON_EVERY_ANSWER:
            described["required"] = True
        components.header(name, described | ({"example": example} if example else {}))
    components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    components.schema("Currency", {"type": "string", "enum": list(standards.CURRENCIES)})
    components.schema("Country", {"type": "string", "enum": list(standards.COUNTRIES)})
    key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    about = "Names what you want to happen; a repeated call with the same key takes effect once."
    for need in ("accepted", "required"):
        component = {"name": "Idempotency-Key", "description": about, "schema": key}
        components.parameter(
            f"idempotency-key-{need}", "header", component | {"required": need == "required"}
        )
    components.parameter(
        "if-match",
        "header",
        {
            "name": "If-Match",
            "description": "The ETag of the version that you change.",
            "schema": {"type": "string"},
            "required": True,
        },
    )
    components.response(
        "default",
        _refusal([problems.InternalError, problems.NotReady], api.base_url)
        | {"description": "Any other problem"},
    )
    api.ma_plugin.converter.add_attribute_function(_field_properties)
    api.register_converter(paths.PathText, paths.PathText.openapi)


def complete(
    doc: dict[str, Any], facts: dict[str, Any], *, api: Any, **_options: Any
) -> dict[str, Any]:
    """Complete what flask-smorest says about an operation by what is noted about its view."""
    doc["operationId"] = facts["operation_id"]
    parameters = doc.setdefault("parameters", [])
    if need := facts.get("idempotency"):
        parameters.append(f"idempotency-key-{need}")
    if facts.get("if_match"):
        parameters.append("if-match")
    if "scopes" in facts:
        doc["security"] = [{"bearer": list(facts["scopes"])}]

    responses: dict[str, Any] = {}
    for status in facts.get("success_status_codes", ()):
        headers = (*_ON_EVERY_ANSWER, *(["Idempotent-Replayed"] if need else []))
        given = doc["responses"][status]
        responses[str(status)] = given | {
            "headers": {**_headers(headers), **given.get("headers", {})}
        }
        if "links" in facts:
            responses[str(status)]["links"] = {
                operation: {"operationId": operation, **link} for operation, link in facts["links"]
            }
    by_status: dict[int, list[type[problems.Problem]]] = {}
    for refusal in _refusals(doc, facts):
        for status in (refusal.status, *refusal.other_statuses):
            by_status.setdefault(status, []).append(refusal)
    for status, refusals in sorted(by_status.items()):
        responses[str(status)] = _reference(api, status, refusals)
    doc["responses"] = {**responses, "default": "default"}
    return doc


def _refusals(doc: dict[str, Any], facts: dict[str, Any]) -> Iterable[type[problems.Problem]]:
    found: list[type[problems.Problem]] = [*facts.get("refusals", ())]
    if "scopes" in facts:
        found += [problems.Unauthorized, problems.Forbidden]
    if facts.get("addressed"):
        found += [problems.NotFound]
    need = facts.get("idempotency")
    if "arguments" in facts or need:
        found += [problems.InvalidRequest]
    if "requestBody" in doc or need:
        found += [problems.MalformedJson, problems.PayloadTooLarge, problems.UnsupportedMediaType]
    if need:
        found += [problems.InvalidIdempotencyKey, problems.IdempotencyInProgress]
        found += [problems.IdempotencyKeyReused]
        found += [problems.MissingIdempotencyKey] if need == "required" else []
    if facts.get("if_match"):
        found += [problems.PreconditionFailed, problems.PreconditionRequired]
    return dict.fromkeys([*found, problems.BadRequest, problems.TooManyRequests])


def _reference(api: Any, status: int, refusals: list[type[problems.Problem]]) -> str:
    name = "-".join(sorted(each.code for each in refusals))
    if any(each.status != status for each in refusals):
        name = f"{name}-{status}"
    if name not in api.spec.components.responses:
        api.spec.components.response(name, _refusal(refusals, api.base_url, status))
    return name


def _refusal(
    refusals: list[type[problems.Problem]], base_url: str, status: int | None = None
) -> dict[str, Any]:
    retry = ["Retry-After"] if any(each in _WITH_RETRY_AFTER for each in refusals) else []
    return {
        "description": "; or ".join(f"{each.title} (`{each.code}`)" for each in refusals),
        "headers": _headers((*_ON_EVERY_ANSWER, *retry)),
        "content": {
            problems.MEDIA_TYPE: {
                "schema": Problem,
                "examples": {each.code: _example(each, base_url, status) for each in refusals},
            }
        },
    }


def _example(refusal: type[problems.Problem], base_url: str, status: int | None) -> dict[str, Any]:
    value = {
        "type": problems.type_url(base_url, refusal.code),
        "title": refusal.title,
        "status": status or refusal.status,
        "detail": refusal.about,
        "code": refusal.code,
        "request_id": _HEADERS["Request-Id"][1],
    }
    return {"summary": refusal.title, "value": value}


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _field_properties(
    _converter: Any, field: ma.fields.Field[Any], **_options: Any
) -> dict[str, Any]:
    openapi = dict(getattr(field, "openapi", None) or {})
    if not openapi or not field.allow_none:
        return openapi
    if "$ref" in openapi:
        return {"anyOf": [openapi, {"type": "null"}]}
    if "anyOf" in openapi:
        return openapi | {"anyOf": [*openapi["anyOf"], {"type": "null"}]}
    if "enum" in openapi:
        openapi["enum"] = [*openapi["enum"], None]
    return openapi | ({"type": [openapi["type"], "null"]} if "type" in openapi else {})
