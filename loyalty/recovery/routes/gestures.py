"""The door of gestures: give within caps, preview, decide, revoke."""

from __future__ import annotations

from typing import Any

from loyalty.access import scopes
from loyalty.access.guard import requires
from loyalty.access.staff import StaffDisabled
from loyalty.foundation.web import caller
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.calls import current_call
from loyalty.foundation.web.doors import idempotent, reads, writes
from loyalty.foundation.web.schema import page
from loyalty.ledger.kernel import BalanceTooLarge
from loyalty.members import parts
from loyalty.members.service import MemberNotFound
from loyalty.recovery import personal, schemas
from loyalty.recovery.service import agents, deciding, giving, reading, revoking
from loyalty.recovery.service.agents import Giver

gestures = Blueprint(
    "gestures",
    __name__,
    url_prefix="/v1",
    description="What support gives when something went wrong, or unasked, within caps.",
)
parts.register(personal.PART)

_WHO = (agents.AgentRequired, agents.AgentMismatch, agents.AgentMayNot, StaffDisabled)


@gestures.route("/gestures", methods=["POST"])
@requires("gestures:write")
@idempotent
@gestures.refuses(
    *_WHO,
    agents.OwnGesture,
    MemberNotFound,
    BalanceTooLarge,
    giving.CapExceeded,
    giving.GestureRefused,
)
@gestures.leads_to(
    *("get_gesture", "approve_gesture", "reject_gesture", "withdraw_gesture"),
    gesture_id="$response.body#/id",
)
@gestures.arguments(schemas.NewGesture)
@gestures.response(201, schemas.Gesture)
@gestures.also(202, schemas.Gesture, description="It waits for approval")
def give_gesture(given: dict[str, Any]) -> Any:
    """Give something to a member, if all caps that look at it allow it.

    202 says that a cap wants somebody else's approval: it then counts against every cap until
    that is decided, or the time for it is over.
    """
    outcome = giving.give_gesture(current_call(), given, who=_who(given.pop("agent")))
    return outcome.gesture, 201 if outcome.is_issued else 202


@gestures.route("/gestures/preview", methods=["POST"])
@requires("gestures:read")
@reads
@gestures.refuses(*_WHO, agents.OwnGesture, MemberNotFound, giving.GestureRefused)
@gestures.arguments(schemas.NewGesture)
@gestures.response(200, schemas.Preview)
def preview_gesture(given: dict[str, Any]) -> dict[str, Any]:
    """Say what would come of a gesture, with the arithmetic of every cap; nothing is given."""
    return giving.preview_gesture(current_call(), given, who=_who(given.pop("agent")))


@gestures.route("/gestures", methods=["GET"])
@requires("gestures:read")
@reads
@gestures.leads_to("get_gesture", gesture_id="$response.body#/data/0/id")
@gestures.arguments(schemas.GestureQuery, location="query")
@gestures.response(200, schemas.GesturePage)
def list_gestures(query: dict[str, Any]) -> dict[str, Any]:
    """List gestures, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    before = cursor[0] if cursor else None
    rows = reading.list_gestures(current_call(), **query, before=before, limit=limit + 1)
    return page(rows, limit, key=lambda row: (row["id"],))


@gestures.route("/gestures/<gesture_id>", methods=["GET"])
@requires("gestures:read")
@reads
@gestures.refuses(reading.GestureNotFound)
@gestures.response(200, schemas.Gesture)
def get_gesture(gesture_id: str) -> dict[str, Any]:
    """Return a gesture."""
    return reading.get_gesture(current_call(), gesture_id)


@gestures.route("/gestures/<gesture_id>/approve", methods=["POST"])
@requires("gestures:write")
@writes
@gestures.refuses(
    *_WHO,
    agents.OwnGesture,
    reading.GestureNotFound,
    deciding.GestureNotPending,
    giving.GestureRefused,
    MemberNotFound,
    BalanceTooLarge,
)
@gestures.leads_to("revoke_gesture", gesture_id="$response.body#/id")
@gestures.arguments(schemas.Decision)
@gestures.response(200, schemas.Gesture)
def approve_gesture(given: dict[str, Any], gesture_id: str) -> dict[str, Any]:
    """Give what was asked for; approved means given, or this is an error and nothing changed."""
    who = _who(given["agent"])
    return deciding.approve_gesture(current_call(), gesture_id, who=who, note=given["note"])


@gestures.route("/gestures/<gesture_id>/reject", methods=["POST"])
@requires("gestures:write")
@writes
@gestures.refuses(*_WHO, agents.OwnGesture, reading.GestureNotFound, deciding.GestureNotPending)
@gestures.arguments(schemas.Decision)
@gestures.response(200, schemas.Gesture)
def reject_gesture(given: dict[str, Any], gesture_id: str) -> dict[str, Any]:
    """Refuse what was asked for; what it held under the caps is free again."""
    who = _who(given["agent"])
    return deciding.reject_gesture(current_call(), gesture_id, who=who, note=given["note"])


@gestures.route("/gestures/<gesture_id>/withdraw", methods=["POST"])
@requires("gestures:write")
@writes
@gestures.refuses(*_WHO, reading.GestureNotFound, deciding.GestureNotPending)
@gestures.arguments(schemas.Decision)
@gestures.response(200, schemas.Gesture)
def withdraw_gesture(given: dict[str, Any], gesture_id: str) -> dict[str, Any]:
    """Take back what one asked for oneself, before it is decided."""
    who = _who(given["agent"])
    return deciding.withdraw_gesture(current_call(), gesture_id, who=who, note=given["note"])


@gestures.route("/gestures/<gesture_id>/revoke", methods=["POST"])
@requires("gestures:write")
@writes
@gestures.refuses(*_WHO, reading.GestureNotFound, revoking.GestureNotIssued, revoking.GestureSpent)
@gestures.arguments(schemas.Decision)
@gestures.response(200, schemas.Gesture)
def revoke_gesture(given: dict[str, Any], gesture_id: str) -> dict[str, Any]:
    """Take back what is unspent; the caps have room for it again.

    What was spent, or a checkout holds, stays with the member and goes on counting.
    """
    who = _who(given["agent"])
    return revoking.revoke_gesture(current_call(), gesture_id, who=who, note=given["note"])


def _who(named: str | None) -> Giver:
    """Return who acts: the agent that the key is bound to, or the one it names."""
    known = caller.current_caller()
    may_approve = scopes.allows(known.scopes, "gestures:approve")
    return agents.find_giver(known.program_id, named, bound_to=known.agent, may_approve=may_approve)
