"""The OpenAPI document arranged for reading: operations by tag, fields in rows, examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from loyalty.foundation.web.fields import LARGEST

_METHODS = ("get", "post", "put", "patch", "delete")
_LONGEST_CHOICE = 12  # values that a row lists; more are left to the schema
_CODE = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    """A field or parameter: its name, type in words, the schema it leads to, limits and meaning."""

    name: str
    kind: str
    link: str | None
    required: bool
    limits: str
    about: str


class Answer(NamedTuple):
    """What an operation may answer with one status."""

    status: str
    description: str
    link: str | None
    example: str | None
    problems: tuple[str, ...]


class Operation(NamedTuple):
    """One method at one path, ready to be shown."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    scopes: tuple[str, ...]
    parameters: list[Row]
    body: list[Row]
    request: str
    answers: list[Answer]


def chapters(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the template shows: `info`, `tags` with operations, `schemas` with rows."""
    reader = _Reader(document)
    operations: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                tag = (methods[method].get("tags") or ["other"])[0]
                operations.setdefault(tag, []).append(reader.operation(method, path, methods))
    about = {tag["name"]: tag.get("description", "") for tag in document.get("tags", [])}
    return {
        "info": document["info"],
        "tags": [(tag, about.get(tag, ""), found) for tag, found in operations.items()],
        "schemas": [
            (name, schema.get("description", ""), reader.rows(schema), schema.get("enum", ()))
            for name, schema in sorted(document["components"].get("schemas", {}).items())
        ],
    }


def prose(text: str) -> Markup:
    """Return text as HTML paragraphs, with `code` set as code."""
    paragraphs = (inline(part) for part in text.split("\n\n") if part.strip())
    return Markup("").join(Markup("<p>{}</p>").format(paragraph) for paragraph in paragraphs)


def inline(text: str) -> Markup:
    """Return a line of text as HTML, with `code` set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(" ".join(text.split())))))  # noqa: S704 - escaped


class _Reader:
    """Reads one document, following its references."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._server = (document.get("servers") or [{"url": ""}])[0]["url"]

    def operation(self, method: str, path: str, methods: dict[str, Any]) -> Operation:
        described = methods[method]
        given = [*methods.get("parameters", []), *described.get("parameters", [])]
        parameters = [self._resolve(each) for each in given]
        body, example = self._body(described)
        return Operation(
            id=described.get("operationId", f"{method}-{path}"),
            method=method.upper(),
            path=path,
            summary=described.get("summary", path).removesuffix("."),
            description=described.get("description", ""),
            scopes=tuple(
                scope for need in described.get("security", []) for scope in need.get("bearer", ())
            ),
            parameters=[self._parameter(each) for each in parameters],
            body=self.rows(body) if body else [],
            request=self._curl(method, path, described, parameters, example),
            answers=[
                self._answer(status, self._resolve(answer))
                for status, answer in described["responses"].items()
            ],
        )

    def rows(self, schema: dict[str, Any]) -> list[Row]:
        schema = self._resolve(schema)
        required = schema.get("required", ())
        return [
            self._row(name, field, required=name in required)
            for name, field in schema.get("properties", {}).items()
        ]

    def example(self, schema: dict[str, Any], depth: int = 0) -> Any:
        if "example" in schema:
            return schema["example"]
        schema = self._resolve(schema)
        for choice in ("allOf", "anyOf", "oneOf"):
            if choice in schema:
                return self.example(schema[choice][0], depth)
        kind = _kinds(schema)[0]
        if "enum" in schema:
            return schema["enum"][0]
        if kind == "object":
            fields = schema.get("properties", {}) if depth < 6 else {}  # noqa: PLR2004 - deep enough
            return {name: self.example(field, depth + 1) for name, field in fields.items()}
        if kind == "array":
            return [self.example(schema.get("items", {}), depth + 1)]
        if kind == "integer":
            return max(0, schema.get("minimum", 0))
        return {"boolean": True, "string": "…"}.get(kind)

    def _body(self, described: dict[str, Any]) -> tuple[dict[str, Any] | None, Any]:
        """Return the schema of the body and an example of it; None for no body."""
        content = described.get("requestBody", {}).get("content", {})
        media = content.get("application/json")
        if media is None:
            return None, None
        return media["schema"], media.get("example") or self.example(media["schema"])

    def _parameter(self, parameter: dict[str, Any]) -> Row:
        row = self._row(
            parameter["name"],
            parameter.get("schema", {}),
            required=parameter.get("required", False),
        )
        about = parameter.get("description") or row.about
        return row._replace(kind=f"{row.kind}, in {parameter['in']}", about=about)

    def _row(self, name: str, field: dict[str, Any], *, required: bool) -> Row:
        target = field.get("items", field)
        link = next((each["$ref"] for each in self._alternatives(target) if "$ref" in each), None)
        schema_name = link.rpartition("/")[2] if link else None
        kinds = [
            "/".join(_kinds(each)) if "$ref" not in each else str(schema_name)
            for each in self._alternatives(field)
        ]
        kind = (
            f"list of {schema_name or '/'.join(_kinds(target))}"
            if "items" in field
            else " or ".join(kinds)
        )
        return Row(name, kind, schema_name, required, _limits(field), field.get("description", ""))

    def _alternatives(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = schema.get("anyOf") or schema.get("allOf") or [schema]
        return found

    def _answer(self, status: str, answer: dict[str, Any]) -> Answer:
        content = answer.get("content", {})
        refusals = content.get("application/problem+json", {}).get("examples", {})
        schema = content.get("application/json", {}).get("schema")
        return Answer(
            status=status,
            description=answer.get("description", ""),
            link=schema.get("$ref", "").rpartition("/")[2] if schema else None,
            example=_json(self.example(schema)) if schema else None,
            problems=tuple(refusals),
        )

    def _curl(
        self,
        method: str,
        path: str,
        described: dict[str, Any],
        parameters: list[dict[str, Any]],
        example: Any,
    ) -> str:
        command = "curl" if method == "get" else f"curl -X {method.upper()}"
        lines = [f"{command} '{self._server}{path}'"]
        if described.get("security"):
            lines.append('-H "Authorization: Bearer $KEY"')
        if any(each["name"] == "Idempotency-Key" and each.get("required") for each in parameters):
            lines.append('-H "Idempotency-Key: $(uuidgen)"')
        if example is not None:
            lines.append("-H 'Content-Type: application/json'")
            lines.append(f"-d '{_json(example)}'")
        return " \\\n  ".join(lines)

    def _resolve(self, thing: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in thing:
            found: Any = self._document
            for step in thing["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            thing = found
        return thing


def _kinds(schema: dict[str, Any]) -> list[str]:
    kind = schema.get("type", "object" if "properties" in schema else "any")
    return [kind] if isinstance(kind, str) else list(kind)


def _limits(field: dict[str, Any]) -> str:
    return ", ".join(_each_limit(field))


def _each_limit(field: dict[str, Any]) -> Iterator[str]:
    if "enum" in field and len(field["enum"]) <= _LONGEST_CHOICE:
        yield " | ".join(str(value) for value in field["enum"])
    if "format" in field and field["format"] != "int64":
        yield field["format"]
    least, most = field.get("minimum"), field.get("maximum")
    if least is not None and least > -LARGEST:
        yield f"≥ {least}"
    if most is not None and most < LARGEST:
        yield f"≤ {most}"
    if "maxLength" in field:
        yield f"≤ {field['maxLength']} characters"
    if "maxItems" in field:
        yield f"≤ {field['maxItems']} items"
    if field.get("default") is not None:
        yield f"default {field['default']}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
