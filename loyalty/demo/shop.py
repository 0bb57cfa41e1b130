"""The demo program: made once, filled once, and a key for it."""

from __future__ import annotations

from pathlib import Path

from loyalty.access import guard
from loyalty.access import service as access
from loyalty.demo.keeping import Keeping
from loyalty.demo.people import PEOPLE
from loyalty.demo.story import Story
from loyalty.foundation import clock, db
from loyalty.foundation.tenancy import Program
from loyalty.programs import document as documents
from loyalty.programs import queries
from loyalty.programs import service as programs

SLUG = "corner-shop"
TERMS = Path(__file__).parents[2] / "config" / "programs" / f"{SLUG}.toml"
FEATURED, FEATURED_NAME = "c-1001", PEOPLE[0].name
KEPT_KEY = "server-key"


def open_shop() -> Program:
    """Return the demo program; it is made, as a test program, and filled if it is not there.

    A program of this name that is live is somebody's own: nothing is put into it.
    """
    program = db.retrying(_find_or_create)
    if program.mode == programs.TEST:
        db.retrying(lambda: _fill(program))
    return program


def server_key(program: Program, keeping: Keeping) -> str:
    """Return a key that may do everything in the program, the same as last time if it is good."""
    pepper = guard.secret_key()
    kept = keeping.find(KEPT_KEY)
    if kept:
        with db.reading():
            key = access.find_key(kept, pepper)
        if key is not None and key.program_id == program.id:
            return kept
    with db.transaction():
        made = access.create_key(
            program_id=program.id,
            mode=program.mode,
            name="demo",
            granted=("*",),
            agent=None,
            pepper=pepper,
            now=clock.system_now(),
        )
    return keeping.keep(KEPT_KEY, made.secret)


def _find_or_create() -> Program:
    with db.transaction():
        found = programs.find_program(SLUG)
        if found is None:
            document = documents.from_toml(TERMS.read_text("utf-8"))
            document["program"]["mode"] = programs.TEST
            programs.create_program(document=document, actor="demo", now=clock.system_now())
        return programs.get_program(SLUG)


def _fill(program: Program) -> None:
    with db.transaction():
        if not queries.has_events(program.id):
            Story(program.id, clock.system_now()).tell()
