"""The audit trail as the API gives it."""

from __future__ import annotations

from loyalty.foundation.web import fields
from loyalty.foundation.web.schema import ListQuery, Schema


class Subject(Schema):
    """What an act was done to."""

    type = fields.Text(required=True, example="gesture")
    id = fields.Text(required=True, example="gst_019a4f6e-0d6b-7c3a-9c55-0d8c1c3f9e2a")


class Facts(fields.Field[object]):
    """Ids and numbers of one act."""

    openapi = {"type": "object", "additionalProperties": True}  # noqa: RUF012 - never changed


class Act(Schema):
    """Who did what to what, and when."""

    id = fields.Text(required=True, example="aud_019a4f6e-0d6b-7c3a-9c55-0d8c1c3f9e2a")
    actor = fields.Text(
        required=True, example="key:key_019a4f6e", about="The key, person or command that did it."
    )
    action = fields.Text(required=True, example="gesture.approved")
    subject = fields.Nested(Subject, required=True)
    data = Facts(required=True, about="Ids and numbers of the act; nothing personal.")
    request_id = fields.Text(required=True, allow_none=True)
    recorded_at = fields.Instant(required=True)


class AuditQuery(ListQuery):
    """Which acts to list."""

    subject = fields.Line(about="Only acts on the thing with this id.")
    actor = fields.Line(128, about="Only what this actor did, such as `key:key_…`.")
    action = fields.Line(64, about="Only this kind of act, such as `gesture.approved`.")
