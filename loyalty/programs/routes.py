"""The program document, its versions, and the clock of a test program."""

from __future__ import annotations

import functools
import re
from typing import Any

from flask import Response, request

from loyalty.access.guard import requires
from loyalty.foundation import problems
from loyalty.foundation.web import calls, notes, schema
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.doors import reads, writes
from loyalty.programs import document as documents
from loyalty.programs import schemas, service
from loyalty.programs.models import ProgramVersion

program = Blueprint(
    "program",
    __name__,
    url_prefix="/v1",
    description="The terms of the program as one versioned document, and a test program's clock.",
)

_VERSION = re.compile("[0-9]{1,10}")
_ETAG = {"ETag": {"description": "The version.", "required": True, "schema": {"type": "string"}}}
_changes_a_version = functools.partial(notes.note, if_match=True)


@program.route("/program", methods=["GET"])
@requires("program:read")
@reads
@program.leads_to("put_program", body="$response.body", **{"If-Match": "$response.header.ETag"})
@program.also(304, description="Still the version that If-None-Match names")
@program.response(200, schemas.Document, headers=_ETAG)
def get_program() -> Any:
    """Show the program document in force.

    The ETag is its version; send it as If-Match when you change the document, or as
    If-None-Match to hear 304 while nothing has changed.
    """
    return _answer(service.get_current(calls.current_call()))


@program.route("/program", methods=["PUT"])
@requires("program:write")
@writes
@_changes_a_version
@program.refuses(documents.InvalidProgram, service.TermFixed)
@program.arguments(schemas.Document)
@program.response(200, schemas.Document, headers=_ETAG)
def put_program(document: dict[str, Any]) -> Any:
    """Replace the program document by a new version.

    Orders that are recorded from now on follow it; what was granted keeps the version it was
    granted under. A document that changes nothing makes no version.
    """
    expected = _expected_versions(document.pop("version", None))
    call = calls.current_call()
    return _answer(service.apply_document(call, document, expected_versions=expected))


@program.route("/program/versions", methods=["GET"])
@requires("program:read")
@reads
@program.arguments(schemas.Versions, location="query")
@program.leads_to("get_version", version="$response.body#/data/0/version")
@program.response(200, schema.page_of(schemas.VersionSummary))
def list_versions(query: dict[str, Any]) -> Any:
    """List all versions of the program, newest first."""
    limit, cursor = query["limit"], query["cursor"]
    rows = service.list_versions(calls.current_call(), before=cursor and cursor[0], limit=limit + 1)
    return schema.page(rows, limit, lambda row: (row.version,))


@program.route("/program/versions/<int(min=1, max=2147483647):version>", methods=["GET"])
@requires("program:read")
@reads
@program.refuses(service.VersionNotFound)
@program.response(200, schemas.Version)
def get_version(version: int) -> Any:
    """Show one version of the program document."""
    return service.get_version(calls.current_call().program_id, version)


@program.route("/test_clock", methods=["GET"])
@requires("clock:write")
@reads
@program.refuses(service.NoTestClock)
@program.response(200, schemas.TestClock)
def get_test_clock() -> Any:
    """Show what time it is for a test program."""
    return {"now": service.get_test_clock(calls.current_call())}


@program.route("/test_clock", methods=["PUT"])
@requires("clock:write")
@writes
@program.refuses(service.NoTestClock, service.ClockBackwards, service.ClockTooFar)
@program.arguments(schemas.TestClock)
@program.response(200, schemas.TestClock)
def set_test_clock(clock: dict[str, Any]) -> Any:
    """Set the time of a test program.

    Everything that depends on time obeys it: what is pending settles, points expire, holds end.
    It never runs backwards; only before anything has happened may it first be set to the past.
    """
    return {"now": service.set_test_clock(calls.current_call(), clock["now"])}


def _answer(version: ProgramVersion) -> Any:
    if request.method == "GET" and request.if_none_match.contains(str(version.version)):
        return Response(status=304, headers=_etag(version))
    return {**version.document, "version": version.version}, _etag(version)


def _etag(version: ProgramVersion) -> dict[str, str]:
    return {"ETag": f'"{version.version}"'}


def _expected_versions(sent_back: int | None) -> set[int] | None:
    """Return the versions that If-Match and the body name, or None for any."""
    if "If-Match" not in request.headers:
        raise problems.PreconditionRequired(
            "Send If-Match with the ETag of the program you changed, as GET /v1/program gave it."
        )
    tags = request.if_match
    if tags.star_tag:
        return None if sent_back is None else {sent_back}
    named = {int(tag) for tag in tags.as_set() if tag and _VERSION.fullmatch(tag)}
    return named if sent_back is None else named & {sent_back}
