"""Putting on record who changed a program."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from loyalty.foundation import audit, db
from loyalty.foundation.bulk import Changes
from loyalty.foundation.call import Call


def put_on_record(call: Call, action: str, data: dict[str, Any], now: datetime) -> None:
    """Write an act that was done to the call's program."""
    changes = Changes()
    subject = ("program", call.program_id)
    audit.record(changes, call, action, subject=subject, now=now, data=data)
    changes.write(db.connection())
