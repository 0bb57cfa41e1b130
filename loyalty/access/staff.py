"""The staff: persons with a role in each program they work for, and a name as agents of support.

Signing in is the pages' matter; here a password is only hashed. How an address becomes its
`email_key` is the members' knowledge, so callers hand the key in.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from argon2 import PasswordHasher

from loyalty.access import queries
from loyalty.access.models import Staff, StaffRole
from loyalty.foundation import audit, db, ids, problems
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call

ROLES = ("agent", "supervisor", "admin", "analyst")
DECIDING = ("supervisor", "admin")
ACTIVE, DISABLED = "active", "disabled"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1024
_hasher = PasswordHasher()


class StaffDisabled(problems.Problem):
    """The person no longer works here."""

    code = "staff_disabled"
    status = 403
    title = "This person's access has ended"
    about = "The agent named is a person of the staff who was disabled, and can act no more."


class StaffNotFound(problems.Problem):
    """Nobody of the staff has this address."""

    code = "staff_not_found"
    status = 404
    title = "There is no such person"
    about = "Nobody of the staff has this address. `flask loyalty staff list` shows who there is."


class StaffExists(problems.Problem):
    """The person, or the agent's name, is there already."""

    code = "staff_exists"
    status = 409
    title = "This person or this agent is there already"
    about = (
        "A person has one role in a program, and an agent's name belongs to one person there. "
        "`flask loyalty staff role` changes a role."
    )


class StaffRefused(problems.Problem):
    """A role or a password that cannot be."""

    code = "staff_refused"
    status = 422
    title = "The person cannot be entered like this"
    about = (
        "The role must be one of those that exist, and a password long enough not to be guessed."
    )


class Agent(NamedTuple):
    """Who acts in a program: `agent` is the one spelling of their name there."""

    agent: str
    role: str
    staff_id: str
    email_key: str

    @property
    def decides(self) -> bool:
        """Whether the role allows to decide on what others ask for."""
        return self.role in DECIDING


def find_agent(program_id: str, agent: str) -> Agent | None:
    """Return the person of the staff who is named, by agent's name or by address, or None.

    Upper and lower case are the same. Raises `StaffDisabled`.
    """
    found = queries.find_role_by_agent(program_id, agent.strip().lower())
    if found is None:
        return None
    role, person = found
    if person.status != ACTIVE:
        raise StaffDisabled(f"The access of the agent {agent!r} has ended; name another agent.")
    return Agent(role.agent, role.role, person.id, person.email_key)


def create_staff(
    call: Call,
    *,
    email: str,
    email_key: str,
    role: str,
    agent: str | None,
    name: str | None,
    password: str | None,
) -> tuple[Staff, StaffRole, bool]:
    """Give a person a role in the call's program; returns person, role and whether they are new.

    Somebody who works for another program keeps their name and password. Without `agent` they go
    by what stands before the @. Raises `StaffExists`, `StaffRefused`.
    """
    _refuse_role(role)
    person = queries.find_staff(email_key)
    is_new = person is None
    if person is None:
        person = _new_person(call.now, email.lower(), email_key, name, password)
    elif any(one.program_id == call.program_id for one in queries.list_roles_of(person.id)):
        raise StaffExists(f"{email} has a role in this program; `staff role` changes it.")
    handle = _handle(agent or email.partition("@")[0])
    _refuse_taken(call.program_id, handle, person.id)
    entered = StaffRole(
        program_id=call.program_id, staff_id=person.id, role=role, agent=handle, created_at=call.now
    )
    db.session.add(entered)
    db.session.flush()  # the audit record below is written past the session
    _put_on_record(call, "staff.created", person.id, {"role": role})
    return person, entered, is_new


def change_role(call: Call, *, email_key: str, role: str, agent: str | None) -> StaffRole:
    """Change what a person is in the call's program, and their agent's name if one is given.

    Raises `StaffNotFound`, `StaffExists`, `StaffRefused`.
    """
    _refuse_role(role)
    person = _get_person(email_key)
    held = next(
        (one for one in queries.list_roles_of(person.id) if one.program_id == call.program_id), None
    )
    if held is None:
        raise StaffNotFound("This person has no role in the program; `staff create` gives one.")
    if agent is not None:
        handle = _handle(agent)
        _refuse_taken(call.program_id, handle, person.id)
        held.agent = handle
    before, held.role = held.role, role
    _put_on_record(call, "staff.changed", person.id, {"from": before, "role": role})
    return held


def disable_staff(*, email_key: str, actor: str, now: datetime) -> Staff:
    """End a person's access to all programs; repeating is harmless. Raises `StaffNotFound`."""
    return _set_status(email_key, DISABLED, "staff.disabled", actor, now)


def enable_staff(*, email_key: str, actor: str, now: datetime) -> Staff:
    """Let a person who was disabled act again. Raises `StaffNotFound`."""
    return _set_status(email_key, ACTIVE, "staff.enabled", actor, now)


def list_staff(program_id: str | None = None) -> list[tuple[Staff, StaffRole, str]]:
    """Return the staff of one program, or of all, each with role and the program's slug."""
    return queries.list_staff(program_id)


def _set_status(email_key: str, status: str, action: str, actor: str, now: datetime) -> Staff:
    person = _get_person(email_key)
    if person.status != status:
        person.status, person.updated_at = status, now
        for role in queries.list_roles_of(person.id):
            _put_on_record(Call(role.program_id, actor, None, now), action, person.id, {})
    return person


def _get_person(email_key: str) -> Staff:
    person = queries.find_staff(email_key)
    if person is None:
        raise StaffNotFound(f"Nobody of the staff has the address {email_key}.")
    return person


def _new_person(
    now: datetime, email: str, email_key: str, name: str | None, password: str | None
) -> Staff:
    if password is not None and not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise StaffRefused(
            f"A password needs {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters."
        )
    person = Staff(
        id=ids.new_id("stf"),
        email=email,
        email_key=email_key,
        name=name,
        password_hash=None if password is None else _hasher.hash(password),
        status=ACTIVE,
        created_at=now,
        updated_at=now,
    )
    db.session.add(person)
    db.session.flush()  # the role refers to the person, and no relationship says so
    return person


def _refuse_role(role: str) -> None:
    if role not in ROLES:
        raise StaffRefused(f"There is no role {role!r}; choose from {', '.join(ROLES)}.")


def _refuse_taken(program_id: str, agent: str, staff_id: str) -> None:
    if queries.find_agent_holder(program_id, agent) not in {None, staff_id}:
        raise StaffExists(f"Somebody else is the agent {agent!r} here; choose another name.")


def _put_on_record(call: Call, action: str, staff_id: str, data: dict[str, str]) -> None:
    changes = Changes()
    audit.record(changes, call, action, subject=("staff", staff_id), now=call.now, data=dict(data))
    changes.write(db.connection())


def _handle(text: str) -> str:
    """Return the one spelling of an agent's name."""
    return re.sub(r"\s+", " ", text).strip().lower()[:100]
