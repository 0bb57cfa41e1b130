"""The terms of a program by version, applying new ones, and the test clock.

A program's slug, mode and currency are what keys, links and amounts were made
for, so they never change. Compiling a section of the terms is the matter of
the slice that the section belongs to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from loyalty.foundation import db, ids, problems
from loyalty.foundation.call import Call
from loyalty.foundation.tenancy import Program
from loyalty.programs import acts, queries
from loyalty.programs import document as documents
from loyalty.programs.models import ProgramVersion

FIXED = ("slug", "mode", "currency")
LIVE, TEST = "live", "test"
FURTHEST = timedelta(days=36_525)
TERMS_IN_MEMORY = 2048


class ProgramNotFound(problems.Problem):
    """No program has this slug."""

    code = "program_not_found"
    status = 404
    title = "There is no such program"
    about = "No program has this slug. `flask loyalty program list` shows those there are."


class VersionNotFound(problems.Problem):
    """The program never had this version."""

    code = "program_version_not_found"
    status = 404
    title = "There is no such version"
    about = "The program has no version of this number. `GET /v1/program/versions` lists them."


class TermFixed(problems.Problem):
    """Something that never changes was to be changed."""

    code = "program_term_fixed"
    status = 422
    title = "A program keeps its slug, mode and currency"
    about = (
        "Keys, links and every amount were made for them. For another slug, mode or currency "
        "apply the document under a new slug, which makes a new program."
    )


class SlugTaken(problems.Problem):
    """A program with this slug exists."""

    code = "program_slug_taken"
    status = 409
    title = "This slug belongs to another program"
    about = "Slugs are unique in one installation. Choose another one, or apply a new version."


class NoTestClock(problems.Problem):
    """A live program lives in the present."""

    code = "no_test_clock"
    status = 403
    title = "A live program has no test clock"
    about = 'Only a program with `mode = "test"` has a clock that can be set.'


class ClockBackwards(problems.Problem):
    """Time was to run backwards."""

    code = "clock_backwards"
    status = 409
    title = "The test clock only runs forwards"
    about = (
        "What happened cannot happen again, so the clock is never set to before what it shows. "
        "The first setting may lie in the past while nothing has happened in the program."
    )


class ClockTooFar(problems.Problem):
    """Nobody plans that far."""

    code = "clock_too_far"
    status = 422
    title = "The test clock is set too far ahead"
    about = "A test clock may run up to a hundred years ahead of the present."


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of a program's terms; `document` is normalised and never changed."""

    program_id: str
    slug: str
    mode: str
    currency: str
    version: int
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Current:
    """The terms in force, and what time it is for the program."""

    terms: Terms
    now: datetime


@lru_cache(maxsize=TERMS_IN_MEMORY)
def terms(program_id: str, version: int) -> Terms:
    """Return a version's terms, from memory once it was read.

    Raises `VersionNotFound`. A version must not be asked for by the transaction
    that creates it: memory does not roll back.
    """
    found = get_version(program_id, version)
    about = found.document["program"]
    return Terms(
        program_id, about["slug"], about["mode"], about["currency"], version, found.document
    )


def current(program_id: str, now: datetime) -> Current:
    """Return the terms in force and the program's time: `now`, unless a test clock is set."""
    program = queries.get_program(program_id)
    return Current(terms(program_id, program.version), present(program, now))


def present(program: Program, now: datetime) -> datetime:
    """Return the program's time."""
    return program.test_now or now


def create_program(*, document: Mapping[str, Any], actor: str, now: datetime) -> ProgramVersion:
    """Create a program from its document. Raises `SlugTaken`, and what `document.parse` raises."""
    document = documents.parse(document)
    about = document["program"]
    if queries.find_program(about["slug"]) is not None:
        raise SlugTaken(f"There is a program {about['slug']!r} already.")
    program = Program(
        id=ids.new_id("prg"),
        slug=about["slug"],
        mode=about["mode"],
        version=1,
        test_now=None,
        created_at=now,
    )
    db.session.add(program)
    db.session.flush()  # the version refers to the program, and no relationship says so
    return _add_version(Call(program.id, actor, None, now), program, document)


def apply_document(
    call: Call, document: Mapping[str, Any], *, expected_versions: Collection[int] | None
) -> ProgramVersion:
    """Make a document the program's next version; one that changes nothing makes none.

    `expected_versions` are those the change was made for, None any. Raises
    `PreconditionFailed`, `TermFixed`, and what `document.parse` raises.
    """
    program = queries.lock_program(call.program_id)
    if expected_versions is not None and program.version not in expected_versions:
        raise problems.PreconditionFailed(
            f"The program is at version {program.version} now; read it again and apply your "
            "change to that.",
            version=program.version,
        )
    document = documents.parse(document)
    in_force = get_version(program.id, program.version)
    _refuse_changing_fixed(in_force.document["program"], document["program"])
    if document == in_force.document:
        return in_force
    program.version += 1
    return _add_version(call, program, document)


def show_program(slug: str) -> ProgramVersion:
    """Return the version in force of the program with this slug. Raises `ProgramNotFound`."""
    program = get_program(slug)
    return get_version(program.id, program.version)


def get_program(slug: str) -> Program:
    """Return the program with this slug. Raises `ProgramNotFound`."""
    program = queries.find_program(slug)
    if program is None:
        raise ProgramNotFound(
            f"There is no program {slug!r}; `flask loyalty program list` shows those there are."
        )
    return program


def find_program(slug: str) -> Program | None:
    """Return the program with this slug, if there is one."""
    return queries.find_program(slug)


def list_programs() -> list[tuple[Program, ProgramVersion]]:
    """Return all programs with the version in force, by slug."""
    return queries.list_programs()


def get_current(call: Call) -> ProgramVersion:
    """Return the version in force."""
    program = queries.get_program(call.program_id)
    return get_version(program.id, program.version)


def get_version(program_id: str, version: int) -> ProgramVersion:
    """Return one version. Raises `VersionNotFound`."""
    found = queries.find_version(program_id, version)
    if found is None:
        raise VersionNotFound(f"This program has no version {version}.")
    return found


def list_versions(call: Call, *, before: int | None, limit: int) -> Sequence[ProgramVersion]:
    """Return up to `limit` versions, newest first, from below a number."""
    return queries.list_versions(call.program_id, before=before, limit=limit)


def get_test_clock(call: Call) -> datetime:
    """Return a test program's time. Raises `NoTestClock`."""
    program = queries.get_program(call.program_id)
    _refuse_live(program)
    return present(program, call.now)


def set_test_clock(call: Call, to: datetime) -> datetime:
    """Set a test program's time; setting it to what it is is harmless.

    Raises `NoTestClock`, `ClockBackwards`, `ClockTooFar`.
    """
    program = queries.lock_program(call.program_id)
    _refuse_live(program)
    if to > call.now + FURTHEST:
        raise ClockTooFar(f"{to:%Y-%m-%d} is over a hundred years ahead; choose a nearer time.")
    shown = present(program, call.now)
    if to < shown and (program.test_now or queries.has_events(program.id)):
        raise ClockBackwards(
            f"The clock shows {shown:%Y-%m-%dT%H:%M:%S.%fZ} and only runs forwards; "
            "set a later time."
        )
    if to != program.test_now:
        acts.put_on_record(call, "test_clock.set", {"to": to.isoformat()}, now=to)
    program.test_now = to
    return to


def _refuse_live(program: Program) -> None:
    if program.mode == LIVE:
        raise NoTestClock(f"The program {program.slug!r} is live, and its clock is the present.")


def _refuse_changing_fixed(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    errors = [
        problems.FieldError(
            problems.pointer(("program", name)),
            f"must stay {old[name]!r}: a program keeps its {name} for good",
        )
        for name in FIXED
        if new[name] != old[name]
    ]
    if errors:
        raise TermFixed(
            f"A program's {' and '.join(FIXED[:2])} and {FIXED[2]} never change; "
            "create a program with a new slug instead.",
            errors=errors,
        )


def _add_version(call: Call, program: Program, document: dict[str, Any]) -> ProgramVersion:
    version = ProgramVersion(
        program_id=program.id,
        version=program.version,
        document=document,
        actor=call.actor,
        created_at=call.now,
    )
    db.session.add(version)
    acts.put_on_record(call, "program.applied", {"version": version.version}, now=call.now)
    return version
