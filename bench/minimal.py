"""What PostgreSQL alone does: a hand-written minimal post, under `pgbench`, on the same server."""

from __future__ import annotations

import re
import subprocess

import psycopg
from sqlalchemy.engine import URL, make_url

from bench.wrk import LOAD
from tests.support import postgres

ACCOUNTS = 10_000
TABLES = f"""
CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0));
CREATE TABLE entry (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account int NOT NULL REFERENCES account,
    points bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO account SELECT n, 0 FROM generate_series(1, {ACCOUNTS}) AS n;
ANALYZE;
"""  # noqa: S608 - a constant


def prepare(database_url: str) -> None:
    """Make the two tables in an empty database."""
    url = make_url(database_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(TABLES)


def posts_per_second(database_url: str, *, seconds: float, connections: int) -> float | None:
    """Return how many posts pgbench makes; None where there is no pgbench."""
    program = postgres.pgbench()
    if program is None:
        return None
    url = make_url(database_url)
    command = [program, "-n", "-M", "prepared", "-j", "1", "-c", str(connections)]
    command += ["-T", str(round(seconds)), "-f", LOAD / "pgbench.sql", *_address(url)]
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=seconds + 60, check=True
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench said nothing that can be read:\n{done.stdout}")
    return float(found[1])


def _address(url: URL) -> list[str]:
    host = url.host or str(url.query.get("host", "localhost"))
    port = ["-p", str(url.port)] if url.port else []
    return ["-h", host, *port, "-U", url.username or "postgres", str(url.database)]
