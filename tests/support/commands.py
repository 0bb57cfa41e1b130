"""`flask loyalty …` as a process of its own, on the database of a test."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select

from config import environment_with
from loyalty.foundation import db
from loyalty.foundation.progress import ImportProgress
from loyalty.foundation.tenancy import Program

ROOT = Path(__file__).parents[2]
SECRET_KEY = "a-secret-that-only-tests-know-of"


def environment(database_url, **settings):
    return environment_with(
        database_url=database_url,
        secret_key=SECRET_KEY,
        base_url="http://localhost",
        **settings,
    )


def start(database_url, *arguments, **options):
    """Start a command, its outputs in pipes; the caller waits for it."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "loyalty", *map(str, arguments)],
        cwd=ROOT,
        env=environment(database_url),
        **options,
    )


def rows_done(program):
    """Return how many rows of an import into a program are committed."""
    query = select(ImportProgress.row_count).where(ImportProgress.program_id == program.id)
    with db.reading():
        return db.session.scalar(query) or 0


def wait_for_rows(process, program, beyond=0):
    """Wait until a running import has committed more rows than `beyond`."""
    while rows_done(program) <= beyond:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            raise AssertionError(f"the import ended: {process.communicate()}")


def kill_in_the_middle(process, program, beyond=0):
    """Kill an import that has committed more rows than `beyond`, and lets it commit no more."""
    wait_for_rows(process, program, beyond)
    with db.transaction():  # on SQLite this alone keeps everyone else from writing
        db.session.get_one(Program, program.id, with_for_update=True)
        process.kill()
        process.communicate()
