"""The JSON API: flask-smorest, with our own way of reading requests and writing answers.

flask-smorest keeps what it is good at, the OpenAPI document; `arguments` and
`response` do their work at run time here, in a few microseconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import flask_smorest
import marshmallow as ma
import orjson
from flask import Flask, Response

from loyalty.foundation import problems
from loyalty.foundation.web import errors, notes, openapi, parsing

View = TypeVar("View", bound=Callable[..., Any])


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc] # flask-smorest ships no types
    """A group of operations, shown under one heading of the documentation."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._prepare_doc_cbks.append(openapi.complete)

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Put a view at an address; flask-smorest's own, with types."""
        put: Callable[[View], View] = super().route(rule, **options)
        return put

    def arguments(
        self,
        schema: type[ma.Schema] | ma.Schema,
        *,
        location: parsing.Location = "json",
        required: bool = True,
        body_limit: int | None = None,
        **docs: Any,
    ) -> Callable[[View], View]:
        """Read the JSON body, the query or the path by a schema; the view gets it as an argument.

        With `required=False` an absent body is an empty object. `body_limit` is in bytes.
        """
        schema = _instance(schema)
        if location == "json":
            docs.setdefault("example", getattr(schema, "example", None))  # what people copy
        documented = super().arguments(schema, location=location, required=required, **docs)

        def decorate(view: View) -> View:
            @functools.wraps(view)
            def parsed(*args: Any, **kwargs: Any) -> Any:
                return view(*args, parsing.load(schema, location, required=required), **kwargs)

            parsed.__dict__["_apidoc"] = documented(view)._apidoc  # noqa: SLF001 - flask-smorest's
            if location == "json":
                parsed.__dict__["takes_body"] = True
            if body_limit is not None:
                parsed.__dict__["body_limit"] = body_limit
            return parsed  # type: ignore[return-value] # same signature but for the argument

        return decorate

    def response(
        self, status_code: int, schema: type[ma.Schema] | ma.Schema | None = None, **docs: Any
    ) -> Callable[[View], View]:
        """Answer with what the view returns, as the schema dumps it.

        The view may also return `(value, status)`, `(value, headers)`, or all three, or a whole
        `Response`.
        """
        schema = None if schema is None else _instance(schema)
        documented = super().response(status_code, schema, **docs)

        def decorate(view: View) -> View:
            @functools.wraps(view)
            def answered(*args: Any, **kwargs: Any) -> Response:
                value = view(*args, **kwargs)
                if isinstance(value, Response):
                    return value
                status, headers = status_code, None
                if type(value) is tuple:  # not a NamedTuple: that is a value
                    value, status, headers = _unpack(value, status_code)
                return answer(schema.dump(value) if schema else None, status, headers)

            answered.__dict__["_apidoc"] = documented(view)._apidoc  # noqa: SLF001
            return answered  # type: ignore[return-value]

        return decorate

    def also(
        self, status_code: int, schema: type[ma.Schema] | None = None, *, description: str
    ) -> Callable[[View], View]:
        """Document another success than the one that `response` documents."""
        documented = super().alt_response(
            status_code, schema=schema, description=description, success=True
        )

        def decorate(view: View) -> View:
            view.__dict__["_apidoc"] = documented(view)._apidoc  # noqa: SLF001
            return view

        return decorate

    @staticmethod
    def leads_to(
        *operations: str, body: str | None = None, **parameters: str
    ) -> Callable[[View], View]:
        """Document that an answer tells the parameters, or the body, of other operations.

        Each is a runtime expression such as `$response.body#/id`.
        """
        link: dict[str, Any] = {"parameters": parameters} | ({"requestBody": body} if body else {})
        return lambda view: notes.note(view, links=tuple((name, link) for name in operations))

    @staticmethod
    def refuses(*refusals: type[problems.Problem]) -> Callable[[View], View]:
        """Document the problems that an operation answers, besides those that all have."""
        return lambda view: notes.note(view, refusals=refusals)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        *args: Any,
        **options: Any,
    ) -> None:
        """Register a view, and note whether there are ids in its path."""
        if view_func is not None:
            notes.note(view_func, addressed="<" in rule)
        super().add_url_rule(rule, endpoint, view_func, *args, **options)

    def _store_endpoint_docs(self, endpoint: str, *args: Any, **options: Any) -> None:
        super()._store_endpoint_docs(endpoint, *args, **options)
        for method, doc in self._docs[endpoint].items():
            if method != "parameters":
                doc["operation_id"] = endpoint


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The API of one application: its document, and problems for everything that goes wrong."""

    DEFAULT_ERROR_RESPONSE_NAME = None  # openapi.complete documents errors itself
    ERROR_SCHEMA = openapi.Problem

    def __init__(self, app: Flask, *, base_url: str) -> None:
        self.base_url = base_url
        super().__init__(app, spec_kwargs=openapi.describe(base_url))
        openapi.add_components(self)

    def _register_doc_blueprint(self) -> None:
        """Leave pages to `web.docs`."""

    def _register_pagination_header(self) -> None:
        """Leave pages of lists to `web.schema`."""

    def _register_error_handlers(self) -> None:
        errors.install(self._app)


def answer(
    document: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON answer; None gives an empty body."""
    body = b"" if document is None else orjson.dumps(document)
    response = Response(body, status, content_type="application/json")
    if headers:
        response.headers.update(headers)
    return response


def _instance(schema: type[ma.Schema] | ma.Schema) -> ma.Schema:
    return schema() if isinstance(schema, type) else schema


def _unpack(value: tuple[Any, ...], status: int) -> tuple[Any, int, Mapping[str, str] | None]:
    if len(value) == 3:  # noqa: PLR2004 - Flask's (body, status, headers)
        return value
    first, second = value
    return (first, second, None) if isinstance(second, int) else (first, status, second)
