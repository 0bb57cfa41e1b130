"""Whether the process is alive, and whether it can work."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask, Response
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from loyalty.foundation import db, problems
from loyalty.foundation.web import api

_REVISION = re.compile(r'^((?:down_)?revision) = "(\w+)"$', re.MULTILINE)


def install(app: Flask, *, migrations: Path) -> None:
    """Serve `/healthz` and `/readyz`; `migrations` is Alembic's folder."""
    heads = heads_of(migrations)

    def show_health() -> Response:
        return api.answer({"status": "ok"})

    def show_readiness() -> Response:
        reason = _reason_not_to_work(heads)
        if reason is not None:
            raise problems.NotReady(reason, headers={"Retry-After": "5"})
        return api.answer({"status": "ready"})

    app.add_url_rule("/healthz", view_func=show_health)
    app.add_url_rule("/readyz", view_func=show_readiness)


def heads_of(migrations: Path) -> set[str]:
    """Return the latest revisions, without Alembic: a web process needs its 15 MiB for nothing."""
    told = [dict(_REVISION.findall(file.read_text())) for file in migrations.glob("versions/*.py")]
    return {one["revision"] for one in told} - {one.get("down_revision") for one in told}


def _reason_not_to_work(heads: set[str]) -> str | None:
    try:
        with db.reading():
            current = _versions(db.connection())
    except SQLAlchemyError:
        return "The database cannot be reached."
    if current != heads:
        at = ", ".join(sorted(current)) or "empty"
        needed = ", ".join(sorted(heads)) or "empty"
        return f"The database is at {at} and must be at {needed}: run `flask loyalty migrate`."
    return None


def _versions(connection: Connection) -> set[str]:
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.scalars(text("SELECT version_num FROM alembic_version")))
