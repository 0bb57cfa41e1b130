"""What happens around every request: its id, its limit, one log line, one measurement, its headers.

One hook before and one after, so that the fixed cost stays small. The log says
who called what and how it ended; never bodies, query strings, names or addresses.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, Request, Response, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from loyalty.foundation import ids, problems
from loyalty.foundation.web import caller, context, limits, metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_UNLOGGED = {"/healthz", "/readyz", "/metrics"}  # asked every few seconds by machines
API_PREFIX = "/v1/"
POLICY_OF_DATA = "default-src 'none'; frame-ancestors 'none'"
POLICY_OF_PAGES = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Surroundings:
    """The hooks of one application."""

    limits: limits.Limits

    def before(self) -> None:
        """Name the request, start its clock, and count it against its caller's limit."""
        g.started = time.perf_counter()
        environ = request.environ
        sent = environ.get("HTTP_REQUEST_ID", "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else ids.new_id("req")
        context.set_request_id(request_id)
        if environ["PATH_INFO"].startswith(API_PREFIX):
            g.standing = self.limits.spend(limits.who_asks(request))
            if not g.standing.allowed:
                raise limits.refusal(g.standing)
        if not environ.get("QUERY_STRING", "").isascii():
            raise problems.BadRequest("The query string must be percent-encoded.")
        if not (environ["PATH_INFO"].isascii() or _is_utf8(environ["PATH_INFO"])):
            raise problems.BadRequest("The address must be UTF-8, percent-encoded.")

    def after(self, response: Response) -> Response:
        """Add the headers that every answer has, log and measure."""
        self._add_headers(response)
        seconds = time.perf_counter() - g.started
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in _METHODS else "other"
        metrics.observe(method, route, response.status_code, seconds)
        if route not in _UNLOGGED:
            _log_request(method, route, response.status_code, seconds)
        return response

    def _add_headers(self, response: Response) -> None:
        headers = response.headers
        given = {name.lower() for name, _ in headers}  # one pass; asking for each costs more
        headers.add("Request-Id", context.request_id() or "")
        if "content-security-policy" not in given:
            page = response.mimetype == "text/html"
            headers.add("Content-Security-Policy", POLICY_OF_PAGES if page else POLICY_OF_DATA)
        standing: limits.Standing | None = g.get("standing")
        if standing is not None:
            headers.add("RateLimit", limits.header(standing))
            headers.add("RateLimit-Policy", self.limits.policy)
            if "cache-control" not in given:
                headers.add("Cache-Control", "no-store")


class ConstantHeaders:
    """WSGI middleware that adds headers which never differ, where it costs least."""

    def __init__(self, app: WSGIApplication, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = list(headers.items())

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Pass the request on."""

        def begin(status: str, headers: list[tuple[str, str]], *failure: Any) -> Any:
            return start(status, headers + self._headers, *failure)

        return self._app(environ, begin)


class Sessions(SecureCookieSessionInterface):
    """Flask's sessions; a call to the API without a cookie has none, and pays for none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the request, or None for no session at all."""
        environ = request.environ
        if "HTTP_COOKIE" not in environ and environ["PATH_INFO"].startswith(API_PREFIX):
            return None
        return super().open_session(app, request)


def install(app: Flask, *, per_minute: int, redis_url: str | None, secure: bool) -> None:
    """Put the hooks around every request of `app`; `secure` if it is reached by https."""
    surroundings = Surroundings(limits.Limits(per_minute, redis_url))
    app.before_request(surroundings.before)
    app.after_request(surroundings.after)
    app.teardown_request(lambda _error: context.set_request_id(None))
    app.session_interface = Sessions()
    constant = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    if secure:
        constant["Strict-Transport-Security"] = "max-age=31536000"
    app.wsgi_app = ConstantHeaders(app.wsgi_app, constant)  # type: ignore[assignment] # a callable


def _is_utf8(path: str) -> bool:
    try:
        path.encode("latin-1").decode()  # WSGI gives bytes as text
    except UnicodeDecodeError:
        return False
    return True


def _log_request(method: str, route: str, status: int, seconds: float) -> None:
    who = caller.find_caller()
    log.info(
        "request",
        method=method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 2),
        program=who and who.program_id,
        key=who and who.key_id,
    )
