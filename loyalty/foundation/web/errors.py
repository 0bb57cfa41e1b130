"""How problems, HTTP errors and failures become answers after RFC 9457."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from flask import Flask, Response, current_app
from werkzeug import Response as BaseResponse
from werkzeug import exceptions

from loyalty.foundation import problems
from loyalty.foundation.web import context

ADDRESS = "There is nothing at this address; /docs lists what there is."


def install(app: Flask) -> None:
    """Answer every error of `app` with a problem document."""
    app.register_error_handler(problems.Problem, answer)
    app.register_error_handler(exceptions.HTTPException, _answer_http_error)


def answer(problem: problems.Problem) -> Response:
    """Return the answer for a problem."""
    document = problem.document(
        base_url=current_app.config["BASE_URL"], request_id=context.request_id()
    )
    response = Response(orjson.dumps(document), problem.status, content_type=problems.MEDIA_TYPE)
    response.headers.update(problem.headers)
    return response


def _answer_http_error(error: exceptions.HTTPException) -> BaseResponse:
    if error.code is None or error.code < 400:  # noqa: PLR2004 - redirects are no errors
        return error.get_response()
    make = _BY_STATUS.get(error.code, _unforeseen)
    return answer(make(error))


def _method_not_allowed(error: exceptions.HTTPException) -> problems.Problem:
    allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return problems.MethodNotAllowed(f"This address takes {allowed}.", headers={"Allow": allowed})


def _unforeseen(error: exceptions.HTTPException) -> problems.Problem:
    if error.code is not None and error.code >= 500:  # noqa: PLR2004
        return problems.InternalError("The service failed; the request_id finds it in the log.")
    return problems.BadRequest(f"The request cannot be served: {error.name}.")


_BY_STATUS: dict[int, Callable[[exceptions.HTTPException], problems.Problem]] = {
    401: lambda _: problems.Unauthorized("Sign in first.", headers={"WWW-Authenticate": "Bearer"}),
    403: lambda _: problems.Forbidden("These credentials do not allow this."),
    404: lambda _: problems.NotFound(ADDRESS),
    405: _method_not_allowed,
    412: lambda _: problems.PreconditionFailed("It has changed since you read it; read it again."),
    413: lambda _: problems.PayloadTooLarge("The body is larger than this address takes."),
    415: lambda _: problems.UnsupportedMediaType("Send JSON with Content-Type: application/json."),
    429: lambda _: problems.TooManyRequests("Wait a little and repeat the call."),
}
