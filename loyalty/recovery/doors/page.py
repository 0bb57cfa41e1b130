"""The customer's page behind a one-tap link: it shows a question, and records the first answer.

Looking at it changes nothing, as programs that scan mail look at everything.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, make_response, render_template, request

from loyalty.access import guard
from loyalty.foundation import clock, db
from loyalty.foundation.web import context, fields
from loyalty.recovery.follow_ups import links, service
from loyalty.recovery.follow_ups.links import Link
from loyalty.recovery.follow_ups.models import MOST_SATISFACTION, SATISFIED, UNSATISFIED
from loyalty.recovery.follow_ups.queries import Row

NOTE_CHARACTERS = 2000
POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

page = Blueprint(
    "follow_up_page",
    __name__,
    url_prefix="/follow-ups",
    template_folder="templates",
    static_folder="static",
    static_url_path="/assets",
)


class Answer(ma.Schema):
    """What the form sends; what is left empty is not there."""

    result = fields.Choice((SATISFIED, UNSATISFIED), required=True)
    satisfaction = fields.IntegerText(least=1, most=MOST_SATISFACTION, load_default=None)
    note = fields.Text(NOTE_CHARACTERS, load_default=None)

    class Meta:
        unknown = ma.EXCLUDE  # browsers and their extensions add what they like


@page.get("/<token>")
def show_question(token: str) -> Response:
    """Show the question, or thanks if it was answered."""
    link, found = links.read(token, guard.secret_key()), None
    if link is not None:
        with db.reading():
            found = service.find_for_customer(
                link.follow_up_id, expires_at=link.expires_at, now=clock.system_now()
            )
    if found is None:
        return _gone()
    return _thanks(found) if found["completed_at"] else _question(found)


@page.post("/<token>")
def answer_question(token: str) -> Response:
    """Record the answer; whoever answers again is thanked again."""
    link = links.read(token, guard.secret_key())
    if link is None:
        return _gone()
    try:
        answer = Answer().load(_sent())
    except ma.ValidationError:
        return _ask_again(link)
    found = db.retrying(lambda: _record(link, answer))
    return _gone() if found is None else _thanks(found)


def _record(link: Link, answer: dict[str, Any]) -> Row | None:
    with db.transaction():
        return service.answer_as_customer(
            link.follow_up_id,
            expires_at=link.expires_at,
            request_id=context.request_id(),
            now=clock.system_now(),
            **answer,
        )


def _sent() -> dict[str, str]:
    """Return the form's fields; browsers send line breaks as two characters."""
    given = {name: value.replace("\r\n", "\n").strip() for name, value in request.form.items()}
    return {name: value for name, value in given.items() if value}


def _ask_again(link: Link) -> Response:
    with db.reading():
        found = service.find_for_customer(
            link.follow_up_id, expires_at=link.expires_at, now=clock.system_now()
        )
    if found is None:
        return _gone()
    return _thanks(found) if found["completed_at"] else _question(found, status=422)


def _question(found: Row, status: int = 200) -> Response:
    return _page("question", status, found, is_repeated=status != 200)  # noqa: PLR2004 - OK


def _thanks(found: Row) -> Response:
    return _page("thanks", 200, found)


def _gone() -> Response:
    return _page("gone", 404, None)


def _page(name: str, status: int, found: Row | None, **more: Any) -> Response:
    text = render_template(f"follow_up/{name}.html", found=found, most=NOTE_CHARACTERS, **more)
    response = make_response(text, status)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
