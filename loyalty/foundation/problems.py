"""Problems: what the service answers when it refuses, after RFC 9457.

A slice defines its own subclass beside the service that raises it; each one
enters the catalogue, which `/problems/<code>` shows to people. The generic
ones live here. How a problem becomes an HTTP answer is `web.api`'s matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

MEDIA_TYPE = "application/problem+json"

_catalogue: dict[str, type[Problem]] = {}


class FieldError(NamedTuple):
    """One thing wrong with the input.

    `pointer` is an RFC 6901 pointer into the body. For a parameter, `where` says
    `query`, `path` or `header`, and the pointer is the parameter's name after a slash.
    """

    pointer: str
    detail: str
    where: str = "body"


class Problem(Exception):
    """A refusal the caller can understand: a stable code, and one sentence about this case.

    `detail` says what was wrong and what would be right. Other `members` are
    added to the document as they are, and must be JSON. `about` is what the page
    of the problem says: one to three sentences. A problem that says by its status
    what a case is like names the `other_statuses` it may have.
    """

    code: ClassVar[str]
    status: int
    other_statuses: ClassVar[tuple[int, ...]] = ()
    title: ClassVar[str]
    about: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = members

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter the subclass into the catalogue; each code is given once."""
        super().__init_subclass__(**kwargs)
        other = _catalogue.setdefault(cls.code, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"{cls.__qualname__} and {other.__qualname__} share code {cls.code!r}")
        _catalogue[cls.code] = cls

    def document(self, *, base_url: str, request_id: str | None = None) -> dict[str, object]:
        """Return the JSON document of RFC 9457; also what batch results hold for a refused item."""
        document: dict[str, object] = {
            "type": type_url(base_url, self.code),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if request_id is not None:
            document["request_id"] = request_id
        if self.errors:
            document["errors"] = [_error_document(error) for error in self.errors]
        return {**self.members, **document}


def catalogue() -> Mapping[str, type[Problem]]:
    """Return every problem the imported code can answer, by code."""
    return MappingProxyType(_catalogue)


def type_url(base_url: str, code: str) -> str:
    """Return the address of a problem's page, which is also its RFC 9457 `type`."""
    return f"{base_url.rstrip('/')}/problems/{code}"


def pointer(path: Sequence[str | int]) -> str:
    """Return the RFC 6901 pointer for the steps of a path; over-long names are cut."""
    steps = (str(step)[:128].replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)


def _error_document(error: FieldError) -> dict[str, str]:
    if error.where == "body":
        return {"pointer": error.pointer, "detail": error.detail}
    return {"pointer": error.pointer, "in": error.where, "detail": error.detail}


class BadRequest(Problem):
    """The request is broken as HTTP."""

    code = "bad_request"
    status = 400
    title = "The request is malformed"
    about = "The request breaks a rule of HTTP itself. `detail` says which one."


class MalformedJson(Problem):
    """The body cannot be read as JSON."""

    code = "malformed_json"
    status = 400
    title = "The body is not readable JSON"
    about = (
        "The body must be one JSON value in UTF-8 (RFC 8259). Repeated names in one object, NaN "
        "and Infinity, lone surrogates, null characters and nesting deeper than 64 levels are "
        "refused."
    )


class MissingIdempotencyKey(Problem):
    """A value-changing call came without a key."""

    code = "missing_idempotency_key"
    status = 400
    title = "An Idempotency-Key is required"
    about = (
        "This call changes value and has no natural key of its own, so it needs an Idempotency-Key "
        "header: 1 to 255 visible ASCII characters that are new for each thing you want to happen. "
        "Send the same key again when you repeat the call, and it takes effect once."
    )


class InvalidIdempotencyKey(Problem):
    """The key has an impossible form."""

    code = "invalid_idempotency_key"
    status = 400
    title = "The Idempotency-Key is not usable"
    about = "An Idempotency-Key is 1 to 255 visible ASCII characters, such as a UUID."


class Unauthorized(Problem):
    """Nobody is signed in."""

    code = "unauthorized"
    status = 401
    title = "Valid credentials are required"
    about = (
        "Send an API key as `Authorization: Bearer sk_…`. The key may be missing, mistyped, "
        "expired or revoked. Keys are never taken from the query string."
    )


class Forbidden(Problem):
    """Somebody is signed in, but may not do this."""

    code = "forbidden"
    status = 403
    title = "These credentials do not allow this"
    about = "The credentials are valid, but lack the scope or the role that this call needs."


class NotFound(Problem):
    """No such thing in this program."""

    code = "not_found"
    status = 404
    title = "There is no such thing"
    about = (
        "The address or an id in it is unknown. Things of another program are answered the same "
        "way, as if they did not exist."
    )


class MethodNotAllowed(Problem):
    """The address exists, the method does not."""

    code = "method_not_allowed"
    status = 405
    title = "This address does not take that method"
    about = (
        "The address exists, but not for this HTTP method. The Allow header lists those it takes."
    )


class Conflict(Problem):
    """The present state is against it."""

    code = "conflict"
    status = 409
    title = "The present state does not allow this"
    about = "The call is valid, but not in the state things are in now. Read them again and decide."


class IdempotencyInProgress(Problem):
    """The first call with this key still runs."""

    code = "idempotency_in_progress"
    status = 409
    title = "The first call with this key is still running"
    about = (
        "Another call with the same Idempotency-Key has not finished. Wait as long as Retry-After "
        "says and repeat the call: you get its answer."
    )


class PreconditionFailed(Problem):
    """If-Match names a version that is no longer current."""

    code = "precondition_failed"
    status = 412
    title = "It has changed since you read it"
    about = (
        "If-Match names a version that is no longer the current one. Read it again, apply your "
        "change to what you find, and send the new ETag."
    )


class PayloadTooLarge(Problem):
    """The body is over the limit."""

    code = "payload_too_large"
    status = 413
    title = "The body is too large"
    about = "Bodies may have 1 MiB, batches of orders 8 MiB. Split what you send."


class UnsupportedMediaType(Problem):
    """The body is no JSON by its own word."""

    code = "unsupported_media_type"
    status = 415
    title = "The body must be JSON"
    about = "Send bodies in UTF-8 with `Content-Type: application/json`, not encoded or compressed."


class InvalidRequest(Problem):
    """Well-formed, but not valid."""

    code = "invalid_request"
    status = 422
    title = "Something in the request is not valid"
    about = (
        "The request was read, but some of its values are not valid. `errors` lists each with a "
        "JSON pointer (RFC 6901) into the body, or with `in` for a parameter, and says what would "
        "be right."
    )


class IdempotencyKeyReused(Problem):
    """The key was used for something else."""

    code = "idempotency_key_reused"
    status = 422
    title = "This Idempotency-Key was used for another request"
    about = (
        "The key belongs to an earlier call with another address or body. Use a new key for a "
        "new request; keys are kept for 30 days."
    )


class PreconditionRequired(Problem):
    """The call must say which version it changes."""

    code = "precondition_required"
    status = 428
    title = "If-Match is required"
    about = "Send If-Match with the ETag you read, so that nobody's change is overwritten unseen."


class TooManyRequests(Problem):
    """The caller is over its rate."""

    code = "too_many_requests"
    status = 429
    title = "Too many requests"
    about = (
        "The rate limit of this key, or of this address for calls without one, is used up. The "
        "RateLimit headers tell where you stand; wait as long as Retry-After says."
    )


class InternalError(Problem):
    """Our fault."""

    code = "internal_error"
    status = 500
    title = "The service failed"
    about = (
        "Something broke on our side, was undone, and was logged under the request_id. Repeating "
        "the call with the same keys is safe."
    )


class NotReady(Problem):
    """The service cannot work yet."""

    code = "not_ready"
    status = 503
    title = "The service is not ready"
    about = "The database cannot be reached, or its migrations are not at the latest version yet."
