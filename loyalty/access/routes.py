"""The door of the audit trail."""

from __future__ import annotations

from typing import Any

from loyalty.access import auditing, schemas
from loyalty.access.guard import requires
from loyalty.foundation.web import calls, schema
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.doors import reads

access = Blueprint(
    "access",
    __name__,
    url_prefix="/v1",
    description="Who did what: acts of people and keys, in rows that never change.",
)


@access.route("/audit", methods=["GET"])
@requires("audit:read")
@reads
@access.arguments(schemas.AuditQuery, location="query")
@access.response(200, schema.page_of(schemas.Act))
def list_audit(query: dict[str, Any]) -> Any:
    """List acts, newest first: who did what to what.

    It covers what people and keys decide; what moves value is in the ledger's entries as well.
    """
    limit, cursor = query["limit"], query["cursor"]
    rows = auditing.list_audit(
        calls.current_call(),
        subject=query.get("subject"),
        actor=query.get("actor"),
        action=query.get("action"),
        before=cursor and cursor[0],
        limit=limit + 1,
    )
    return schema.page(rows, limit, lambda row: (row["id"],))
