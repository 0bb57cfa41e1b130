"""Reading programs and their versions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from loyalty.foundation import db
from loyalty.foundation.events import Event
from loyalty.foundation.tenancy import Program
from loyalty.programs.models import ProgramVersion


def get_program(program_id: str) -> Program:
    """Return the tenant's row as it is committed now."""
    return db.session.get_one(Program, program_id, populate_existing=True)


def lock_program(program_id: str) -> Program:
    """Return the tenant's row, locked for change; who only refers to it need not wait."""
    return db.session.get_one(
        Program, program_id, with_for_update={"key_share": True}, populate_existing=True
    )


def find_program(slug: str) -> Program | None:
    """Return the program with this slug."""
    return db.session.scalar(
        select(Program).where(Program.slug == slug).execution_options(populate_existing=True)
    )


def list_programs() -> list[tuple[Program, ProgramVersion]]:
    """Return all programs with the version in force, by slug."""
    in_force = (ProgramVersion.program_id == Program.id) & (
        ProgramVersion.version == Program.version
    )
    query = select(Program, ProgramVersion).join(ProgramVersion, in_force).order_by(Program.slug)
    return [(program, version) for program, version in db.session.execute(query)]


def find_version(program_id: str, version: int) -> ProgramVersion | None:
    """Return one version of a program."""
    return db.session.get(ProgramVersion, (program_id, version))


def list_versions(program_id: str, *, before: int | None, limit: int) -> Sequence[ProgramVersion]:
    """Return versions, newest first, from below a number."""
    query = select(ProgramVersion).where(ProgramVersion.program_id == program_id)
    if before is not None:
        query = query.where(ProgramVersion.version < before)
    return db.session.scalars(query.order_by(ProgramVersion.version.desc()).limit(limit)).all()


def has_events(program_id: str) -> bool:
    """Whether anything of value ever happened in a program."""
    query = select(Event.id).where(Event.program_id == program_id).limit(1)
    return db.session.scalar(query) is not None
