"""The door of follow-ups for staff; the customer's page is `page`'s matter."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app

from loyalty.access import guard
from loyalty.access.guard import requires
from loyalty.foundation.web import schema
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.calls import current_call
from loyalty.foundation.web.doors import reads, writes
from loyalty.members import parts
from loyalty.recovery.doors.page import page
from loyalty.recovery.follow_ups import links, personal, schemas, service
from loyalty.recovery.proactive import personal as proactive

follow_ups = Blueprint(
    "follow_ups",
    __name__,
    url_prefix="/v1",
    description="Whether all is well again: asked after each gesture, by the member's own channel.",
)
follow_ups.record_once(lambda state: state.app.register_blueprint(page))
parts.register(personal.PART)
parts.register(proactive.PART)


@follow_ups.route("/follow_ups", methods=["GET"])
@requires("gestures:read")
@reads
@follow_ups.arguments(schemas.FollowUpQuery, location="query")
@follow_ups.leads_to(
    *("get_follow_up", "complete_follow_up"), follow_up_id="$response.body#/data/0/id"
)
@follow_ups.response(200, schema.page_of(schemas.FollowUp))
def list_follow_ups(query: dict[str, Any]) -> Any:
    """List follow-ups: what is open or due, the longest due first; else the latest first."""
    limit, cursor = query["limit"], query["cursor"]
    rows = service.list_follow_ups(
        current_call(),
        state=query.get("state"),
        member=query.get("member"),
        gesture_id=query.get("gesture"),
        beyond=cursor and (datetime.fromisoformat(cursor[0]), cursor[1]),
        limit=limit + 1,
    )
    shown = [_shown(row) for row in rows]
    return schema.page(shown, limit, lambda row: (row["due_at"].isoformat(), row["id"]))


@follow_ups.route("/follow_ups/<follow_up_id>", methods=["GET"])
@requires("gestures:read")
@reads
@follow_ups.refuses(service.FollowUpNotFound)
@follow_ups.response(200, schemas.FollowUp)
def get_follow_up(follow_up_id: str) -> Any:
    """Show a follow-up with what was given in its case."""
    return _shown(service.get_follow_up(current_call(), follow_up_id))


@follow_ups.route("/follow_ups/<follow_up_id>/complete", methods=["POST"])
@requires("gestures:write")
@writes
@follow_ups.refuses(service.FollowUpNotFound, service.FollowUpCompleted)
@follow_ups.arguments(schemas.Completion)
@follow_ups.response(200, schemas.FollowUp)
def complete_follow_up(given: dict[str, Any], follow_up_id: str) -> Any:
    """Complete a follow-up with what the member said; repeating it is harmless.

    A member who is not satisfied is asked again: `reopened_by` names the follow-up that is due
    at once, and `gestures` shows what the case has been given so far.
    """
    return _shown(service.complete_follow_up(current_call(), follow_up_id, **given))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    link = None
    if row["completed_at"] is None:
        token = links.sign(
            row["id"], due_at=row["due_at"], now=row["now"], pepper=guard.secret_key()
        )
        link = f"{str(current_app.config['BASE_URL']).rstrip('/')}/follow-ups/{token}"
    return {**row, "gesture": row["gesture_id"], "link": link}
