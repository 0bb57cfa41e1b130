"""Load from `wrk`: runs a script of `bench/load` against a server and reads the figures."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LOAD = Path(__file__).parent / "load"
MISSING = "`make bench` needs wrk, which makes the load. On Debian: apt-get install wrk"
_LINE = re.compile(
    r"measured requests=(\d+) seconds=([\d.]+) p50_ms=([\d.]+) p99_ms=([\d.]+) "
    r"refused=(\d+) broken=(\d+)"
)


class LoadFailed(Exception):
    """Requests were refused or broke, so the figures would say nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run gave; milliseconds from sending a request to its answer."""

    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Target:
    """A server with members `m-1` … `m-<members>` of one program, and a key for it."""

    address: str
    key: str = "none"
    members: int = 1


def is_here() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def run(script: str, target: Target, *, seconds: float, connections: int = 16) -> Measured:
    """Send requests for so long, over so many connections; raise `LoadFailed` for a refused one."""
    name = f"{random.getrandbits(48):012x}"
    environment = {
        **os.environ,
        "BENCH_LOAD": str(LOAD),
        "BENCH_RUN": name,
        "BENCH_SEED": str(int(name, 16) % 10**9),
        "BENCH_KEY": target.key,
        "BENCH_MEMBERS": str(target.members),
        "BENCH_NOW": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    command = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout", "20s"]
    command += ["-s", str(LOAD / f"{script}.lua"), target.address]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    found = _LINE.search(done.stdout)
    if found is None:
        raise LoadFailed(f"wrk said nothing that can be read:\n{done.stdout}{done.stderr}")
    requests, took, p50, p99, refused, broken = map(float, found.groups())
    if refused or broken:
        raise LoadFailed(
            f"{script}: of {requests:.0f} requests {refused:.0f} were refused and "
            f"{broken:.0f} broke; build/bench/*.log tells more."
        )
    return Measured(requests / took, p50, p99)
