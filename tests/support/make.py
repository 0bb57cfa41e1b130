"""Programs, keys and callers for tests. Each program is a tenant of its own: nothing is cleaned."""

import uuid
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient

from loyalty.access import guard
from loyalty.access import service as access
from loyalty.foundation import clock, db
from loyalty.foundation.call import Call
from loyalty.foundation.tenancy import Program
from loyalty.programs import queries
from loyalty.programs import service as programs

PLAIN = {
    "program": {"currency": "EUR", "timezone": "Europe/Berlin"},
    "earning": {"rules": [{"id": "base", "kind": "per_spend", "points": 1, "per": 100}]},
    "redemption": {"points_per": {"points": 100, "amount": 100}},
}


def plain(*, slug=None, mode="test", **parts) -> dict[str, Any]:
    """Return a program document: a plain one, with whole parts replaced by `parts`."""
    made = deepcopy({**PLAIN, **parts})
    made["program"] = {**PLAIN["program"], **made["program"]}
    made["program"].setdefault("slug", slug or f"shop-{uuid.uuid4().hex}")
    made["program"].setdefault("mode", mode)
    return made


def program(document: dict[str, Any] | None = None, *, mode="test", **parts) -> Program:
    """Create a program from a document, or from a plain one with whole parts replaced.

    A document's own slug is made unique, so that a test can use the same one twice.
    """
    made = plain(mode=mode, **(document or {}), **parts)
    if document and "slug" in document.get("program", {}):
        made["program"]["slug"] = f"{made['program']['slug'][:30]}-{uuid.uuid4().hex}"
    with db.transaction():
        version = programs.create_program(document=made, actor="test", now=clock.system_now())
    with db.reading():
        row = queries.get_program(version.program_id)
    db.session.expunge(row)  # what a test rolls back later must not touch it
    return row


def key(program: Program, scopes=("*",), *, agent=None, name="test") -> str:
    """Make a key of a program; returns its secret."""
    with db.transaction():
        made = access.create_key(
            program_id=program.id,
            mode=program.mode,
            name=name,
            granted=tuple(scopes),
            agent=agent,
            pepper=guard.secret_key(),
            now=clock.system_now(),
        )
    return made.secret


def call(program: Program | str, *, actor="test", request_id=None, now=None) -> Call:
    """Return a call for services that a test calls itself; `program` is a row or its id."""
    program_id = program if isinstance(program, str) else program.id
    return Call(program_id, actor, request_id, now or clock.system_now())


@dataclass(frozen=True)
class Answer:
    """What came back: `body` is the parsed JSON, or the text of what is none."""

    status: int
    body: Any
    headers: Any

    def __getitem__(self, name):
        """Return a member of the body."""
        return self.body[name]

    @property
    def pointers(self):
        """Return where a refused body was wrong."""
        return [error["pointer"] for error in self.body["errors"]]


@dataclass(frozen=True)
class Api:
    """A caller of the API with credentials: `api.post("/v1/orders", {...})`."""

    client: FlaskClient
    credentials: str | None

    def get(self, path, *, headers=None, **query) -> Answer:
        return self.send("GET", path, headers=headers, query_string=query or None)

    def post(self, path, body=None, *, headers=None, idempotency_key=None) -> Answer:
        return self.send("POST", path, body, headers, idempotency_key=idempotency_key)

    def put(self, path, body=None, *, headers=None, idempotency_key=None) -> Answer:
        return self.send("PUT", path, body, headers, idempotency_key=idempotency_key)

    def delete(self, path, *, headers=None, idempotency_key=None) -> Answer:
        return self.send("DELETE", path, None, headers, idempotency_key=idempotency_key)

    def send(
        self, method, path, body=None, headers=None, *, idempotency_key=None, **options
    ) -> Answer:
        """Send any request; a body is sent as JSON."""
        sent = dict(headers or {})
        if self.credentials is not None:
            sent.setdefault("Authorization", f"Bearer {self.credentials}")
        if idempotency_key is not None:
            sent["Idempotency-Key"] = idempotency_key
        if body is not None:
            options["json"] = body
        response = self.client.open(path, method=method, headers=sent, **options)
        parsed = response.get_json() if response.is_json else response.get_data(as_text=True)
        return Answer(response.status_code, parsed, response.headers)


def api(client: FlaskClient, key: str | None) -> Api:
    """Return a caller with these credentials; None sends none."""
    return Api(client, key)
