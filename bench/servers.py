"""Web servers under test: gunicorn as it is shipped, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "bench"
SECRET_KEY = "only-for-the-benchmark-never-for-a-real-service"  # noqa: S105 - no secret
START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Server:
    """A running gunicorn with its workers."""

    address: str
    pid: int

    def memory_mib(self) -> list[float]:
        """Return the resident memory of each web worker; empty where /proc does not tell."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        pids = children.read_text().split() if children.exists() else []
        return [_resident_mib(pid) for pid in pids]


def settings(database_url: str) -> dict[str, str]:
    """Return the environment of a process of the service; limits are out of the way."""
    return {
        **os.environ,
        "LOYALTY_DATABASE_URL": database_url,
        "LOYALTY_SECRET_KEY": SECRET_KEY,
        "LOYALTY_BASE_URL": "http://127.0.0.1:8000",
        "LOYALTY_RATE_LIMIT_PER_MINUTE": "10000000",
    }


@contextmanager
def workplace() -> Iterator[Path]:
    """Make the folder for logs; yield one in it that PostgreSQL's user may write to."""
    BUILD.mkdir(parents=True, exist_ok=True)
    folder = BUILD / "data"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serve(
    application: str, name: str, *, database_url: str, worker_class: str, ready: str
) -> Iterator[Server]:
    """Run a WSGI application under the service's own gunicorn settings until the block ends."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    environment = settings(database_url) | {
        "LOYALTY_BIND": f"127.0.0.1:{port}",
        "LOYALTY_WEB_WORKER_CLASS": worker_class,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", application]
    with (BUILD / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)
        try:
            _wait_until_ready(address + ready, process, Path(log.name))
            yield Server(address, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=40)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(START_SECONDS * 10):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=START_SECONDS):  # noqa: S310 - our own
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit(f"gunicorn did not start:\n{log.read_text()[-3000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _resident_mib(pid: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = next(line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(kib) / 1024
