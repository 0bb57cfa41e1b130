"""All that is known about one person: shown as one document, or erased for good."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, NamedTuple

from loyalty.foundation import audit, db, idempotency
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call
from loyalty.members import parts, queries, service
from loyalty.members.models import ERASED, PERSONAL, Member
from loyalty.members.queries import Row


class Dossier(NamedTuple):
    """A member, those merged into it, and by name what each slice keeps about them."""

    member: Row
    merged: list[Row]
    sections: dict[str, Any]


def export_member(call: Call, external_id: str) -> Dossier:
    """Return everything known about a person.

    Raises `MemberNotFound`, and `MemberMerged` with the member to ask for.
    """
    member = service.get_member(call, external_id)
    if member["status"] != ERASED:
        service.refuse_former(member)
    merged = queries.list_merged(member["id"])
    for row in merged:
        row["merged_into_external_id"] = member["external_id"]
    person = [member["id"], *(row["id"] for row in merged)]
    sections = {part.name: part.export(call, person) for part in parts.list_parts()}
    return Dossier(member, merged, sections)


def erase_member(call: Call, external_id: str) -> Row:
    """Forget a person and all members merged into them; the ledger keeps its sums.

    Raises `MemberNotFound`, `MemberMerged`, `MemberErased`.
    """
    now = queries.get_program(call.program_id).test_now or call.now
    member = queries.lock_members(call.program_id, [external_id]).get(external_id)
    if member is None:
        raise service.not_found(external_id)
    service.refuse_former(member)
    person = [row["id"] for row in queries.lock_person(member["id"])]
    for part in parts.list_parts():
        part.erase(call, person)
    idempotency.forget(*person)
    changes = Changes()
    changes.update(Member, *(_erased(member_id, now) for member_id in person))
    audit.record(changes, call, "member.erased", subject=("member", member["id"]), now=now)
    changes.write(db.connection())
    return {"id": member["id"], "status": ERASED}


def _erased(member_id: str, now: datetime) -> Row:
    return {
        "id": member_id,
        "external_id": f"erased_{secrets.token_hex(16)}",
        "status": ERASED,
        "updated_at": now,
        **dict.fromkeys(PERSONAL),
    }
