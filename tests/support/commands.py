"""`flask loyalty …` as a process of its own, on the database of a test."""

import subprocess
import sys
from pathlib import Path

from config import environment_with

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
