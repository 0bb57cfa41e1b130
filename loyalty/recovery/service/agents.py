"""Agents: who gives and who decides; nobody does either for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from loyalty.access import staff
from loyalty.foundation.problems import FieldError, Problem
from loyalty.recovery.caps.terms import spelled

AGENT = "agent"
GIVING = (AGENT, *staff.DECIDING)


class AgentRequired(Problem):
    """Nobody was named."""

    code = "agent_required"
    status = 422
    title = "An agent must be named"
    about = (
        "Gestures are given and decided by persons. A key that is not bound to an agent names the "
        "one it acts for in `agent`."
    )


class AgentMismatch(Problem):
    """A key that is bound to an agent names another one."""

    code = "agent_mismatch"
    status = 403
    title = "This key acts for another agent"
    about = "A key that is bound to an agent acts for that agent alone; leave `agent` out."


class AgentMayNot(Problem):
    """The agent's role does not allow it."""

    code = "agent_may_not"
    status = 403
    title = "This agent may not do this"
    about = (
        "Analysts give nothing. Supervisors and admins decide on gestures, and so do agents who "
        "are not registered as staff, with a key that has the scope `gestures:approve`. Whoever "
        "asked for a gesture can also withdraw or revoke it."
    )


class OwnGesture(Problem):
    """Somebody would give to themselves, or approve what they asked for."""

    code = "own_gesture"
    status = 403
    title = "Nobody gives to themselves or approves their own gesture"
    about = (
        "A gesture is given to somebody else, and what needs approval is decided by somebody else "
        "than the one who asked for it."
    )


class Giver(NamedTuple):
    """Who acts: `agent` in its one spelling, with the role that caps look at.

    `email_key` and `staff_id` are those of a registered person. `may_approve` says that an agent
    who is not registered decides by the rights of a key.
    """

    agent: str
    role: str
    email_key: str | None = None
    staff_id: str | None = None
    may_approve: bool = False

    @property
    def decides(self) -> bool:
        """Whether this person may decide on what others ask for."""
        return self.role in staff.DECIDING if self.staff_id is not None else self.may_approve


def find_giver(
    program_id: str, named: str | None, *, bound_to: str | None, may_approve: bool
) -> Giver:
    """Return who acts with a key: the agent it is bound to, or the one it names.

    Raises AgentRequired, AgentMismatch, StaffDisabled.
    """
    chosen = spelled(bound_to or named or "")
    if not chosen:
        raise AgentRequired(
            "Name the agent who acts; this key is not bound to one.",
            errors=[FieldError("/agent", "is missing")],
        )
    found = staff.find_agent(program_id, chosen)
    if bound_to and named and spelled(named) != chosen:
        other = staff.find_agent(program_id, spelled(named))
        if found is None or other is None or found.staff_id != other.staff_id:
            raise AgentMismatch(
                f"This key acts for the agent {bound_to!r}; leave `agent` out, or name that one."
            )
    if found is None:
        return Giver(chosen, AGENT, may_approve=may_approve)
    return Giver(found.agent, found.role, found.email_key, found.staff_id)


def require_to_give(who: Giver, person: Mapping[str, Any]) -> None:
    """Raise AgentMayNot or OwnGesture unless somebody may give to this person."""
    if who.role not in GIVING:
        raise AgentMayNot(f"The role {who.role!r} gives no gestures; name an agent who does.")
    if is_same_person(who, person):
        raise OwnGesture("The member is the agent; somebody else has to give this.")


def require_to_decide(who: Giver, gesture: Mapping[str, Any], person: Mapping[str, Any]) -> None:
    """Raise AgentMayNot or OwnGesture unless somebody may approve or reject this gesture."""
    if not who.decides:
        raise AgentMayNot(
            "Only supervisors and admins decide on gestures, or a key with the scope "
            "`gestures:approve` for an agent who is not registered."
        )
    if who.agent == gesture["agent"] or is_same_person(who, person):
        raise OwnGesture("Somebody else than the one who asked, or who gets it, has to decide.")


def require_to_undo(who: Giver, gesture: Mapping[str, Any]) -> None:
    """Raise AgentMayNot unless somebody may withdraw or revoke this gesture."""
    if who.agent != gesture["agent"] and not who.decides:
        raise AgentMayNot("Only the agent who asked for it, or one who decides, can do this.")


def is_same_person(who: Giver, person: Mapping[str, Any]) -> bool:
    """Whether an agent is the member, as far as their names and addresses tell."""
    if who.email_key is not None and who.email_key == person["email_key"]:
        return True
    names = (person["external_id"], person["email"], person["email_key"])
    return who.agent in {spelled(name) for name in names if name}
