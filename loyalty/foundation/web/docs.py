"""The pages of the API: its document, a readable view of it, and one page per problem.

Everything is made once per process, from what is registered, with our own
template and style sheet: no script, nothing from elsewhere.
"""

from __future__ import annotations

import functools
from typing import Any

import orjson
from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as BaseResponse

from loyalty.foundation import problems
from loyalty.foundation.web import manual
from loyalty.foundation.web.api import Api

EXTENSION = "loyalty.openapi"

pages = Blueprint(
    "pages",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/assets",
)
pages.add_app_template_filter(manual.prose)
pages.add_app_template_filter(manual.inline)


def install(app: Flask, api: Api) -> None:
    """Serve the document of `api` and the pages made from it."""
    app.extensions[EXTENSION] = Rendered(api)
    app.register_blueprint(pages)


class Rendered:
    """What is made from the registered operations, when it is first asked for."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @functools.cached_property
    def specification(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return dict(self._api.spec.to_dict())

    @functools.cached_property
    def document(self) -> bytes:
        """The OpenAPI document as JSON."""
        return orjson.dumps(self.specification, option=orjson.OPT_INDENT_2)

    @functools.cached_property
    def manual(self) -> str:
        """The document as a page."""
        return render_template("docs.html", **manual.chapters(self.specification))


def document() -> bytes:
    """Return the OpenAPI document of the current application as JSON."""
    return _rendered().document


@pages.route("/")
def start() -> BaseResponse:
    """Lead whoever comes by browser to the readable page."""
    return redirect(url_for("pages.show_manual"))


@pages.route("/openapi.json")
def show_document() -> Response:
    """Answer with the OpenAPI document."""
    return _unless_known(Response(document(), content_type="application/json"))


@pages.route("/docs")
def show_manual() -> Response:
    """Answer with the readable page."""
    return _unless_known(Response(_rendered().manual, content_type="text/html; charset=utf-8"))


@pages.route("/problems")
def list_problems() -> str:
    """Answer with a page that lists all problems."""
    every = sorted(problems.catalogue().values(), key=lambda each: (each.status, each.code))
    return render_template("problems.html", problems=every)


@pages.route("/problems/<code>")
def show_problem(code: str) -> str:
    """Answer with the page of one problem: what its `type` leads to."""
    problem = problems.catalogue().get(code)
    if problem is None:
        raise problems.NotFound("There is no such problem; /problems lists all.")
    return render_template("problem.html", problem=problem)


def _rendered() -> Rendered:
    rendered: Rendered = current_app.extensions[EXTENSION]
    return rendered


def _unless_known(response: Response) -> Response:
    response.add_etag()
    response.headers["Cache-Control"] = "no-cache"  # keep, but ask whether it changed
    response.make_conditional(request)
    return response
