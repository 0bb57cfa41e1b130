"""Doors open the transaction: one per request, for one call into the domain.

@orders.route("/orders", methods=["POST"])
@requires("orders:write")
@writes
@orders.arguments(schemas.NewOrder)
@orders.response(201, schemas.RecordedOrder)
def record_order(order): …
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Response, current_app, request

from loyalty.foundation import clock, db, idempotency, problems
from loyalty.foundation.together import Together
from loyalty.foundation.web import caller, notes, parsing

View = TypeVar("View", bound=Callable[..., Any])
Item = TypeVar("Item")
Result = TypeVar("Result")

TOGETHER = "loyalty.together"

REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(r"[!-~]{1,255}")
_KEPT_HEADERS = ("Content-Type", "ETag", "Location")


def reads(view: View) -> View:
    """Run the view in a reading transaction."""

    @functools.wraps(view)
    def reading(*args: Any, **kwargs: Any) -> Any:
        with db.reading():
            return view(*args, **kwargs)

    return reading  # type: ignore[return-value] # the same signature


def reads_together(
    work: Callable[[Sequence[Item]], Sequence[Result | problems.Problem]],
) -> Callable[[Item], Result]:
    """Return a function that does for one item what `work` does for many, in one transaction.

    Requests that this process serves at the same time share a reading transaction and its
    statements. `work` returns a result for each item, or the problem to raise for it.
    """

    def unit(items: Sequence[Item]) -> Sequence[Result | problems.Problem]:
        with db.reading():
            return work(items)

    def read(item: Item) -> Result:
        result = _together(unit).do(item)
        if isinstance(result, problems.Problem):
            raise result
        return result

    return read


def writes_together(
    work: Callable[[Sequence[Item]], Sequence[Result]],
) -> Callable[[Item], Result]:
    """Return a function that does for one item what `work` does for many, in one transaction.

    Requests that this process serves at the same time share a transaction and its commit. `work`
    returns a result for each item and raises nothing on account of one of them. Within a
    transaction that is open already, it works for its own item alone.
    """

    def unit(items: Sequence[Item]) -> Sequence[Result]:
        return _transacted(functools.partial(work, items))

    def write(item: Item) -> Result:
        if db.in_transaction():
            return work([item])[0]
        return _together(unit).do(item)

    return write


def _together(unit: Callable[[Sequence[Item]], Sequence[Result]]) -> Together[Item, Result]:
    """Return where requests of the current application meet for this unit of work."""
    meetings: dict[Any, Together[Item, Result]] = current_app.extensions.setdefault(TOGETHER, {})
    return meetings.get(unit) or meetings.setdefault(unit, Together(unit))


def keyed_writes(view: View) -> View:
    """Like `writes`, but with a transaction around the view only for an Idempotency-Key.

    Without one the view opens none: what it calls comes from `writes_together`.
    """

    @functools.wraps(view)
    def writing(*args: Any, **kwargs: Any) -> Any:
        if "Idempotency-Key" in request.headers:
            return _once(functools.partial(view, *args, **kwargs))
        return view(*args, **kwargs)

    return notes.note(writing, idempotency="accepted")  # type: ignore[return-value]


def writes(view: View) -> View:
    """Run the view in one transaction, again as a whole when a race was lost.

    An Idempotency-Key is accepted: repeated with it, the call gets its first answer again.
    """
    takes_body = hasattr(view, "takes_body")

    @functools.wraps(view)
    def writing(*args: Any, **kwargs: Any) -> Any:
        if not takes_body:
            parsing.refuse_body()
        call = functools.partial(view, *args, **kwargs)
        return _once(call) if "Idempotency-Key" in request.headers else _transacted(call)

    return notes.note(writing, idempotency="accepted")  # type: ignore[return-value]


def idempotent(view: View) -> View:
    """Like `writes`, for calls without a natural key: an Idempotency-Key is required."""
    takes_body = hasattr(view, "takes_body")

    @functools.wraps(view)
    def writing(*args: Any, **kwargs: Any) -> Any:
        if not takes_body:
            parsing.refuse_body()
        if "Idempotency-Key" not in request.headers:
            raise problems.MissingIdempotencyKey(
                "Send an Idempotency-Key header, such as a new UUID, so that repeating this call "
                "cannot change value twice."
            )
        return _once(functools.partial(view, *args, **kwargs))

    return notes.note(writing, idempotency="required")  # type: ignore[return-value]


def _transacted(call: Callable[[], Result]) -> Result:
    def unit() -> Result:
        with db.transaction():
            return call()

    return db.retrying(unit)


def _once(call: Callable[[], Any]) -> Response:
    slot = _slot()

    def unit() -> Response:
        idempotency.concerns(None)
        with db.transaction():
            given = idempotency.find_answer(slot)
            if given is not None:
                return Response(given.body, given.status, {**given.headers, REPLAYED: "true"})
            response = current_app.make_response(call())
            headers = {
                name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers
            }
            answer = idempotency.Answer(
                response.status_code, headers, response.get_data(as_text=True)
            )
            idempotency.keep_answer(slot, answer, now=clock.system_now())
            return response

    return db.retrying(unit)


def _slot() -> idempotency.Slot:
    key = request.headers["Idempotency-Key"]
    if not _KEY.fullmatch(key):
        raise problems.InvalidIdempotencyKey(
            "An Idempotency-Key must be 1 to 255 visible ASCII characters, such as a UUID."
        )
    who = caller.current_caller()
    print_ = idempotency.fingerprint(request.method, request.path, parsing.canonical_body())
    return idempotency.Slot(who.program_id, who.member_id or "", key, print_)
